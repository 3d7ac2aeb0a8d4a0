# SPDX-License-Identifier: MIT
"""A metric that is a ratio by its definition, at one point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from artifact.statistics.estimates import estimate_ratio, log_ratios
from artifact.study.claims.evidence import Evidence
from artifact.study.claims.families import EffectClaim
from artifact.study.claims.measured import Measured
from artifact.study.claims.points import Names, Selector, name_points, take_points
from artifact.study.coverage import Coverage


class ValueClaim(EffectClaim):
    """``metric`` itself at ``point``, where it is a ratio by its definition."""

    kind: Literal["value"]
    point: Selector

    def describe_measure(self) -> str:
        """Metric and point."""
        return f"{self.metric}, {self.point.describe() or 'server'}"

    def list_names(self) -> Names:
        """Those of the point."""
        return name_points(point=self.point)

    def list_points(self, server: str, covered: Coverage, needed: int) -> list[Selector]:
        """The one."""
        return take_points([self.point.place(server)], covered, needed)

    def weigh(self, server: str, points: Sequence[Selector], measured: Measured) -> Evidence:
        """The mean, as a ratio to 1."""
        sample = measured.collect(points)
        (values,) = sample.columns
        ones = [1.0] * len(values)
        p = self.flip_signs(log_ratios(values, ones))
        return Evidence(estimate_ratio(values, ones), sample.keys, p)
