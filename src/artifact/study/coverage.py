# SPDX-License-Identifier: MIT
"""Which points of a design a claim compares, and whether a tier plans the seeds for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from artifact.statistics.bends import LEAST_LEVELS
from artifact.study.claims import (
    AnyClaim,
    BendClaim,
    EquivalenceClaim,
    MaximumClaim,
    NoWorseClaim,
    PeakClaim,
    PlaceClaim,
    RatioClaim,
    Selector,
    ShiftClaim,
    TrendClaim,
    ValueClaim,
)
from artifact.study.designs import Design, Scope

LEAST_OF_A_TREND = 3


@dataclass(frozen=True)
class Coverage:
    """What a tier plans of one design: how many seeds at each point (server, variant, level), and
    of each server's search for the peak."""

    seeds: Mapping[tuple[str, str, int], int]
    searches: Mapping[str, int]

    def list_levels(self, server: str, variant: str, needed: int) -> list[int]:
        """The levels at which a server has at least ``needed`` seeds, ascending."""
        return sorted(
            level
            for (name, of, level), seeds in self.seeds.items()
            if (name, of) == (server, variant) and seeds >= needed
        )


def cover_scope(design: Design, scope: Scope) -> Coverage:
    """What ``scope`` will plan."""
    return Coverage(
        {
            (server, variant.name, level): len(scope.list_seeds(level))
            for server in scope.servers
            for variant in design.find_variants(scope)
            for level in scope.levels
        },
        dict.fromkeys(scope.servers, scope.seeds) if scope.search else {},
    )


def list_points(claim: AnyClaim, server: str, covered: Coverage, needed: int) -> list[Selector]:
    """The points that are compared, each with server and level; of a range of levels those for
    which ``needed`` seeds are planned, since a tier has others that only draw the curve.

    A value has one, a ratio two, a curve one a level, two curves two a level in turns; a search
    has none.
    Raises ValueError, in words, if too little is planned.
    """
    if isinstance(claim, PeakClaim):
        for name in (server, claim.reference):
            _need(covered.searches.get(name, 0), needed, f"the search of {name}")
        return []
    if isinstance(claim, RatioClaim | EquivalenceClaim):
        pair = [_place(selector, server) for selector in (claim.point, claim.reference)]
        return _need_all(pair, covered, needed)
    if isinstance(claim, ValueClaim):
        return _need_all([_place(claim.point, server)], covered, needed)
    curves = _list_curves(claim, server)
    levels = _list_common_levels(claim, curves, covered, needed)
    least = _find_least_levels(claim)
    if len(levels) < least:
        span = f"{claim.levels.start} to {claim.levels.end}"
        raise ValueError(
            f"{least} levels in c = {span} need {needed} seeds of {curves[0].server} and what it "
            f"is compared with, and {len(levels)} have them"
        )
    return [
        curve.model_copy(update={"level": curve.level or level})
        for level in levels
        for curve in curves
    ]


def _list_curves(
    claim: TrendClaim | MaximumClaim | NoWorseClaim | ShiftClaim | PlaceClaim, server: str
) -> list[Selector]:
    """What is compared at each level of a range."""
    if isinstance(claim, TrendClaim | PlaceClaim):
        return [Selector(server=server, variant=claim.variant)]
    if isinstance(claim, ShiftClaim):
        return [Selector(server=server), Selector(server=claim.reference)]
    return [_place(selector, server) for selector in (claim.point, claim.reference)]


def _list_common_levels(
    claim: TrendClaim | MaximumClaim | NoWorseClaim | ShiftClaim | PlaceClaim,
    curves: Iterable[Selector],
    covered: Coverage,
    needed: int,
) -> list[int]:
    """The levels of the claim's range at which every curve has ``needed`` seeds; a point that has
    a level of its own is the same at each."""
    found: set[int] | None = None
    for curve in curves:
        if curve.level:
            _need(_count(covered, curve), needed, _describe(curve))
            continue
        levels = set(covered.list_levels(curve.server or "", curve.variant, needed))
        found = levels if found is None else found & levels
    return sorted(c for c in found or () if claim.levels.start <= c <= claim.levels.end)


def _find_least_levels(claim: AnyClaim) -> int:
    if isinstance(claim, BendClaim):
        return max(LEAST_OF_A_TREND, LEAST_LEVELS * (claim.breaks + 1))
    if isinstance(claim, TrendClaim):
        return LEAST_OF_A_TREND
    return 2 if isinstance(claim, ShiftClaim | PlaceClaim) else 1


def _place(selector: Selector, server: str) -> Selector:
    return selector.model_copy(update={"server": selector.server or server})


def _count(covered: Coverage, point: Selector) -> int:
    return covered.seeds.get((point.server or "", point.variant, point.level or 0), 0)


def _describe(point: Selector) -> str:
    variant = "" if point.variant == "base" else f", variant {point.variant}"
    return f"{point.server}{variant} at c = {point.level}"


def _need_all(points: list[Selector], covered: Coverage, needed: int) -> list[Selector]:
    for point in points:
        _need(_count(covered, point), needed, _describe(point))
    return points


def _need(planned: int, needed: int, what: str) -> None:
    if planned < needed:
        raise ValueError(f"{what} needs {needed} seeds and {planned} are planned")
