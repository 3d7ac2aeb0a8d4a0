# SPDX-License-Identifier: MIT
"""A metric at one point over that at another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from artifact.statistics.estimates import estimate_ratio, log_ratios
from artifact.study.claims.evidence import Evidence
from artifact.study.claims.families import EffectClaim
from artifact.study.claims.measured import Measured
from artifact.study.claims.points import (
    Names,
    Selector,
    describe_ratio,
    name_points,
    take_points,
)
from artifact.study.coverage import Coverage


class RatioClaim(EffectClaim):
    """``metric`` at ``point`` over that at ``reference``, paired by seed."""

    kind: Literal["ratio"]
    point: Selector
    reference: Selector

    def describe_measure(self) -> str:
        """Metric and both points."""
        return f"{self.metric}, {describe_ratio(self.point, self.reference)}"

    def list_names(self) -> Names:
        """Those of both points."""
        return name_points(point=self.point, reference=self.reference)

    def list_points(self, server: str, covered: Coverage, needed: int) -> list[Selector]:
        """Both."""
        return take_points(
            [self.point.place(server), self.reference.place(server)], covered, needed
        )

    def weigh(self, server: str, points: Sequence[Selector], measured: Measured) -> Evidence:
        """The mean ratio."""
        sample = measured.collect(points)
        above, below = sample.columns
        p = self.flip_signs(log_ratios(above, below))
        return Evidence(estimate_ratio(above, below), sample.keys, p)
