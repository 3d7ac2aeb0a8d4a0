# SPDX-License-Identifier: MIT
"""What a kind of claim may ask of the runs that were measured, and the plain numbers it gets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from artifact.study.claims.points import Levels, Selector


@dataclass(frozen=True)
class Sample:
    """Values of the claim's metric: one row per seed, one column per point."""

    table: list[list[float]]
    keys: tuple[str, ...]

    @property
    def columns(self) -> list[tuple[float, ...]]:
        """The values of all seeds, point by point."""
        return list(zip(*self.table, strict=True))


@dataclass(frozen=True)
class Onset:
    """Where the failure zone begins, bracketed by levels.

    ``holds`` is the highest level up to which no seed fails (1 if the lowest fails), ``fails``
    the lowest from which on all do; None if there is none.  ``last`` is the highest level that
    was run.
    """

    holds: int
    fails: int | None
    last: int
    seeds: int
    keys: tuple[str, ...]

    @property
    def middle(self) -> float:
        """The geometric mean of the bracket: concurrency is on a logarithmic scale."""
        return math.sqrt(self.holds * (self.fails or self.last))

    def describe(self) -> str:
        """In words."""
        if self.fails is None:
            return f"not all seeds fail at any level up to c = {self.last}"
        return f"between c = {self.holds} and c = {self.fails}"


class Side(StrEnum):
    """From which side a number bounds another that is not known."""

    LOW = "low"
    HIGH = "high"


@dataclass(frozen=True)
class PeakPairs:
    """Peak loads of two servers, one pair per seed, each known to within ``accuracy``.

    If ``bounds`` has a side, some peak lies outside of the searched rates: the ratios of the
    pairs bound the true ones from that side, and ``note`` says which peak it is.
    """

    above: list[float]
    below: list[float]
    accuracy: float
    keys: tuple[str, ...]
    bounds: Side | None = None
    note: str = ""


class Measured(Protocol):
    """The runs of a claim's design, as far as the claim may see them.

    A kind asks for what it needs.  Every answer rests on as many seeds as the claim wants; where
    the runs do not give it, ValueError says why, in words.
    """

    def collect(self, points: Sequence[Selector]) -> Sample:
        """The claim's metric at ``points``, over the seeds that have a valid run at each."""

    def find_onsets(self, *servers: str, levels: Levels, variant: str = "base") -> list[Onset]:
        """Where the failure zone of each of ``servers`` begins."""

    def pair_peaks(self, server: str, reference: str) -> PeakPairs:
        """What the searches for the peak load found, over the seeds in which both found one."""
