# SPDX-License-Identifier: MIT
"""All sites of all objects, also where no request comes by, and free lists."""

from __future__ import annotations

from stingy.flow.constructs import Constructs, plain
from stingy.flow.flowgraph import FlowGraph
from stingy.flow.objects import Objects
from stingy.flow.pointers import Pointers
from stingy.lower.linking import Program
from stingy.memwalk.findings import Findings, SiteUse
from stingy.memwalk.memory import node_name
from stingy.model.annotations import Free, Malloc
from stingy.model.program import Addr, Assign, Call, Expr, Field, Func, Routine, Var


def add_other_sites(
    program: Program,
    constructs: Constructs,
    pointers: Pointers,
    objects: Objects,
    findings: Findings,
) -> None:
    """Add the sites that no path of a request came by: start-up, shutdown, allocators' bodies."""
    known = {(use.action, use.spot) for use in findings.sites.values()}
    for routine in program.routines.values():
        owner = _objects_of_body(routine, constructs, objects, findings, program)
        if routine.key in constructs.wrappers:
            continue
        for number, step in enumerate(routine.steps):
            if not isinstance(step, Call):
                continue
            for key in sorted(pointers.called_at(routine.key, number)):
                for kind in constructs.at_call(routine.key, key):
                    if not isinstance(kind, Malloc | Free):
                        continue
                    action = "allocate" if isinstance(kind, Malloc) else "free"
                    if (action, step.spot) in known:
                        continue
                    site = (routine, number, step, key)
                    for object_ in owner or _candidates(site, kind, constructs, pointers, objects):
                        use = _make_use(site, object_, kind, constructs, program)
                        findings.sites.setdefault((action, object_, step.spot), use)


def _objects_of_body(
    routine: Routine,
    constructs: Constructs,
    objects: Objects,
    findings: Findings,
    program: Program,
) -> list[str]:
    """What an annotated allocator's own calls allocate and release is what it gives or takes."""
    if not constructs.is_allocator(routine.key) or routine.key in constructs.wrappers:
        return []
    name = program.show(routine.key)
    given = {k.id for k in objects.kinds.values() for s in k.sites if s.callee == routine.key}
    taken = {u.object for u in findings.sites.values() if u.callee == name and u.action == "free"}
    return sorted(given | taken)


def _candidates(
    site: tuple[Routine, int, Call, str],
    kind: Malloc | Free,
    constructs: Constructs,
    pointers: Pointers,
    objects: Objects,
) -> list[str]:
    _, _, call, key = site
    if isinstance(kind, Malloc):
        spot = call.spot
        node = ("object", spot.file, str(spot.line), str(spot.column), key)
        return [objects.of_site[node]] if node in objects.of_site else []
    position = constructs.position(kind, key, "O")
    if position is None or position >= len(call.arguments):
        return []
    return objects.candidates(pointers, call.arguments[position])


def _make_use(
    site: tuple[Routine, int, Call, str],
    object_: str,
    kind: Malloc | Free,
    constructs: Constructs,
    program: Program,
) -> SiteUse:
    routine, number, call, key = site
    action = "allocate" if isinstance(kind, Malloc) else "free"
    position = constructs.position(kind, key, "O")
    holder = ""
    if action == "free" and position is not None and position < len(call.arguments):
        holder = node_name(call.arguments[position])
    return SiteUse(
        action,
        object_,
        call.spot,
        routine.key,
        plain(kind).name,
        program.show(key),
        call.text,
        holder,
        FlowGraph(routine).guard(number),
    )


def find_holders(program: Program, uses: list[SiteUse]) -> None:
    """Where the result of each allocation is stored."""
    for use in uses:
        if use.action != "allocate" or use.holder:
            continue
        routine = program.routines[use.routine]
        values: set[Expr] = {
            s.result for s in routine.calls() if s.spot == use.spot and s.text == use.text
        }
        for step in routine.steps:
            if isinstance(step, Assign) and step.value in values:
                values.add(step.place)
                name = node_name(step.place)
                if name and not name.startswith("%"):
                    use.holder = name
                    if isinstance(step.place, Field):
                        break


def find_free_list(object_: str, findings: Findings, program: Program) -> str:
    """The place that both the allocator and the release of an object work on: a free list."""
    routines: dict[str, set[str]] = {"allocate": set(), "free": set()}
    for use in findings.sites.values():
        if use.object == object_ and use.action in routines:
            routines[use.action] |= {use.routine, *program.find(use.callee)}
    given = set().union(*(_lists_in(k, program) for k in routines["allocate"]))
    taken = set().union(*(_lists_in(k, program) for k in routines["free"]))
    return next(iter(sorted(given & taken)), "")


def _lists_in(key: str, program: Program) -> set[str]:
    """The global pointers and lists that a routine changes."""
    routine = program.routines.get(key)
    if routine is None:
        return set()
    found: set[str] = set()
    for step in routine.steps:
        if isinstance(step, Assign) and _is_list_head(step.place):
            found.add(node_name(step.place))
        elif isinstance(step, Call) and isinstance(step.callee, Func):
            for argument in step.arguments:
                if isinstance(argument, Addr) and _is_list(argument.place, program):
                    found.add(node_name(argument.place))
    return {name.rsplit(":", 1)[-1] for name in found if name}


def _is_list_head(place: Expr) -> bool:
    return _is_global(place) and getattr(place, "type", "").endswith("*")


def _is_list(place: Expr, program: Program) -> bool:
    """Whether a global may be a list's head: it is written, and holds a pointer."""
    if not _is_global(place):
        return False
    type_ = getattr(place, "type", "")
    record = program.records.get(type_)
    if record is not None:
        return "const" not in type_ and any(m.type.endswith("*") for m in record.members)
    return "const" not in type_ and (type_.endswith("*") or type_ == "struct list_head")


def _is_global(place: Expr) -> bool:
    while isinstance(place, Field):
        place = place.base
    return isinstance(place, Var) and not place.function
