# SPDX-License-Identifier: MIT
"""The largest ratio over a range of levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from artifact.statistics.estimates import Estimate, estimate_maximum, log_ratios
from artifact.study.claims.evidence import Evidence
from artifact.study.claims.families import EffectClaim
from artifact.study.claims.measured import Measured
from artifact.study.claims.points import (
    Levels,
    Names,
    Selector,
    describe_ratio,
    name_curves,
    take_levels,
)
from artifact.study.coverage import Coverage


class MaximumClaim(EffectClaim):
    """The largest ratio over a range of levels of ``metric`` at ``point`` to ``reference``."""

    kind: Literal["maximum"]
    levels: Levels
    point: Selector
    reference: Selector

    def describe_measure(self) -> str:
        """Metric and both points."""
        return f"largest {self.metric}, {describe_ratio(self.point, self.reference)}"

    def list_names(self) -> Names:
        """Those of both points."""
        return name_curves(point=self.point, reference=self.reference)

    def list_points(self, server: str, covered: Coverage, needed: int) -> list[Selector]:
        """Two a level, in turns."""
        curves = [self.point.place(server), self.reference.place(server)]
        return take_levels(curves, self.levels, covered, needed)

    def weigh(self, server: str, points: Sequence[Selector], measured: Measured) -> Evidence:
        """The largest ratio, with bounds for all levels at once."""
        sample = measured.collect(points)
        logs = [list(log_ratios(row[0::2], row[1::2])) for row in sample.table]
        top = estimate_maximum(logs)
        estimate = Estimate(top.value, top.low, top.high, top.n)
        p = self.flip_signs([row[top.level] for row in logs])
        return Evidence(estimate, sample.keys, p)
