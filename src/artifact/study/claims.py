# SPDX-License-Identifier: MIT
"""The claims of the paper as data: what is measured, which band was fixed beforehand."""

# DEVIATIONS.md: ["comparable"]

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from artifact.study.designs import FOLDER, Tier
from artifact.study.metrics import METRICS
from ground.documents import Strict, parse_document
from ground.errors import UsageError

PATH = FOLDER / "claims.toml"
Course = Literal["rises", "falls", "any"]


class Selector(Strict):
    """Which runs of a design: one variant at one level; ``server`` only where it differs from
    the server for which the claim is judged."""

    level: Annotated[int, Field(ge=1)] | None = None
    variant: str = "base"
    server: str | None = None


class Band(Strict):
    """The ratios that count as reproduced; an open side has no bound.

    A fall by more than ``low``, where that is given, is not "better": it is another effect.
    """

    low: Annotated[float, Field(gt=0)] | None = None
    high: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def check_order(self) -> Self:
        """At least one bound, and in order."""
        if self.low is None and self.high is None:
            raise ValueError("a band needs low or high")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"the band {self.low} .. {self.high} is empty")
        return self

    def holds(self, low: float, high: float) -> bool:
        """Whether the interval lies inside."""
        return (self.low is None or low >= self.low) and (self.high is None or high <= self.high)

    def __str__(self) -> str:
        if self.low is None:
            return f"at most {self.high:g}"
        if self.high is None:
            return f"at least {self.low:g}"
        return f"{self.low:g} to {self.high:g}"


class Levels(Strict):
    """A range of concurrencies; those that a tier runs are taken."""

    start: Annotated[int, Field(ge=1, alias="from")]
    end: Annotated[int, Field(ge=1, alias="to")]

    @model_validator(mode="after")
    def check_range(self) -> Self:
        """From low to high."""
        if self.start > self.end:
            raise ValueError(f"the range of levels {self.start} to {self.end} is empty")
        return self


class Claim(Strict):
    """What all claims have.

    ``seeds`` gives the tiers in which the claim is judged and the valid seeds it needs there.
    ``paper`` is the paper's own number, as the ratio that is judged, where it gives one: it stands
    beside the measured one, and decides nothing.  A ``lossy`` claim is about what happens where
    connections are lost, so runs in which that was all that was wrong count for it, too.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    location: str
    statement: str
    design: str
    servers: Annotated[tuple[str, ...], Field(min_length=1)]
    metric: str
    band_reason: Annotated[str, Field(min_length=20)]
    seeds: dict[Tier, Annotated[int, Field(ge=2)]]
    paper: Annotated[float, Field(gt=0)] | None = None
    lossy: bool = False

    @model_validator(mode="after")
    def check_metric(self) -> Self:
        """The metric exists."""
        if self.metric not in METRICS:
            raise ValueError(f"no metric {self.metric!r}; choose one of {', '.join(METRICS)}")
        return self


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


class RatioClaim(EffectClaim):
    """``metric`` at ``point`` over that at ``reference``, paired by seed."""

    kind: Literal["ratio"]
    point: Selector
    reference: Selector


class ValueClaim(EffectClaim):
    """``metric`` itself at ``point``, where it is a ratio by its definition."""

    kind: Literal["value"]
    point: Selector


class TrendClaim(EffectClaim):
    """``metric`` rises or falls over the levels of a range, as concurrency rises."""

    kind: Literal["trend"]
    levels: Levels
    variant: str = "base"


class MaximumClaim(EffectClaim):
    """The largest ratio over a range of levels of ``metric`` at ``point`` to ``reference``."""

    kind: Literal["maximum"]
    levels: Levels
    point: Selector
    reference: Selector


class EquivalenceClaim(Claim):
    """``metric`` is the same at ``point`` and ``reference``, within 1 +- ``margin``."""

    kind: Literal["equivalence"]
    margin: Annotated[float, Field(gt=0, lt=0.5)]
    point: Selector
    reference: Selector


class NoWorseClaim(Claim):
    """At every level of a range ``metric`` at ``point`` is no worse than at ``reference``: it does
    not fall (or rise, as ``worse`` says) by more than ``margin``."""

    kind: Literal["no-worse"]
    levels: Levels
    worse: Literal["falls", "rises"]
    margin: Annotated[float, Field(gt=0, lt=0.5)]
    point: Selector
    reference: Selector

    @property
    def band(self) -> Band:
        """The ratios that are no worse."""
        return Band(low=1 - self.margin) if self.worse == "falls" else Band(high=1 + self.margin)


class PeakClaim(EffectClaim):
    """The peak load of the server over that of ``reference``, paired by seed; each is found by
    the search of the design."""

    kind: Literal["peak"]
    reference: str


class ShiftClaim(EffectClaim):
    """The concurrency at which the failure zone begins, over that of ``reference``."""

    kind: Literal["shift"]
    levels: Levels
    reference: str


class PlaceClaim(Claim):
    """Something happens at a concurrency of about ``expected``, the paper's place; the band is one
    of the ratio of the place found to it."""

    levels: Levels
    expected: Annotated[int, Field(ge=1)]
    band: Band
    variant: str = "base"
    paper: Annotated[float, Field(gt=0)] | None = 1.0


class BendClaim(PlaceClaim):
    """The curve of ``metric`` over the levels bends: of ``breaks`` breakpoints the one with
    number ``index`` (from 1) lies at ``expected``.

    ``turn`` says to which side; ``before`` and ``after`` what the curve does on either side.
    A slope within +- ``level_slope`` (relative change of the metric for a relative change of
    concurrency) is no rise or fall worth the name.
    """

    kind: Literal["bend"]
    breaks: Annotated[int, Field(ge=1, le=3)]
    index: Annotated[int, Field(ge=1, le=3)]
    turn: Literal["down", "up"]
    before: Course = "any"
    after: Course = "any"
    level_slope: Annotated[float, Field(gt=0, lt=0.5)] = 0.01

    @model_validator(mode="after")
    def check_index(self) -> Self:
        """The breakpoint that is judged is one of those that are sought."""
        if self.index > self.breaks:
            raise ValueError(f"index = {self.index} exceeds breaks = {self.breaks}")
        return self


class OnsetClaim(PlaceClaim):
    """The failure zone begins at about ``expected``: from there on connections are lost.

    It begins between the highest level at which no seed lost any and the lowest at which all
    did; ``metric`` only says which curve shows it.
    """

    kind: Literal["onset"]


AnyClaim = Annotated[
    RatioClaim
    | ValueClaim
    | TrendClaim
    | MaximumClaim
    | EquivalenceClaim
    | NoWorseClaim
    | PeakClaim
    | ShiftClaim
    | BendClaim
    | OnsetClaim,
    Field(discriminator="kind"),
]


class Claims(Strict):
    """The claims file."""

    claim: tuple[AnyClaim, ...]

    @model_validator(mode="after")
    def check_ids(self) -> Self:
        """Ids are distinct."""
        ids = [claim.id for claim in self.claim]
        if twice := sorted({i for i in ids if ids.count(i) > 1}):
            raise ValueError(f"the id {twice[0]} is used twice")
        return self


def load_claims(path: Path = PATH) -> tuple[AnyClaim, ...]:
    """The claims in the file ``path``.  Raises UsageError naming the claim and the remedy."""
    if not path.is_file():
        raise UsageError(f"no claims at {path}", hint="restore it from the repository")
    return parse_document(Claims, path.read_text(), path).claim
