# SPDX-License-Identifier: MIT
"""How many requests fit the cache slab, and where each pool then lies."""

# DEVIATIONS.md: [hot fields]

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from ground.errors import UsageError
from stingy.stingygen.demand import Demand
from stingy.stingygen.drafts import Draft
from stingy.stingygen.geometry import PAGE_BYTES
from stingy.stingygen.map import Area, Pool, Slab

# What the book in templates/stingy.c.j2 takes, which the compiler checks there.
WORDS_PER_OBJECT = 8  # counters, constructor
WORDS_BESIDES = 4
BYTES_PER_POOL = 8
BYTES_PER_SLOT = 3  # its number, its owner
MOST_SLOTS = (1 << 16) - 1  # a slot's number has 16 bits


@dataclass(frozen=True)
class Layout:
    """Where everything goes, for a given number of requests; all in bytes.

    ``start`` is the cache slab's offset, ``stack_bytes`` and ``globals_bytes`` what comes before
    the allocator's state and the pools.  ``share_bytes`` is the part of L2 for all that requests
    touch: the cache slab and, of each, ``outside_bytes`` elsewhere.
    """

    demand: Demand
    unit: int
    drafts: Sequence[Draft]
    start: int
    share_bytes: int
    stack_bytes: int
    globals_bytes: int
    outside_bytes: int = 0

    def measure_book(self, slots: int) -> int:
        """Bytes of the allocator's own state."""
        words = len(self.demand.objects) * WORDS_PER_OBJECT + WORDS_BESIDES
        state = words * self.demand.pointer_bytes + BYTES_PER_POOL * len(self.drafts)
        return round_up(state + BYTES_PER_SLOT * slots, self.unit)

    def measure(self, requests: int) -> int:
        """Bytes of the cache slab that this many requests take."""
        slots = [draft.count_slots(requests) for draft in self.drafts]
        pools = sum(n * d.stride_bytes for n, d in zip(slots, self.drafts, strict=True))
        return self.stack_bytes + self.globals_bytes + self.measure_book(sum(slots)) + pools

    def find_requests(self, most: int) -> int:
        """How many requests fit the share of L2, up to ``most``; UsageError if not even one."""
        if self._measure_all(1) > self.share_bytes:
            beside = f" and {self.outside_bytes} outside of it" if self.outside_bytes else ""
            raise UsageError(
                f"one request, with stack and globals, takes {self.measure(1)} bytes of the cache "
                f"slab{beside}; there are {self.share_bytes}",
                hint="give a larger --slab-bytes or a smaller --share-left, or bound the largest "
                "object in [[objects]]",
            )
        candidates = range(1, most + 1)
        return bisect_right(candidates, self.share_bytes, key=self._measure_all)

    def _measure_all(self, requests: int) -> int:
        return self.measure(requests) + requests * self.outside_bytes

    def find_slab(self, requests: int) -> int:
        """Bytes of the cache slab for ``requests``: the share, or of it what they need there."""
        if not self.outside_bytes:
            return self.share_bytes
        return min(self.share_bytes, round_up(self.measure(requests), PAGE_BYTES))

    def place(self, requests: int, total: int) -> tuple[tuple[Pool, ...], tuple[Area, ...], Slab]:
        """Pools, areas and the high slab for ``requests`` in the cache and ``total`` in all."""
        slots = [draft.count_slots(requests) for draft in self.drafts]
        extra = [
            0 if d.transient else max(0, d.count_slots(total) - n)
            for d, n in zip(self.drafts, slots, strict=True)
        ]
        largest = max(slots + extra)
        if largest > MOST_SLOTS:
            raise UsageError(
                f"{total} requests take {largest} slots of one pool, more than {MOST_SLOTS}",
                hint="give fewer --requests",
            )
        sizes = (("stack", self.stack_bytes), ("globals", self.globals_bytes))
        areas, at = [], self.start
        for name, size in (*sizes, ("allocator", self.measure_book(sum(slots)))):
            areas.append(Area.model_validate({"name": name, "offset": at, "bytes": size}))
            at += size
        high_start = self.start + self.find_slab(requests)
        book_bytes = round_up(BYTES_PER_SLOT * sum(extra), self.unit)
        book = Area(name="high allocator", offset=high_start, bytes=book_bytes)
        above = book.offset + book.bytes
        pools = []
        for draft, inside, outside in zip(self.drafts, slots, extra, strict=True):
            pools.append(_make_pool(draft, at, inside, above, outside))
            at += inside * draft.stride_bytes
            above += outside * draft.stride_bytes
        high = Slab(name="high", offset=high_start, bytes=round_up(above - high_start, PAGE_BYTES))
        return tuple(pools), (*areas, book), high


def _make_pool(draft: Draft, at: int, slots: int, above: int, extra: int) -> Pool:
    return Pool(
        name=draft.objects[0],
        objects=draft.objects,
        transient=draft.transient,
        object_bytes=draft.object_bytes,
        stride_bytes=draft.stride_bytes,
        per_request=draft.per_request,
        weight=draft.weight,
        offset=at,
        slots=slots,
        high_offset=above,
        high_slots=extra,
    )


def round_up(value: int, unit: int) -> int:
    """``value`` rounded up to a multiple of ``unit``."""
    return -(-value // unit) * unit
