# SPDX-License-Identifier: MIT
"""The memory map: low slab, cache slab, high slab, and what lies where in them.

One contiguous region holds the three slabs in this order.  All offsets are bytes from its start.
The cache slab has, from the bottom, the stack (which grows down into the low slab), the server's
globals, the allocator's own state, and the pools; a pool that is full continues in the high slab.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from ground.documents import Strict, load_made
from ground.files import write_atomically
from stingy.stingygen.demand import Count, LeftOut, ObjectDemand, PositiveCount
from stingy.stingygen.geometry import L2, PAGE_BYTES

Weight = Annotated[float, Field(gt=0, le=64)]


class Parameters(Strict):
    """What the user can choose; None and empty: derived from geometry and demand.

    ``slab_bytes``: the cache slab.  ``share_left``: without it, the part of L2 that is left to
    code and to the network stack, rounded up to whole ways.  ``outside_bytes``: what a request
    touches outside of the slabs (sockets, packets); if given, slab and outside memory have
    ``slab_bytes`` together, so that the slab is made for fewer requests.  ``weights``: slots of an
    object's pool for each request that the others are made for.  ``requests``: how many requests
    all slabs hold.  ``low_bytes``: room below the stack.  ``red_zone_bytes``: guarded bytes on both
    sides of each object (debugging).
    """

    slab_bytes: PositiveCount | None = None
    share_left: Annotated[float, Field(ge=0, lt=1)] = 0.25
    outside_bytes: Count = 0
    weights: dict[str, Weight] = Field(default_factory=dict)
    requests: PositiveCount = 4096
    low_bytes: PositiveCount = 4 * PAGE_BYTES
    red_zone_bytes: Count = 0


class Slab(Strict):
    """One of the three slabs."""

    name: Literal["low", "cache", "high"]
    offset: Count
    bytes: Count

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.offset + self.bytes


class Area(Strict):
    """A part of the cache slab that is not a pool; or, in the high slab, the book of its slots."""

    name: Literal["stack", "globals", "allocator", "high allocator"]
    offset: Count
    bytes: Count


class Pool(Strict):
    """A sub-region: equal slots, each for one of ``objects`` at a time.

    Slot n of the cache slab starts at ``offset`` + n x ``stride_bytes``, its object
    ``red_zone_bytes`` behind that; slots from ``slots`` on lie at ``high_offset`` in the high
    slab.  ``per_request`` is what one request needs; a ``transient`` pool serves the running
    stage only.
    """

    name: str
    objects: tuple[str, ...]
    transient: bool
    object_bytes: PositiveCount
    stride_bytes: PositiveCount
    per_request: PositiveCount
    weight: Weight
    offset: Count
    slots: PositiveCount
    high_offset: Count
    high_slots: Count

    @property
    def bytes(self) -> int:
        """Bytes in the cache slab."""
        return self.slots * self.stride_bytes


class PlacedGlobal(Strict):
    """A global's place in the cache slab."""

    name: str
    offset: Count
    bytes: PositiveCount


class StageNeed(Strict):
    """Slots of each pool that a request elected at this stage takes: while the stage runs
    (``now``), and at most until the request ends (``to_end``).  Pools it needs nothing of are
    absent, as are transient pools, which every stage finds free.  ``allocates``: whether the
    stage itself takes objects that have a place."""

    name: str
    allocates: bool = False
    now: dict[str, PositiveCount]
    to_end: dict[str, PositiveCount]


class PackingReport(Strict):
    """Bytes per request, and how good they are; see `stingy.stingygen.packing.Packing`."""

    bytes_per_request: Count
    bound_bytes: Count
    separate_bytes: Count
    peak_bytes: Count
    transient_bytes: Count


class Map(Strict):
    """The whole map; everything that the generator, the proof and the figure need.

    The region must start at a multiple of ``alignment_bytes`` in physical memory, so that the
    cache slab's first page has ``first_colour``.  Offsets and strides are multiples of
    ``unit_bytes``: a line, or the strictest alignment of an object.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", title="Stingy memory map")

    schema_version: Literal[1] = 1
    server: str
    l2: L2
    parameters: Parameters
    region_bytes: PositiveCount
    alignment_bytes: PositiveCount
    unit_bytes: PositiveCount
    red_zone_bytes: Count
    first_colour: Count
    slabs: tuple[Slab, Slab, Slab]
    areas: tuple[Area, ...]
    globals: tuple[PlacedGlobal, ...]
    pools: tuple[Pool, ...]
    objects: tuple[ObjectDemand, ...]
    apart: tuple[tuple[str, str], ...]
    stages: tuple[StageNeed, ...]
    packing: PackingReport
    helpers: bool
    pointer_bytes: PositiveCount
    requests_in_cache: Count
    notes: tuple[str, ...]
    left_out: tuple[LeftOut, ...]

    def slab(self, name: Literal["low", "cache", "high"]) -> Slab:
        """The slab of this name."""
        return next(s for s in self.slabs if s.name == name)

    def area(self, name: str) -> Area:
        """The area of this name."""
        return next(a for a in self.areas if a.name == name)

    def to_json(self) -> str:
        """The JSON of the map, indented."""
        return self.model_dump_json(indent=2) + "\n"


def save_map(plan: Map, path: Path) -> None:
    """Write the map's JSON."""
    write_atomically(path, plan.to_json().encode())


def load_map(path: Path) -> Map:
    """Read a map that `save_map` wrote; UsageError with file, field and remedy otherwise."""
    return load_made(Map, path, "make it with: stingygen MEMWALK.json --out DIR")
