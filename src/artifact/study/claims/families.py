# SPDX-License-Identifier: MIT
"""What several kinds of claim share: of an effect, of a pair of points, of a concurrency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from artifact.statistics.estimates import Values, find_sign_flip_p
from artifact.study.claims.evidence import Evidence, PValues, Ruling, Verdict
from artifact.study.claims.kind import Band, Claim
from artifact.study.claims.points import (
    Levels,
    Names,
    Selector,
    describe_ratio,
    name_curves,
    name_points,
    take_levels,
    take_points,
)
from artifact.study.coverage import Coverage


class EffectClaim(Claim):
    """A claim that something rises or falls, by a ratio in ``band``."""

    direction: Literal["rises", "falls"]
    band: Band
    indifference: Annotated[float, Field(gt=0, lt=0.5)] = 0.02

    @model_validator(mode="after")
    def check_side(self) -> Self:
        """The band lies on the side that the direction says."""
        if self.direction == "falls" and (self.band.high is None or self.band.high >= 1):
            raise ValueError("a claim that something falls needs band.high below 1")
        if self.direction == "rises" and (self.band.low is None or self.band.low <= 1):
            raise ValueError("a claim that something rises needs band.low above 1")
        if self.paper is not None and not self.band.holds(self.paper, self.paper):
            raise ValueError(f"the paper's own {self.paper:g} is not in the band {self.band}")
        return self

    @property
    def accepted(self) -> Band:
        """As the file has it."""
        return self.band

    def flip_signs(self, logs: Sequence[float] | Values) -> PValues:
        """Of the test whether the mean of log ratios is on the claimed side of 0."""
        return self.order(find_sign_flip_p(logs, "above"), find_sign_flip_p(logs, "below"))

    def order(self, rises: float, falls: float) -> PValues:
        """p of a rise and of a fall, as those of claim and opposite."""
        return PValues(rises, falls) if self.direction == "rises" else PValues(falls, rises)

    def decide(self, low: float, high: float, evidence: Evidence) -> Ruling:
        """Interval logic for a ratio that is claimed to be on one side of 1."""
        rises = self.direction == "rises"
        if self.band.holds(low, high):
            return Verdict.REPRODUCED, "the interval lies in the band"
        if (low > 1) if rises else (high < 1):
            return Verdict.DIRECTION, "the effect has the claimed direction, but misses the band"
        if (high < 1) if rises else (low > 1):
            return Verdict.CONTRADICTED, "the effect has the opposite direction"
        if low >= 1 / (1 + self.indifference) and high <= 1 + self.indifference:
            return Verdict.CONTRADICTED, "there is no effect worth the name"
        reason = "the interval includes no effect and is too wide to exclude one"
        return Verdict.INCONCLUSIVE, reason


class PairClaim(Claim):
    """The metric at ``point`` is held against that at ``reference``."""

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
        return take_points(self.place(server), covered, needed)

    def place(self, server: str) -> list[Selector]:
        """Both, each with its server."""
        return [self.point.place(server), self.reference.place(server)]


class RangeClaim(PairClaim):
    """The same at each of the ``levels``; a point with a level of its own is one for all."""

    levels: Levels

    def list_names(self) -> Names:
        """Those of both points."""
        return name_curves(point=self.point, reference=self.reference)

    def list_points(self, server: str, covered: Coverage, needed: int) -> list[Selector]:
        """Two a level, in turns."""
        return take_levels(self.place(server), self.levels, covered, needed)


class ConcurrencyClaim(Claim):
    """Something happens at a concurrency of about ``expected``, the paper's; the band is one
    of the ratio of the one found to it.

    That concurrency is a ``border`` of a server's zones."""

    border: ClassVar[Literal["elastic_ends", "failure_begins"]]

    levels: Levels
    expected: Annotated[int, Field(ge=1)]
    band: Band
    variant: str = "base"
    paper: Annotated[float, Field(gt=0)] | None = 1.0

    @property
    def accepted(self) -> Band:
        """As the file has it."""
        return self.band

    @property
    def least_levels(self) -> int:
        """How many levels tell it."""
        return 2

    def list_names(self) -> Names:
        """The variant."""
        return Names(variants=[("variant", self.variant)])

    def list_points(self, server: str, covered: Coverage, needed: int) -> list[Selector]:
        """One a level."""
        curve = Selector(server=server, variant=self.variant)
        return take_levels([curve], self.levels, covered, needed, self.least_levels)

    def finds_border(self, evidence: Evidence) -> bool:
        """Whether the zones of the server meet where the estimate of ``evidence`` lies."""
        return True

    def decide(self, low: float, high: float, evidence: Evidence) -> Ruling:
        """Interval logic for a concurrency, given as ratio to the expected one."""
        if self.band.holds(low, high):
            return Verdict.REPRODUCED, "it is there, and the interval of its place lies in the band"
        return Verdict.DIRECTION, "it is there, but the interval of its place misses the band"
