# SPDX-License-Identifier: MIT
"""What a server asks of the cache: memwalk's result, reduced to what the memory map needs.

An object that has no bound cannot have a pool; it is left out, with the reason, and keeps its
own allocator.
"""

# DEVIATIONS.md: [query, all memory], [open-ended]

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Annotated

import networkx as nx
from pydantic import Field

from ground.documents import Strict
from ground.errors import UsageError
from stingy.model.results import Edge, EdgeKind, Live, Memwalk, Object, Stage

Count = Annotated[int, Field(ge=0)]
PositiveCount = Annotated[int, Field(ge=1)]


class ObjectDemand(Strict):
    """A per-request object.

    ``bytes`` is its size or its bound; ``per_request`` the most that one request has live at a
    time; ``hot_bytes`` the part of it that request paths touch, counted in its fields (None: not
    known, all of it may be).  A ``transient`` object never outlives the run of one stage in
    the event loop: one running stage is all that can hold it.  Of an ``open_ended`` one there may
    be more than this, or larger ones: the rest comes from the system's memory.
    """

    name: str
    type: str
    bytes: PositiveCount
    alignment: PositiveCount = 1
    per_request: PositiveCount = 1
    hot_bytes: PositiveCount | None = None
    transient: bool = False
    open_ended: bool = Field(default=False, exclude_if=lambda is_so: not is_so)


class StageDemand(Strict):
    """A stage: what a request surely holds when it enters, and the most it has while there.

    What stages do that it calls directly counts as its own.  ``allocates`` are the objects that
    it allocates; ``later`` are the stages that the request can reach from here before its final
    stage is over, this one included.
    """

    name: str
    holds: dict[str, Count] = Field({})
    peak: dict[str, Count] = Field({})
    allocates: tuple[str, ...] = ()
    later: tuple[str, ...] = ()


class GlobalDemand(Strict):
    """A variable that request paths use."""

    name: str
    bytes: PositiveCount


class LeftOut(Strict):
    """Something that gets no place in the cache slab, and why."""

    name: str
    reason: str


class Demand(Strict):
    """All that the memory map is made for.

    ``apart`` are the pairs of objects that one request never has live together; ``helpers`` says
    that stages which allocate or free run in helper threads too; ``stack_bytes`` is the
    worst depth of scheduler and stages (0: no bound known).
    """

    server: str
    pointer_bytes: int
    objects: tuple[ObjectDemand, ...]
    apart: tuple[tuple[str, str], ...]
    stages: tuple[StageDemand, ...]
    stack_bytes: Count
    globals: tuple[GlobalDemand, ...]
    helpers: bool
    left_out: tuple[LeftOut, ...] = ()


def make_demand(result: Memwalk) -> Demand:
    """Reduce memwalk's result."""
    helpers = {e.target for e in result.edges if e.kind is EdgeKind.HELPER}
    objects, left_out = [], []
    for found in result.objects:
        reason = find_obstacle(found)
        if reason:
            left_out.append(LeftOut(name=found.id, reason=reason))
        else:
            objects.append(_make_object(found, result.stages, helpers))
    known = {o.name for o in objects}
    # Where an open-ended object is may be elsewhere: what a request holds of it says nothing about
    # the slots that another one in its place would find.
    alone = {o.name for o in objects if o.open_ended}
    globals_, unplaced = _make_globals(result)
    allocating = {s.name for s in result.stages if s.allocates or s.frees}
    return Demand(
        server=result.server,
        pointer_bytes=result.pointer_bytes,
        objects=tuple(sorted(objects, key=lambda o: o.name)),
        apart=_make_pairs(
            (e.first, e.second) for e in result.exclusions if known - alone >= {e.first, e.second}
        ),
        stages=_make_stages(result, known),
        stack_bytes=_find_stack(result),
        globals=globals_,
        helpers=bool(helpers & allocating),
        left_out=(*left_out, *unplaced),
    )


def leave_out(demand: Demand, names: Sequence[str]) -> Demand:
    """The demand without some objects, which keep their own allocator.

    Raises UsageError for a name that is not an object.
    """
    known = {o.name for o in demand.objects} | {x.name for x in demand.left_out}
    unknown = sorted(set(names) - known)
    if unknown:
        raise UsageError(
            f"--without {unknown[0]}: {demand.server} has no such object",
            hint=f"choose from {', '.join(sorted(known)) or 'none'}",
        )
    dropped = {o.name for o in demand.objects} & set(names)
    return demand.model_copy(
        update={
            "objects": tuple(o for o in demand.objects if o.name not in dropped),
            "apart": tuple(pair for pair in demand.apart if not dropped & set(pair)),
            "left_out": (
                *demand.left_out,
                *(LeftOut(name=name, reason="left out on request") for name in sorted(dropped)),
            ),
        }
    )


