# SPDX-License-Identifier: MIT
"""What a kind of claim has to say."""

# DEVIATIONS.md: ["comparable"]

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from artifact.study.claims.evidence import Evidence, Ruling
from artifact.study.claims.measured import Measured
from artifact.study.claims.points import Names, Selector
from artifact.study.coverage import Coverage
from artifact.study.designs import Tier
from artifact.study.metrics import METRICS
from ground.documents import Strict


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


class Claim(Strict):
    """What all claims have, and what a kind says of its own.

    ``seeds`` gives the tiers in which the claim is judged and the valid seeds it needs there.
    ``paper`` is the paper's own number, as the ratio that is judged, where it gives one: it stands
    beside the measured one, and decides nothing.  A ``lossy`` claim is about what happens where
    connections are lost, so runs in which that was all that was wrong count for it, too.

    A kind has a field ``kind`` with its name.  A ``tested`` one is decided by a test as well as
    by its interval: its p is adjusted for all claims that are.
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

    tested: ClassVar[bool] = False

    @model_validator(mode="after")
    def check_metric(self) -> Self:
        """The metric exists."""
        if self.metric not in METRICS:
            raise ValueError(f"no metric {self.metric!r}; choose one of {', '.join(METRICS)}")
        return self

    @property
    def accepted(self) -> Band:
        """The ratios that count as reproduced."""
        raise NotImplementedError

    def describe_measure(self) -> str:
        """What is measured, in a few words."""
        raise NotImplementedError

    def describe_band(self) -> str:
        """What counts as reproduced, in words."""
        return str(self.accepted)

    def list_names(self) -> Names:
        """What the kind's own fields name of the design."""
        raise NotImplementedError

    def list_points(self, server: str, covered: Coverage, needed: int) -> list[Selector]:
        """The points that are compared, each with server and level; none if the claim rests on
        searches.

        Raises ValueError, in words, if fewer than ``needed`` seeds are planned there.
        """
        raise NotImplementedError

    def weigh(self, server: str, points: Sequence[Selector], measured: Measured) -> Evidence:
        """The numbers that decide the claim for ``server``, at the ``points`` that it listed.

        Raises ValueError, in words, if the runs that there are do not give them.
        """
        raise NotImplementedError

    def decide(self, low: float, high: float, evidence: Evidence) -> Ruling:
        """The verdict on the interval ``low`` to ``high`` of the estimate, to which nothing
        objects; p of a ``tested`` kind is adjusted."""
        raise NotImplementedError
