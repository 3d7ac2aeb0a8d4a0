# SPDX-License-Identifier: MIT
"""The place where a curve bends, and what it does on either side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from artifact.statistics.bends import LEAST_LEVELS, Bend, Interval, find_bends
from artifact.statistics.estimates import Estimate
from artifact.study.claims.evidence import Evidence, Ruling, Verdict
from artifact.study.claims.families import ConcurrencyClaim
from artifact.study.claims.measured import Measured
from artifact.study.claims.points import Selector

LEAST_OF_A_CURVE = 3
Direction = Literal["rises", "falls", "any"]


@dataclass(frozen=True)
class BendEvidence(Evidence):
    """With the fitted ``bend``."""

    bend: Bend = field(kw_only=True)


class BendClaim(ConcurrencyClaim):
    """The curve of ``metric`` over the levels bends: of ``breaks`` breakpoints the one with
    number ``index`` (from 1) lies at ``expected``.

    ``turn`` says to which side; ``before`` and ``after`` what the curve does on either side.
    A slope within +- ``level_slope`` (relative change of the metric for a relative change of
    concurrency) is no rise or fall worth the name.
    """

    border: ClassVar = "elastic_ends"

    kind: Literal["bend"]
    breaks: Annotated[int, Field(ge=1, le=3)]
    index: Annotated[int, Field(ge=1, le=3)]
    turn: Literal["down", "up"]
    before: Direction = "any"
    after: Direction = "any"
    level_slope: Annotated[float, Field(gt=0, lt=0.5)] = 0.01

    @model_validator(mode="after")
    def check_index(self) -> Self:
        """The breakpoint that is judged is one of those that are sought."""
        if self.index > self.breaks:
            raise ValueError(f"index = {self.index} exceeds breaks = {self.breaks}")
        return self

    @property
    def least_levels(self) -> int:
        """Enough for a slope on each segment."""
        return max(LEAST_OF_A_CURVE, LEAST_LEVELS * (self.breaks + 1))

    def describe_measure(self) -> str:
        """The curve, and where it is expected to bend."""
        return f"bend of {self.metric}, c / {self.expected}"

    def weigh(self, server: str, points: Sequence[Selector], measured: Measured) -> Evidence:
        """The ratio of the place to the expected one; a shape other than the claimed objects."""
        sample = measured.collect(points)
        levels = [point.level or 1 for point in points]
        bend = find_bends(levels, sample.table, self.breaks)[self.index - 1]
        place, low, high = (at / self.expected for at in (bend.at.value, bend.at.low, bend.at.high))
        estimate = Estimate(place, low, high, bend.n)
        return BendEvidence(estimate, sample.keys, objection=self.find_objection(bend), bend=bend)

    def finds_border(self, evidence: Evidence) -> bool:
        """Only where the curve falls from there on."""
        return isinstance(evidence, BendEvidence) and evidence.bend.after.high < 0

    def find_objection(self, bend: Bend) -> Ruling | None:
        """What speaks against the claimed shape; a contradiction comes first."""
        found = [
            self._check_direction("turns up" if self.turn == "up" else "turns down", bend.turn),
            self._check_direction(self.before, bend.before),
            self._check_direction(self.after, bend.after),
        ]
        against = [ruling for ruling in found if ruling]
        return min(against, key=lambda it: it[0] is not Verdict.CONTRADICTED, default=None)

    def _check_direction(self, direction: str, slope: Interval) -> Ruling | None:
        if direction == "any":
            return None
        up = direction in {"rises", "turns up"}
        if (slope.low > 0) if up else (slope.high < 0):
            return None
        where = f"where the curve {direction} by the claim"
        found = f"slope {slope.value:.3g}, {slope.low:.3g} to {slope.high:.3g}"
        if (slope.high < 0) if up else (slope.low > 0):
            return Verdict.CONTRADICTED, f"{where}, it does not: {found}"
        if max(abs(slope.low), abs(slope.high)) <= self.level_slope:
            return Verdict.CONTRADICTED, f"{where}, it is level: {found}"
        return Verdict.INCONCLUSIVE, f"it is open whether the curve {direction}: {found}"
