# SPDX-License-Identifier: MIT
"""Proof by exhaustion: every slot of an allocator, line by line, held to the cache."""

from __future__ import annotations

from dataclasses import dataclass

from labs.allocator.plans import PAGE_BYTES, Plan


@dataclass(frozen=True)
class Slots:
    """Where an allocator put objects when it was asked until it spilled: offsets by kind."""

    offsets: tuple[tuple[int, ...], ...]

    def count(self, kind: int) -> int:
        """Slots of a kind."""
        return len(self.offsets[kind])

    def requests(self, plan: Plan) -> int:
        """Whole requests for which there are slots."""
        return min(self.count(kind) // n for kind, n in enumerate(plan.per_request) if n)


def find_violation(plan: Plan, slots: Slots) -> str:
    """The first thing that is not as it must be, in words; empty: it is proven.

    Every slot lies in the slab, begins with a line, and shares no line with another; and every
    set of the cache has at most ``ways_used`` lines of slots, so that each line has a way of its
    own.
    """
    owner: dict[int, tuple[int, int]] = {}  # line of the slab: kind, offset
    end = len(plan.frames) * PAGE_BYTES
    for kind, offsets in enumerate(slots.offsets):
        for offset in offsets:
            what = f"the slot of kind {kind} at offset {offset}"
            if offset % plan.line_bytes:
                return f"{what} does not begin with a line of {plan.line_bytes} bytes"
            if offset + plan.bytes[kind] > end:
                return f"{what} ends behind the slab of {end} bytes"
            first = offset // plan.line_bytes
            for line in range(first, first + plan.lines(kind)):
                if line in owner:
                    other, where = owner[line]
                    return f"{what} overlaps the slot of kind {other} at offset {where}"
                owner[line] = (kind, offset)
    return _find_crowded(plan, owner)


def _find_crowded(plan: Plan, owner: dict[int, tuple[int, int]]) -> str:
    per_page = PAGE_BYTES // plan.line_bytes
    held: dict[int, list[int]] = {}
    for line in sorted(owner):
        page, rest = divmod(line, per_page)
        index = (plan.frames[page] * per_page + rest) % plan.sets
        held.setdefault(index, []).append(page)
    crowded = {index: pages for index, pages in held.items() if len(pages) > plan.ways_used}
    if not crowded:
        return ""
    index, pages = next(iter(crowded.items()))
    return (
        f"{len(crowded)} sets hold more than {plan.ways_used} lines. Set {index} holds "
        f"{len(pages)}, in pages {', '.join(map(str, pages[:8]))} of the slab, "
        f"all of colour {plan.frames[pages[0]] % plan.colours}"
    )