def find_obstacle(found: Object) -> str:
    """Why ``found`` cannot have a pool; empty if it can."""
    if found.slab_bytes is None:
        return (
            f"its size {found.size.expression or '(unknown)'} has no bound; add one to "
            "[[objects]], or slab_bytes"
        )
    if found.slab_bytes == 0:
        return "its size is 0"
    if found.slab_live is None:
        return "no bound on how many one request has; add max_live to [[objects]], or slab_live"
    if found.scope == "handed over":
        return "it is handed over to code outside of the server, which may free it later"
    if not found.allocations:
        return "no allocation of it was found"
    return ""


def find_touched(found: Object) -> list[tuple[int, int]]:
    """Offsets (start, end) in bytes of the fields that some stage reads or writes."""
    return sorted(
        (f.offset, f.offset + max(1, f.bytes)) for f in found.fields if f.read_by or f.written_by
    )


def _make_object(found: Object, stages: Iterable[Stage], helpers: set[str]) -> ObjectDemand:
    size = found.slab_bytes or 0
    crosses = {
        live.object
        for stage in stages
        for live in (*stage.live_in, *stage.live_out)
        if live.most != 0
    }
    in_helper = any(name in helpers for name in found.allocated_in)
    touched = [(start, min(end, size)) for start, end in find_touched(found) if start < size]
    return ObjectDemand(
        name=found.id,
        type=found.type,
        bytes=size,
        alignment=max(1, found.alignment),
        per_request=max(1, found.slab_live or 1),
        hot_bytes=_measure(touched) if touched else None,
        transient=found.id not in crosses and not in_helper,
        open_ended=found.room is not None,
    )


def _measure(intervals: list[tuple[int, int]]) -> int:
    """Bytes that sorted intervals cover."""
    total, reached = 0, 0
    for start, end in intervals:
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _make_pairs(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({(min(a, b), max(a, b)) for a, b in pairs if a != b}))


def _make_stages(result: Memwalk, known: set[str]) -> tuple[StageDemand, ...]:
    final = {stage.name for stage in result.stages if stage.final}
    # What follows the final stage is the next request on the connection.
    life = _make_graph(result, lambda edge: edge.source not in final)
    calls = _make_graph(result, lambda edge: edge.kind is EdgeKind.DIRECT)
    stages = {stage.name: stage for stage in result.stages}
    limits = {o.id: o.slab_live or 1 for o in result.objects}
    return tuple(
        StageDemand(
            name=name,
            holds={
                live.object: live.least
                for live in stages[name].live_in
                if live.object in known and live.least
            },
            peak=_find_most(
                (live for one in sorted(ran) for live in stages[one].peak), known, limits
            ),
            allocates=tuple(sorted(known & {a for one in ran for a in stages[one].allocates})),
            later=tuple(sorted({name, *nx.descendants(life, name)})),
        )
        for name in sorted(stages)
        for ran in [{name, *nx.descendants(calls, name)}]
    )


def _make_graph(result: Memwalk, keeps: Callable[[Edge], bool]) -> nx.DiGraph[str]:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(stage.name for stage in result.stages)
    graph.add_edges_from(
        (e.source, e.target) for e in result.edges if e.source in graph and keeps(e)
    )
    return graph


def _find_most(lives: Iterable[Live], known: set[str], limits: Mapping[str, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for live in lives:
        if live.object in known and live.most != 0:
            limit = limits[live.object]
            most = limit if live.most is None else min(live.most, limit)
            found[live.object] = max(most, found.get(live.object, 0))
    return found


def _find_stack(result: Memwalk) -> int:
    """The scheduler's depth, which contains the stages it runs; 0 where any part has no bound."""
    schedulers = [s.bytes for s in result.stacks if s.role == "scheduler"]
    stages = [s.bytes for s in result.stacks if s.role == "stage"]
    depths = schedulers or stages
    return 0 if not depths or None in depths else max(d for d in depths if d is not None)


def _make_globals(result: Memwalk) -> tuple[tuple[GlobalDemand, ...], list[LeftOut]]:
    """Variables that are written or read on request paths; constants stay where they are."""
    placed, unplaced = [], []
    for variable in result.globals:
        if variable.constant:
            continue
        if variable.bytes:
            placed.append(GlobalDemand(name=variable.name, bytes=variable.bytes))
        else:
            unplaced.append(
                LeftOut(name=variable.name, reason="the size of this global is unknown")
            )
    return tuple(sorted(placed, key=lambda g: g.name)), unplaced


def find_conflicts(demand: Demand) -> set[tuple[str, str]]:
    """Pairs of objects that one request can have live together (each pair sorted)."""
    names = sorted(o.name for o in demand.objects)
    return set(combinations(names, 2)) - set(demand.apart)
