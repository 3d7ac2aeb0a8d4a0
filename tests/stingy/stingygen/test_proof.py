# SPDX-License-Identifier: MIT
"""The L0 proof on every geometry shipped, and mutants that it must catch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ground.errors import UsageError
from stingy.stingygen.demand import Demand
from stingy.stingygen.geometry import PAGE_BYTES, find_geometries, load_l2
from stingy.stingygen.map import Map, Parameters
from stingy.stingygen.plan import plan_map
from stingy.stingygen.proof import plan_frames, prove
from tests.stingy.demands import WEB, demands

BANIAS = load_l2("banias-1400")


def plan(parameters: Parameters | None = None) -> Map:
    return plan_map(WEB, BANIAS, parameters or Parameters())


@pytest.mark.parametrize("name", find_geometries())
@pytest.mark.parametrize("red_zone_bytes", [0, 64])
@pytest.mark.parametrize("share_left", [0.0, 0.25, 0.6])
def test_holds_on_every_geometry_shipped(name: str, red_zone_bytes: int, share_left: float) -> None:
    l2 = load_l2(name)
    made = plan_map(WEB, l2, Parameters(red_zone_bytes=red_zone_bytes, share_left=share_left))
    proof = prove(made)
    assert proof.holds, proof.violations
    assert proof.lines == proof.distinct == made.slab("cache").bytes // l2.line_bytes
    # Again, line by line and without the proof's arithmetic: a plain count a set.
    full = Counter(
        (frame * PAGE_BYTES + at) // l2.line_bytes % l2.sets
        for frame in plan_frames(made)
        for at in range(0, PAGE_BYTES, l2.line_bytes)
    )
    assert max(full.values()) == proof.ways_used_most <= l2.ways
    assert min(full[n] for n in range(l2.sets)) == proof.ways_used_least


@settings(max_examples=100, deadline=None)
@given(demands(), st.sampled_from(find_geometries()), st.integers(2, 300), st.integers(0, 100))
def test_holds_for_random_servers(demand: Demand, name: str, pages: int, red: int) -> None:
    l2 = load_l2(name)
    slab = min(pages * PAGE_BYTES, l2.size_bytes)
    try:
        made = plan_map(demand, l2, Parameters(slab_bytes=slab, red_zone_bytes=red, requests=99))
    except UsageError as error:
        assert "one request" in error.message
        return
    proof = prove(made)
    assert proof.holds, proof.violations


@settings(max_examples=60, deadline=None)
@given(demands(), st.integers(1, 64 * 1024), st.sampled_from((0.0, 0.25, 0.5)))
def test_memory_outside_of_the_slab_has_its_part_of_the_share(
    demand: Demand, outside: int, share_left: float
) -> None:
    """As many requests as fit with all that they touch, and no more slots than for these."""
    whole = Parameters(share_left=share_left, requests=4000)
    asked = whole.model_copy(update={"outside_bytes": outside})
    try:
        alone, made = (plan_map(demand, BANIAS, p) for p in (whole, asked))
    except UsageError as error:
        assert "one request" in error.message
        return
    share, slab = alone.slab("cache").bytes, made.slab("cache").bytes
    requests = made.requests_in_cache
    assert 1 <= requests <= alone.requests_in_cache
    assert slab + requests * outside <= share + PAGE_BYTES  # the slab is whole pages
    used = sum(pool.bytes for pool in made.pools) + sum(area.bytes for area in made.areas[:3])
    assert slab - PAGE_BYTES < used <= slab
    pools = [p for p in made.pools if not p.transient]
    one_more = outside + sum((p.stride_bytes + 4) * p.per_request for p in pools) + 256  # the book
    assert requests == 4000 or used + requests * outside + one_more > share
    assert all(p.slots >= requests for p in pools)
    proof = prove(made)
    assert proof.holds, proof.violations


def slab_off_by_one_page(made: Map) -> tuple[Map, list[int] | None]:
    return made, [frame + 1 for frame in plan_frames(made)]


def slab_in_a_region_off_by_one_page(made: Map) -> tuple[Map, list[int] | None]:
    low, cache, high = made.slabs
    moved = cache.model_copy(update={"offset": cache.offset + PAGE_BYTES})
    return made.model_copy(update={"slabs": (low, moved, high)}), None


def colours_swapped(made: Map) -> tuple[Map, list[int] | None]:
    frames = plan_frames(made)
    frames[3], frames[4] = frames[4], frames[3]
    return made, frames


def a_colour_too_often(made: Map) -> tuple[Map, list[int] | None]:
    frames = plan_frames(made)
    for page in range(16):  # these sets get the lines of two pages
        frames[2 * page + 1] = 10_000 * BANIAS.colours + frames[2 * page] % BANIAS.colours
    return made, frames


def slab_larger_than_the_cache(_: Map) -> tuple[Map, list[int] | None]:
    return plan(Parameters(slab_bytes=BANIAS.size_bytes + PAGE_BYTES)), None


def pools_overlap(made: Map) -> tuple[Map, list[int] | None]:
    *others, last = made.pools
    moved = last.model_copy(update={"offset": last.offset - made.unit_bytes})
    return made.model_copy(update={"pools": (*others, moved)}), None


def stride_too_small(made: Map) -> tuple[Map, list[int] | None]:
    *others, last = made.pools
    shrunk = last.model_copy(update={"stride_bytes": last.stride_bytes - made.unit_bytes})
    return made.model_copy(update={"pools": (*others, shrunk)}), None


def live_objects_share(made: Map) -> tuple[Map, list[int] | None]:
    return made.model_copy(update={"apart": ()}), None


def object_without_a_pool(made: Map) -> tuple[Map, list[int] | None]:
    return made.model_copy(update={"pools": made.pools[:-1]}), None


def pool_leaves_the_slab(made: Map) -> tuple[Map, list[int] | None]:
    *others, last = made.pools
    longer = last.model_copy(update={"slots": last.slots + 20})
    return made.model_copy(update={"pools": (*others, longer)}), None


@pytest.mark.parametrize(
    ("mutate", "message"),
    [
        (slab_off_by_one_page, "page 0 of the cache slab has colour 5, planned 4"),
        (slab_in_a_region_off_by_one_page, "slabs do not follow"),
        (colours_swapped, "page 3 of the cache slab has colour 8, planned 7"),
        (a_colour_too_often, "lines find no way"),
        (slab_larger_than_the_cache, "lines find no way"),
        (pools_overlap, "overlap"),
        (stride_too_small, "overlaps the next slot"),
        (live_objects_share, "a request can have both live"),
        (object_without_a_pool, "do not hold each object once"),
        (pool_leaves_the_slab, "leaves cache"),
    ],
)
def test_mutants_are_caught(
    mutate: Callable[[Map], tuple[Map, list[int] | None]], message: str
) -> None:
    made, frames = mutate(plan(Parameters(share_left=0.0)))
    violations = prove(made, frames).violations
    assert any(message in v for v in violations), violations
