# SPDX-License-Identifier: MIT
"""A metric that is no worse than a reference at any level of a range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from artifact.statistics.estimates import Estimate, estimate_ratio
from artifact.study.claims.evidence import Evidence, Ruling, Verdict
from artifact.study.claims.families import RangeClaim
from artifact.study.claims.kind import Band
from artifact.study.claims.measured import Measured
from artifact.study.claims.points import Selector


class NoWorseClaim(RangeClaim):
    """At every level of a range ``metric`` at ``point`` is no worse than at ``reference``: it does
    not fall (or rise, as ``worse`` says) by more than ``margin``."""

    kind: Literal["no-worse"]
    worse: Literal["falls", "rises"]
    margin: Annotated[float, Field(gt=0, lt=0.5)]

    @property
    def accepted(self) -> Band:
        """The ratios that are no worse."""
        return Band(low=1 - self.margin) if self.worse == "falls" else Band(high=1 + self.margin)

    def describe_measure(self) -> str:
        """Range, metric and both points."""
        return f"worst, {self.levels.describe()}: {super().describe_measure()}"

    def weigh(self, server: str, points: Sequence[Selector], measured: Measured) -> Evidence:
        """The ratio at the worst level."""
        sample = measured.collect(points)
        # Where the point is one for all levels, those of the reference are the ones compared.
        levels = [p.level or 1 for p in points[1 if self.point.level else 0 :: 2]]
        columns = sample.columns
        pairs = list(zip(levels, columns[0::2], columns[1::2], strict=True))
        return Evidence(self.find_worst(pairs), sample.keys)

    def find_worst(self, pairs: Sequence[tuple[int, Sequence[float], Sequence[float]]]) -> Estimate:
        """The level that speaks most against the claim, of (level, values, reference's values).

        All levels must be within the margin, so each is held against it at full confidence and the
        worst decides (an intersection-union test).  A level whose whole interval is beyond the
        margin comes before all others.  Raises ValueError if a level has one seed only.
        """
        found: list[tuple[bool, float, Estimate]] = []
        for level, values, reference in pairs:
            estimate = estimate_ratio(values, reference)
            if estimate.low is None or estimate.high is None:
                raise ValueError(f"c = {level}: {estimate.note}")
            falls = self.worse == "falls"
            near, far = (estimate.low, estimate.high) if falls else (-estimate.high, -estimate.low)
            bound = 1 - self.margin if falls else -(1 + self.margin)
            worst = Estimate(
                estimate.value, estimate.low, estimate.high, estimate.n, f"worst at c = {level}"
            )
            found.append((far >= bound, near, worst))
        return min(found, key=lambda item: item[:2])[2]

    def decide(self, low: float, high: float, evidence: Evidence) -> Ruling:
        """Interval logic for the worst level."""
        where = evidence.estimate.note
        if self.accepted.holds(low, high):
            return Verdict.REPRODUCED, f"no level is worse by more than the margin ({where})"
        beyond = high < 1 - self.margin if self.worse == "falls" else low > 1 + self.margin
        if beyond:
            return Verdict.CONTRADICTED, f"it is worse by more than the margin ({where})"
        return Verdict.INCONCLUSIVE, f"a loss beyond the margin cannot be excluded ({where})"
