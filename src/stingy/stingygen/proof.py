# SPDX-License-Identifier: MIT
"""The L0 proof: every line of the cache slab has a place of its own in the L2.

The proof reads the map alone and trusts nothing that the planner computed.  It goes through every
line of the cache slab and through every slot, and is therefore no argument but a check:

* the slab's lines map to pairs (set, way-slot) that are all distinct, on the page frames that
  the slab really occupies, and these have the planned colours;
* the first lines of all slots of the cache slab find ways too, whatever the slab's extent;
* areas and pools lie in their slabs, on whole units, without overlap;
* objects overlap only in a slot that they share, and only if one request never has both live.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from ground.documents import Strict
from stingy.stingygen.geometry import PAGE_BYTES
from stingy.stingygen.map import Map, Pool

Interval = tuple[int, int, str]  # start, end, what


class Proof(Strict):
    """What was checked, and every violation found (empty: proven).

    ``ways_used_least`` and ``ways_used_most``: how many ways of a set the slab takes.
    """

    machine: str
    lines: int
    distinct: int
    slots: int
    ways_used_least: int
    ways_used_most: int
    violations: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was violated."""
        return not self.violations


def plan_frames(plan: Map) -> list[int]:
    """Page frame numbers of the cache slab in a region at the planned alignment."""
    first = plan.slab("cache").offset // PAGE_BYTES
    return [first + n for n in range(plan.slab("cache").bytes // PAGE_BYTES)]


def prove(plan: Map, frames: Sequence[int] | None = None) -> Proof:
    """Check everything, on the page ``frames`` that hold the cache slab (default: as planned)."""
    found = list(frames) if frames is not None else plan_frames(plan)
    sets, ways = place_lines(plan, found)
    places = np.unique(sets * (1 << 32) + ways)
    violations = [
        *_check_frames(plan, found),
        *_check_places(plan, sets, ways),
        *_check_slots(plan),
        *_check_extents(plan),
        *_check_sharing(plan),
    ]
    used = np.bincount(sets, minlength=plan.l2.sets) if sets.size else np.zeros(1, dtype=int)
    return Proof(
        machine=plan.l2.machine,
        lines=int(sets.size),
        distinct=int(np.count_nonzero((places & 0xFFFFFFFF) < plan.l2.ways)),
        slots=sum(p.slots + p.high_slots for p in plan.pools),
        ways_used_least=int(used.min()),
        ways_used_most=int(used.max()),
        violations=tuple(violations),
    )


def place_lines(plan: Map, frames: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each line of the cache slab its set, and how many lines of the slab precede it there."""
    line = plan.l2.line_bytes
    per_page = PAGE_BYTES // line
    first = np.asarray(frames, dtype=np.int64) * per_page
    numbers = (first[:, None] + np.arange(per_page, dtype=np.int64)).ravel()
    sets = numbers % plan.l2.sets
    order = np.argsort(sets, kind="stable")
    ways = np.empty_like(sets)
    arranged = sets[order]
    starts = np.searchsorted(arranged, arranged, side="left")
    ways[order] = np.arange(sets.size) - starts
    return sets, ways


def _check_frames(plan: Map, frames: Sequence[int]) -> list[str]:
    """The slab is where, and as large as, the map says."""
    pages, colours = plan.slab("cache").bytes // PAGE_BYTES, plan.l2.colours
    problems = []
    if len(frames) != pages:
        problems.append(f"the cache slab has {pages} pages, {len(frames)} frames hold it")
    if len(set(frames)) != len(frames):
        problems.append("a page frame is used twice")
    for page, frame in enumerate(frames):
        planned = (plan.first_colour + page) % colours
        if frame % colours != planned:
            problems.append(
                f"page {page} of the cache slab has colour {frame % colours}, planned {planned}"
            )
            break
    return problems


def _check_places(plan: Map, sets: NDArray[np.int64], ways: NDArray[np.int64]) -> list[str]:
    """No set gets more lines than it has ways."""
    beyond = np.flatnonzero(ways >= plan.l2.ways)
    if not beyond.size:
        return []
    first = int(beyond[0])
    crowded = np.unique(sets[beyond]).size
    return [
        f"{beyond.size} lines find no way: line {first} of the cache slab is number "
        f"{int(ways[first]) + 1} in set {int(sets[first])}, which has {plan.l2.ways} ways "
        f"({crowded} sets are too full)"
    ]


def _check_slots(plan: Map) -> list[str]:
    """Objects that live together do not begin in the same sets more often than these have ways."""
    lines = [
        (pool.offset + np.arange(pool.slots) * pool.stride_bytes) // plan.l2.line_bytes
        for pool in plan.pools
    ]
    used = np.bincount(np.concatenate(lines) % plan.l2.sets, minlength=plan.l2.sets)
    worst = int(used.argmax())
    if used[worst] <= plan.l2.ways:
        return []
    return [
        f"objects collide: {int(used[worst])} begin in set {worst}, which has {plan.l2.ways} ways "
        f"({int(np.count_nonzero(used > plan.l2.ways))} sets are too full)"
    ]


def _check_extents(plan: Map) -> list[str]:
    """Slabs follow each other; what lies in a slab is inside it, on units, and alone."""
    problems = []
    low, cache, high = plan.slabs
    if (low.offset, cache.offset, high.offset) != (0, low.end, cache.end):
        problems.append("the slabs do not follow each other")
    if high.end > plan.region_bytes:
        problems.append("the region ends before the high slab")
    if low.bytes // PAGE_BYTES % plan.l2.colours != plan.first_colour:
        problems.append("the first colour is not that of the page behind the low slab")
    inside: list[Interval] = []
    outside: list[Interval] = []
    for area in plan.areas:
        where = outside if area.name == "high allocator" else inside
        where.append((area.offset, area.offset + area.bytes, area.name))
    for pool in plan.pools:
        inside.append((pool.offset, pool.offset + pool.bytes, f"pool {pool.name}"))
        end = pool.high_offset + pool.high_slots * pool.stride_bytes
        outside.append((pool.high_offset, end, f"pool {pool.name} (high)"))
    for slab, intervals in ((cache, inside), (high, outside)):
        problems += _check_disjoint(intervals, slab.offset, slab.end, slab.name, plan.unit_bytes)
    area = plan.area("globals")
    placed = [(g.offset, g.offset + g.bytes, f"global {g.name}") for g in plan.globals]
    problems += _check_disjoint(placed, area.offset, area.offset + area.bytes, "globals", 1)
    return problems


def _check_disjoint(
    intervals: list[Interval], start: int, end: int, where: str, unit: int
) -> list[str]:
    problems = []
    for low, high, what in intervals:
        if low < start or high > end:
            problems.append(f"{what} at {low}..{high} leaves {where} at {start}..{end}")
        if low % unit:
            problems.append(f"{what} starts at {low}, not at a multiple of {unit}")
    for (_, reached, one), (low, _, other) in pairwise(sorted(i for i in intervals if i[1] > i[0])):
        if low < reached:
            problems.append(f"{one} and {other} overlap at {low}")
    return problems


def _check_sharing(plan: Map) -> list[str]:
    """Every slot holds its objects whole; those that share one are never live together."""
    problems = []
    sizes = {o.name: o for o in plan.objects}
    apart = set(plan.apart)
    placed = [name for pool in plan.pools for name in pool.objects]
    if sorted(placed) != sorted(sizes):
        problems.append("the pools do not hold each object once")
    for pool in plan.pools:
        problems += [
            f"{one} and {other} share pool {pool.name}, but a request can have both live"
            for one, other in combinations(sorted(pool.objects), 2)
            if (one, other) not in apart
        ]
        for name in pool.objects:
            problems += _check_object(plan, pool, name)
    return problems


def _check_object(plan: Map, pool: Pool, name: str) -> list[str]:
    """All slots of a pool, one by one, for one of its objects."""
    item = next((o for o in plan.objects if o.name == name), None)
    if item is None:
        return [f"pool {pool.name} holds {name}, which is not an object of the map"]
    problems = []
    slots = np.concatenate(
        (
            pool.offset + np.arange(pool.slots) * pool.stride_bytes,
            pool.high_offset + np.arange(pool.high_slots) * pool.stride_bytes,
        )
    )
    starts = np.sort(slots) + plan.red_zone_bytes
    if np.any(
        starts[:-1] + item.bytes + 2 * plan.red_zone_bytes > starts[1:] + plan.red_zone_bytes
    ):
        problems.append(f"{name} ({item.bytes} bytes) overlaps the next slot of pool {pool.name}")
    if np.any(starts % item.alignment):
        problems.append(f"a slot of {name} is not aligned to {item.alignment} bytes")
    if item.per_request > pool.slots:
        problems.append(f"pool {pool.name} has no room for the {name} of one request")
    return problems
