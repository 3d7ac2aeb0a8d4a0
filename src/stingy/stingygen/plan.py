# SPDX-License-Identifier: MIT
"""From demand, geometry and parameters to the memory map.

The order of work: objects -> slots (lines, colours) -> pools (packing) -> how many requests fit
-> offsets -> what each stage needs.
"""

# DEVIATIONS.md: [slab size]

from __future__ import annotations

import math
from collections.abc import Sequence

from ground.errors import UsageError
from stingy.stingygen.demand import Demand, GlobalDemand, LeftOut
from stingy.stingygen.drafts import find_unit, make_drafts
from stingy.stingygen.geometry import L2, PAGE_BYTES
from stingy.stingygen.layout import Layout, round_up
from stingy.stingygen.map import Map, PackingReport, Parameters, PlacedGlobal, Pool, Slab, StageNeed

GLOBAL_ALIGNMENT = 16
MOST_OBJECTS = 126  # a slot's book entry is one byte: an object and a bit
WITHOUT_STACK_BOUND = PAGE_BYTES


def plan_map(demand: Demand, l2: L2, parameters: Parameters) -> Map:
    """The memory map; UsageError if the parameters are wrong or nothing fits."""
    check_parameters(demand, parameters)
    share = finalize_share(l2, parameters)
    kept, too_large = _split_globals(demand.globals)
    unit = find_unit(demand, l2)
    red_zone = round_up(parameters.red_zone_bytes, unit)
    drafts, packing, transient = make_drafts(demand, l2, parameters, red_zone)
    stack = round_up(demand.stack_bytes or WITHOUT_STACK_BOUND, unit)
    globals_bytes = round_up(sum(round_up(g.bytes, GLOBAL_ALIGNMENT) for g in kept), unit)
    low = Slab(name="low", offset=0, bytes=round_up(parameters.low_bytes, PAGE_BYTES))
    outside = parameters.outside_bytes
    layout = Layout(demand, unit, drafts, low.bytes, share, stack, globals_bytes, outside)
    requests = layout.find_requests(parameters.requests)
    pools, areas, high = layout.place(requests, parameters.requests)
    at = areas[1].offset
    return Map(
        server=demand.server,
        l2=l2,
        parameters=parameters,
        region_bytes=high.end,
        alignment_bytes=l2.way_bytes,
        unit_bytes=unit,
        red_zone_bytes=red_zone,
        first_colour=low.bytes // PAGE_BYTES % l2.colours,
        slabs=(low, Slab(name="cache", offset=low.end, bytes=layout.find_slab(requests)), high),
        areas=areas,
        globals=_place_globals(kept, at),
        pools=pools,
        objects=demand.objects,
        apart=demand.apart,
        stages=tuple(_find_needs(demand, pools)),
        packing=PackingReport(
            bytes_per_request=packing.cost_bytes,
            bound_bytes=packing.bound_bytes,
            separate_bytes=packing.separate_bytes,
            peak_bytes=packing.peak_bytes,
            transient_bytes=transient.cost_bytes,
        ),
        helpers=demand.helpers,
        pointer_bytes=demand.pointer_bytes,
        requests_in_cache=requests,
        notes=_write_notes(demand),
        left_out=(*demand.left_out, *too_large),
    )


def check_parameters(demand: Demand, parameters: Parameters) -> None:
    """Refuse weights of unknown objects, and servers without objects or with too many."""
    names = {o.name for o in demand.objects}
    unknown = sorted(set(parameters.weights) - names)
    if unknown:
        raise UsageError(
            f"--weight: {demand.server} has no object {unknown[0]!r}",
            hint=f"choose from {', '.join(sorted(names)) or 'none'}",
        )
    if not names:
        reasons = "; ".join(f"{x.name}: {x.reason}" for x in demand.left_out)
        raise UsageError(
            f"{demand.server} has no per-request object that can be placed",
            hint=reasons or "annotate Malloc and Free, then run memwalk again",
        )
    if len(names) > MOST_OBJECTS:
        raise UsageError(
            f"{demand.server} has {len(names)} objects, more than {MOST_OBJECTS}",
            hint="list rare types in [requests] ignore",
        )


def finalize_share(l2: L2, parameters: Parameters) -> int:
    """Bytes of L2 for requests: as asked for, or whole ways of what is not left to others.  All of
    it is the cache slab, unless requests touch memory outside."""
    if parameters.slab_bytes is None:
        return max(1, math.floor(l2.ways * (1 - parameters.share_left))) * l2.way_bytes
    if parameters.slab_bytes % PAGE_BYTES:
        raise UsageError(
            f"--slab-bytes {parameters.slab_bytes} is not whole pages",
            hint=f"give a multiple of {PAGE_BYTES}, "
            f"such as {round_up(parameters.slab_bytes, PAGE_BYTES)}",
        )
    return parameters.slab_bytes


def _find_needs(demand: Demand, pools: Sequence[Pool]) -> list[StageNeed]:
    """What a request elected at each stage takes beyond what it surely holds there.

    Only what a stage allocates is taken there: what a request holds perhaps was taken before.
    Objects of one pool are never live together in a request, so that its use of the pool is the
    most of any of them.
    """
    stages = {stage.name: stage for stage in demand.stages}

    def take(name: str, pool: Pool) -> int:
        taken = set(pool.objects).intersection(stages[name].allocates)
        return max((stages[name].peak.get(one, 0) for one in taken), default=0)

    needs = []
    for stage in demand.stages:
        now, to_end = {}, {}
        for pool in (p for p in pools if not p.transient):
            held = sum(stage.holds.get(name, 0) for name in pool.objects)
            now[pool.name] = take(stage.name, pool) - held
            to_end[pool.name] = max(take(name, pool) for name in stage.later) - held
        needs.append(
            StageNeed(
                name=stage.name,
                allocates=any(take(stage.name, pool) for pool in pools),
                now={name: n for name, n in now.items() if n > 0},
                to_end={name: n for name, n in to_end.items() if n > 0},
            )
        )
    return needs


def _split_globals(
    found: Sequence[GlobalDemand],
) -> tuple[list[GlobalDemand], list[LeftOut]]:
    """Globals up to a page get a place, small ones first, so that they share lines."""
    kept = sorted((g for g in found if g.bytes <= PAGE_BYTES), key=lambda g: (g.bytes, g.name))
    left = [
        LeftOut(name=g.name, reason=f"a global of {g.bytes} bytes, more than a page")
        for g in found
        if g.bytes > PAGE_BYTES
    ]
    return kept, left


def _place_globals(found: Sequence[GlobalDemand], at: int) -> tuple[PlacedGlobal, ...]:
    placed = []
    for variable in found:
        placed.append(PlacedGlobal(name=variable.name, offset=at, bytes=variable.bytes))
        at += round_up(variable.bytes, GLOBAL_ALIGNMENT)
    return tuple(placed)


def _write_notes(demand: Demand) -> tuple[str, ...]:
    notes = []
    if not demand.stack_bytes:
        notes.append(
            f"no bound on the stack is known: {WITHOUT_STACK_BOUND} bytes are set aside for it, "
            "the rest falls into the low slab"
        )
    if demand.helpers:
        notes.append(
            "helper threads allocate or free objects: the user-space allocator takes a lock"
        )
    return tuple(notes)
