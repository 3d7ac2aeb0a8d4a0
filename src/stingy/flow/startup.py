# SPDX-License-Identifier: MIT
"""Code that runs once a process, before or after the scheduler: its memory is not a request's."""

from __future__ import annotations

import networkx as nx

from stingy.flow.constructs import Constructs
from stingy.flow.objects import Objects
from stingy.flow.pointers import Pointers
from stingy.flow.stages import Stages
from stingy.lower.linking import Program
from stingy.model.annotations import Free, Handoff, Malloc
from stingy.model.program import Assign, Routine


def find_startup(stages: Stages, constructs: Constructs, pointers: Pointers) -> set[str]:
    """The routines of such code alone: roots that lead to a scheduler, what a scheduler that is a
    main() calls around the loop that serves requests, and what all these call."""
    callees: dict[str, set[str]] = {}
    callers: dict[str, set[str]] = {}
    for (caller, _), keys in pointers.callees.items():
        callees.setdefault(caller, set()).update(keys)
        for key in keys:
            callers.setdefault(key, set()).add(caller)
    schedulers = {
        key
        for one in stages.annotations.constructs.scheduler
        for key in stages.program.find(one.function)
        if key in stages.program.routines
    }
    serving = _reach(set(stages.functions) | stages.queueing | _find_queueing(constructs), callers)
    leading = set(stages.roots) & _reach(schedulers, callers) - schedulers
    working = set(stages.functions) | (set(stages.roots) - leading - schedulers)
    once = set(leading)
    for key in schedulers:
        looped = callees.get(key, set())
        if key not in callers and key not in pointers.addressed:
            routine = stages.program.routines[key]
            looped = _called_in_serving_loops(routine, serving, constructs, pointers)
            once |= callees.get(key, set()) - looped
        working |= looped
    return _reach(once, callees) - _reach(working, callees) - schedulers


def _find_queueing(constructs: Constructs) -> set[str]:
    """The functions that are constructs of stages, not of memory."""
    return {
        key
        for key, kinds in constructs.calls.items()
        if not all(isinstance(kind, Malloc | Free | Handoff) for kind in kinds)
    }


def _called_in_serving_loops(
    routine: Routine, serving: set[str], constructs: Constructs, pointers: Pointers
) -> set[str]:
    """What the loops of a scheduler call that serve requests; none if the loop is a library's."""
    graph: nx.DiGraph[int] = nx.DiGraph()
    for step, followers in enumerate(routine.successors):
        graph.add_edges_from((step, follower) for follower in followers)
    found: set[str] = set()
    for loop in nx.strongly_connected_components(graph):
        called = set().union(*(pointers.called_at(routine.key, step) for step in loop))
        stores = [s for n in loop if isinstance(s := routine.steps[n], Assign)]
        queues = any(constructs.at_store(routine.key, store.place) for store in stores)
        if len(loop) > 1 and (queues or not called.isdisjoint(serving)):
            found |= called
    return found


def _reach(start: set[str], callees: dict[str, set[str]]) -> set[str]:
    found, waiting = set(start), list(start)
    while waiting:
        for key in callees.get(waiting.pop(), ()):
            if key not in found:
                found.add(key)
                waiting.append(key)
    return found


def find_held_by_tasks(program: Program, objects: Objects, pointers: Pointers) -> set[str]:
    """The objects that a field of a request may point to, directly or through others."""
    found: set[str] = set()
    types, seen = [objects.task_type], {objects.task_type}
    while types:
        record = types.pop()
        layout = program.records.get(record)
        for member in layout.members if layout else ():
            inner = program.inner_record(record, member)
            name = "*" if layout and layout.union else member.name
            held = {
                objects.of_site[target]
                for target in pointers.targets.get(("field", record, name), ())
                if target in objects.of_site
            }
            found |= held
            for type_ in {inner, *(objects.kinds[one].type for one in held)} - seen - {""}:
                seen.add(type_)
                types.append(type_)
    return found
