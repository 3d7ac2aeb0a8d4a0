# SPDX-License-Identifier: MIT
"""Maps that are wrong on purpose: the proof has to refuse them, and the measurement to notice.

A slab that is larger than the cache needs no mutant: --slab-bytes asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from stingy.stingygen.geometry import PAGE_BYTES
from stingy.stingygen.layout import round_up
from stingy.stingygen.map import Area, Map, PlacedGlobal, Slab

Part = TypeVar("Part", Slab, Area, PlacedGlobal)
# Live objects find this many places in a way of the L2, whatever their number.
PLACES = 4


def shift_by_a_page(plan: Map) -> Map:
    """The cache slab, and all that is in and behind it, one page beyond where it was planned: each
    line keeps a place of its own, but it has another colour."""
    low, cache, high = plan.slabs
    pools = [
        pool.model_copy(
            update={
                "offset": pool.offset + PAGE_BYTES,
                "high_offset": pool.high_offset + PAGE_BYTES,
            }
        )
        for pool in plan.pools
    ]
    return plan.model_copy(
        update={
            "region_bytes": plan.region_bytes + PAGE_BYTES,
            "slabs": (
                low.model_copy(update={"bytes": low.bytes + PAGE_BYTES}),
                _move(cache, PAGE_BYTES),
                _move(high, PAGE_BYTES),
            ),
            "areas": tuple(_move(area, PAGE_BYTES) for area in plan.areas),
            "globals": tuple(_move(item, PAGE_BYTES) for item in plan.globals),
            "pools": tuple(pools),
        }
    )


def collide(plan: Map) -> Map:
    """The slots of all pools a quarter of a way apart: all start in the same few sets of the L2.

    The cache slab grows to what they span; the high slab holds as many bytes as before.
    """
    stride = round_up(plan.l2.way_bytes // PLACES, plan.unit_bytes)
    low, cache, high = plan.slabs
    start = min(pool.offset for pool in plan.pools)
    spans = [round_up(pool.slots * stride, plan.l2.way_bytes) for pool in plan.pools]
    grown = cache.model_copy(
        update={"bytes": round_up(start + sum(spans) - cache.offset, PAGE_BYTES)}
    )
    behind = grown.end - high.offset
    pools = [
        pool.model_copy(
            update={
                "offset": start + sum(spans[:number]),
                "stride_bytes": stride,
                "high_offset": pool.high_offset + behind,
                "high_slots": pool.high_slots * pool.stride_bytes // stride,
            }
        )
        for number, pool in enumerate(plan.pools)
    ]
    return plan.model_copy(
        update={
            "region_bytes": plan.region_bytes + behind,
            "slabs": (low, grown, _move(high, behind)),
            "areas": tuple(
                _move(area, behind) if area.name == "high allocator" else area
                for area in plan.areas
            ),
            "pools": tuple(pools),
        }
    )


def _move(part: Part, by: int) -> Part:
    return part.model_copy(update={"offset": part.offset + by})


MUTANTS: dict[str, Callable[[Map], Map]] = {
    "off-by-a-page": shift_by_a_page,
    "colliding": collide,
}
