# SPDX-License-Identifier: MIT
"""A metric that rises or falls with concurrency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from artifact.statistics.estimates import estimate_ratio, find_trend_p
from artifact.study.claims.evidence import ALPHA, Evidence, Ruling, Verdict
from artifact.study.claims.families import EffectClaim
from artifact.study.claims.measured import Measured
from artifact.study.claims.points import Levels, Names, Selector, take_levels
from artifact.study.coverage import Coverage

LEAST_LEVELS = 3


class TrendClaim(EffectClaim):
    """``metric`` rises or falls over the levels of a range, as concurrency rises."""

    kind: Literal["trend"]
    levels: Levels
    variant: str = "base"

    tested: ClassVar = True

    def describe_measure(self) -> str:
        """Metric and range."""
        return f"{self.metric}, {self.levels.describe()}, last / first"

    def list_names(self) -> Names:
        """The variant."""
        return Names(variants=[("variant", self.variant)])

    def list_points(self, server: str, covered: Coverage, needed: int) -> list[Selector]:
        """One a level."""
        curve = Selector(server=server, variant=self.variant)
        return take_levels([curve], self.levels, covered, needed, LEAST_LEVELS)

    def weigh(self, server: str, points: Sequence[Selector], measured: Measured) -> Evidence:
        """The ratio of the last level to the first, and Page's test over all of them."""
        sample = measured.collect(points)
        first, *_, last = sample.columns
        p = self.order(find_trend_p(sample.table, "rises"), find_trend_p(sample.table, "falls"))
        return Evidence(estimate_ratio(last, first), sample.keys, p)

    def decide(self, low: float, high: float, evidence: Evidence) -> Ruling:
        """A trend needs both: an order over all levels, and an effect from the first to the
        last."""
        assert evidence.p
        verdict, reason = super().decide(low, high, evidence)
        if evidence.p.opposite < ALPHA:
            return Verdict.CONTRADICTED, "the trend over the levels is the opposite"
        p = evidence.p.claim
        if verdict in {Verdict.REPRODUCED, Verdict.DIRECTION} and p >= ALPHA:
            reason = f"{reason}, but the levels between show no trend (p = {p:.2g})"
            return Verdict.INCONCLUSIVE, reason
        return verdict, reason
