# SPDX-License-Identifier: MIT
"""Pools before they have a place: objects become slots (lines, colours), slots become pools."""

from __future__ import annotations

import math
from dataclasses import dataclass

from stingy.stingygen.demand import Demand, ObjectDemand, find_conflicts
from stingy.stingygen.geometry import L2
from stingy.stingygen.map import Parameters
from stingy.stingygen.packing import Item, Packing, pack


@dataclass(frozen=True)
class Draft:
    """A pool before it has a place."""

    objects: tuple[str, ...]
    transient: bool
    object_bytes: int
    stride_bytes: int
    per_request: int
    weight: float

    def count_slots(self, requests: int) -> int:
        """Slots for this many requests."""
        if self.transient:
            return self.per_request
        return max(self.per_request, math.ceil(requests * self.weight * self.per_request))


def make_drafts(
    demand: Demand, l2: L2, parameters: Parameters, red_zone_bytes: int
) -> tuple[tuple[Draft, ...], Packing, Packing]:
    """Pools for what each request has, and for what only the running stage has; transient first."""
    conflicts = find_conflicts(demand)
    unit = find_unit(demand, l2)
    packings, drafts = [], []
    for transient in (True, False):
        members = {o.name: o for o in demand.objects if o.transient is transient}
        items = [
            Item(o.name, find_stride(o, unit, l2, red_zone_bytes), o.per_request)
            for o in members.values()
        ]
        packing = pack(items, conflicts)
        packings.append(packing)
        strides = {item.name: item.bytes for item in items}
        found = [
            Draft(
                objects=group,
                transient=transient,
                object_bytes=max(members[name].bytes for name in group),
                stride_bytes=max(strides[name] for name in group),
                per_request=max(members[name].per_request for name in group),
                weight=max(parameters.weights.get(name, 1.0) for name in group),
            )
            for group in packing.groups
        ]
        # Small pools first: their slots are touched most densely, next to the globals.
        drafts += sorted(found, key=lambda d: (d.stride_bytes, d.objects))
    return tuple(drafts), packings[1], packings[0]


def find_stride(item: ObjectDemand, unit: int, l2: L2, red_zone_bytes: int) -> int:
    """Bytes from slot to slot: whole units, spread over the sets.

    Slots whose stride is a multiple of a large power of two put their hot lines into few sets,
    where these compete with each other in L1 and with everything else in L2.  The hot lines of
    consecutive slots visit every set alike if the stride's power of two is not larger than their
    number; an odd number always is such a stride.
    """
    units = -(-item.bytes // unit) + 2 * (red_zone_bytes // unit)
    hot = units if item.hot_bytes is None else -(-item.hot_bytes // unit)
    if math.gcd(units, l2.way_bytes // unit) > hot:
        units += 1
    return units * unit


def find_unit(demand: Demand, l2: L2) -> int:
    """What all offsets and strides are multiples of: a line, or the strictest alignment."""
    return max(l2.line_bytes, *(o.alignment for o in demand.objects))
