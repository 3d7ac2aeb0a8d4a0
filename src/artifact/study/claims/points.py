# SPDX-License-Identifier: MIT
"""Points of a design: how a claim names them, and which of them a plan has seeds for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, model_validator

from artifact.study.coverage import Coverage
from ground.documents import Strict


class Selector(Strict):
    """Which runs of a design: one variant at one level; ``server`` only where it differs from
    the server for which the claim is judged."""

    level: Annotated[int, Field(ge=1)] | None = None
    variant: str = "base"
    server: str | None = None

    def place(self, server: str) -> Selector:
        """The same, of ``server`` unless it names one."""
        return self.model_copy(update={"server": self.server or server})

    def describe(self) -> str:
        """Server, variant and level, as far as they are said."""
        parts = (
            self.server or "",
            self.variant if self.variant != "base" else "",
            f"c = {self.level}" if self.level else "",
        )
        return ", ".join(part for part in parts if part)


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

    def describe(self) -> str:
        """In words."""
        return f"c = {self.start} to {self.end}"


@dataclass(frozen=True)
class Names:
    """What a claim names of its design: fields, each with the name in it.

    A level is None where the claim needs one and has none.
    """

    servers: Sequence[tuple[str, str]] = ()
    variants: Sequence[tuple[str, str]] = ()
    levels: Sequence[tuple[str, int | None]] = ()


def name_points(**points: Selector) -> Names:
    """What the fields ``points`` name, each of which needs a level."""
    return Names(
        [(f"{field}.server", point.server) for field, point in points.items() if point.server],
        [(f"{field}.variant", point.variant) for field, point in points.items()],
        [(f"{field}.level", point.level) for field, point in points.items()],
    )


def name_curves(**curves: Selector) -> Names:
    """What the fields ``curves`` name; one with a level is the same all over the range."""
    names = name_points(**curves)
    levels = [(field, level) for field, level in names.levels if level]
    return Names(names.servers, names.variants, levels)


def describe_ratio(point: Selector, reference: Selector) -> str:
    """One over the other, in words."""
    return f"{point.describe() or 'server'} / {reference.describe()}"


def take_points(points: Sequence[Selector], covered: Coverage, needed: int) -> list[Selector]:
    """``points``.  Raises ValueError, in words, if one has fewer than ``needed`` seeds."""
    for point in points:
        covered.need_point(point.server or "", point.variant, point.level, needed)
    return list(points)


def take_levels(
    curves: Sequence[Selector], levels: Levels, covered: Coverage, needed: int, least: int = 1
) -> list[Selector]:
    """Each of ``curves`` at each of the ``levels`` at which all have ``needed`` seeds, in turns: a
    tier has other levels that only draw the curve.

    Raises ValueError, in words, if there are fewer than ``least`` of them.
    """
    found = _find_common_levels(curves, levels, covered, needed)
    if len(found) < least:
        raise ValueError(
            f"{least} levels in {levels.describe()} need {needed} seeds of {curves[0].server} and "
            f"what it is compared with, and {len(found)} have them"
        )
    return [
        curve.model_copy(update={"level": curve.level or level})
        for level in found
        for curve in curves
    ]


def _find_common_levels(
    curves: Sequence[Selector], levels: Levels, covered: Coverage, needed: int
) -> list[int]:
    """Those at which every curve has enough seeds; one that has a level of its own is the same at
    each."""
    common: set[int] | None = None
    for curve in curves:
        if curve.level:
            take_points([curve], covered, needed)
            continue
        enough = set(covered.list_levels(curve.server or "", curve.variant, needed))
        common = enough if common is None else common & enough
    return sorted(c for c in common or () if levels.start <= c <= levels.end)
