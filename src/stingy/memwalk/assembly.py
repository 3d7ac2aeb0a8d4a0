# SPDX-License-Identifier: MIT
"""The intermediate results become the published one."""

from __future__ import annotations

from typing import Literal

from stingy.flow.objects import Kind
from stingy.memwalk.accesses import describe_fields, describe_globals
from stingy.memwalk.analysis import Analysis
from stingy.memwalk.findings import SiteUse, locate
from stingy.memwalk.interface import describe_interface
from stingy.memwalk.inventory import find_free_list
from stingy.model.program import name_of
from stingy.model.results import (
    EXTERNAL,
    Edge,
    Exclusion,
    Function,
    Memwalk,
    Object,
    Room,
    Site,
    Size,
    StackDepth,
    Stage,
    TranslationUnit,
    Unresolved,
    Warning,
    WarningKind,
)


def assemble(analysis: Analysis) -> Memwalk:
    """Everything that memwalk says, sorted."""
    objects = [_object(k, analysis) for _, k in sorted(analysis.objects.kinds.items())]
    objects = [o for o in objects if o.live_in or o.allocated_in or o.id == analysis.objects.task]
    sizes = {o.id: o.size.bytes for o in objects}
    lifetimes = analysis.lifetimes
    every = [point for points in lifetimes.during.values() for point in points]
    stacks = _stacks(analysis)
    return Memwalk(
        server=analysis.annotations.server.name,
        discipline=analysis.annotations.dispatch.discipline,
        target=analysis.program.target(),
        pointer_bytes=_pointer_bytes(analysis.program.target()),
        task=analysis.objects.task_type,
        interface=describe_interface(analysis.annotations, analysis.program),
        units=_units(analysis),
        functions=_functions(analysis),
        stages=_stages(analysis, sizes, stacks),
        edges=_edges(analysis),
        stacks=stacks,
        objects=objects,
        exclusions=_exclusions(analysis, objects),
        peak_bytes=lifetimes.peak_bytes(every, sizes),
        globals=describe_globals(analysis.program, analysis.accesses),
        unresolved=_unresolved(analysis),
        warnings=_warnings(analysis, objects),
    )


def _exclusions(analysis: Analysis, objects: list[Object]) -> list[Exclusion]:
    """Pairs that are never live together; a walk that was interrupted proves none."""
    if any(kind is WarningKind.PARTIAL for kind, _, _ in analysis.findings.warnings):
        return []
    return analysis.lifetimes.exclusions([o.id for o in objects])


def _pointer_bytes(target: str) -> int:
    return 8 if "64" in target.split("-", 1)[0] else 4


def _units(analysis: Analysis) -> list[TranslationUnit]:
    return [
        TranslationUnit(
            file=unit.file,
            digest=unit.digest,
            status="refused" if unit.problem else "analysed",
            reason=unit.problem,
            functions=len(unit.functions()),
        )
        for unit in analysis.program.units
    ]


def _shown(stages: set[str]) -> list[str]:
    return sorted(s for s in stages if s)


def _functions(analysis: Analysis) -> list[Function]:
    program = analysis.program
    calls: dict[str, set[str]] = {key: set() for key in program.routines}
    for (caller, _), callees in analysis.pointers.callees.items():
        calls[caller] |= {program.show(c) for c in callees}
    found: list[Function] = []
    for key, routine in program.routines.items():
        frame = program.compiled.get(key)
        kind: Literal["static", "dynamic", "bounded", "inlined", "unknown"] = "inlined"
        if frame is not None:
            kind = "dynamic" if frame.kind == "dynamic" else "static"
            kind = "bounded" if frame.kind == "bounded" else kind
        elif not program.compiled:
            kind = "unknown"
        found.append(
            Function(
                name=program.show(key),
                location=locate(routine.spot),
                frame_bytes=frame.bytes if frame else None,
                frame_kind=kind,
                calls=sorted(calls[key]),
                stages=_shown(analysis.findings.visited.get(key, set())),
            )
        )
    return sorted(found, key=lambda f: (f.location.file, f.location.line, f.name))


def _stacks(analysis: Analysis) -> list[StackDepth]:
    found = [
        analysis.depths.describe(key, "stage", name)
        for key, name in analysis.stages.functions.items()
        if key in analysis.program.routines
    ]
    for scheduler in analysis.annotations.constructs.scheduler:
        for key in analysis.program.find(scheduler.function):
            found.append(analysis.depths.describe(key, "scheduler", analysis.program.show(key)))
    return sorted(found, key=lambda s: (s.role, s.root))


def _stages(
    analysis: Analysis, sizes: dict[str, int | None], stacks: list[StackDepth]
) -> list[Stage]:
    lifetimes = analysis.lifetimes
    depths = {s.root: s.bytes for s in stacks if s.role == "stage"}
    notes = {n.function: n for n in analysis.annotations.stages}
    sites = list(analysis.findings.sites.values())
    found: list[Stage] = []
    for key, name in sorted(analysis.stages.functions.items(), key=lambda item: item[1]):
        if key not in analysis.program.routines:
            continue
        note = notes.get(name_of(key))
        during = lifetimes.during.get(name, set())
        flags = {e.flag for e in analysis.walk.entries if e.stage == name}
        found.append(
            Stage(
                name=name,
                function=name,
                label=note.label if note and note.label else name,
                location=locate(analysis.program.routines[key].spot),
                entry=bool(note and note.entry),
                final=name == analysis.walk.final,
                flags=sorted(f for f in flags if f is not None),
                live_in=lifetimes.describe(lifetimes.entry.get(name, set())),
                live_out=lifetimes.describe(lifetimes.end.get(name, set())),
                peak=lifetimes.describe(during),
                peak_bytes=lifetimes.peak_bytes(during, sizes),
                stack_bytes=depths.get(name),
                allocates=_touched("allocate", name, sites),
                frees=_touched("free", name, sites),
            )
        )
    return found


def _touched(action: str, stage: str, sites: list[SiteUse]) -> list[str]:
    return sorted({u.object for u in sites if u.action == action and stage in u.stages})


def _edges(analysis: Analysis) -> list[Edge]:
    found = [
        Edge(
            source=source,
            target=target,
            kind=kind,
            evidence=sorted(
                evidence.values(), key=lambda e: (e.location.file, e.location.line, e.function)
            ),
        )
        for (source, target, kind), evidence in analysis.findings.edges.items()
    ]
    return sorted(found, key=lambda e: (e.source != EXTERNAL, e.source, e.target, e.kind))


def _site(use: SiteUse, analysis: Analysis) -> Site:
    return Site(
        location=locate(use.spot),
        function=analysis.program.show(use.routine),
        matches=use.matches,
        callee=use.callee,
        text=use.text,
        holder=use.holder,
        guard=use.guard,
        stages=_shown(use.stages),
    )


def _sites(action: str, object_: str, analysis: Analysis) -> list[Site]:
    uses = [
        u for u in analysis.findings.sites.values() if u.action == action and u.object == object_
    ]
    uses.sort(key=lambda u: (u.spot.file, u.spot.line, u.spot.column))
    return [_site(u, analysis) for u in uses]


def _object(kind: Kind, analysis: Analysis) -> Object:
    lifetimes = analysis.lifetimes
    allocations = _sites("allocate", kind.id, analysis)
    frees = _sites("free", kind.id, analysis)
    handoffs = _sites("hand over", kind.id, analysis)
    scope: Literal["stage", "request", "handed over"] = "request"
    if handoffs:
        scope = "handed over"
    elif not lifetimes.crosses(kind.id):
        scope = "stage"
    return Object(
        id=kind.id,
        type=kind.type,
        size=_largest(kind.sizes),
        alignment=kind.alignment,
        fields=describe_fields(analysis.program, kind.type, analysis.accesses),
        allocations=allocations,
        frees=frees,
        handoffs=handoffs,
        allocated_in=sorted({s for a in allocations for s in a.stages}),
        freed_in=sorted({s for f in frees for s in f.stages}),
        live_in=[s for s in lifetimes.stages_of(kind.id) if s != EXTERNAL],
        max_live=lifetimes.most(kind.id),
        scope=scope,
        free_list=find_free_list(kind.id, analysis.findings, analysis.program),
        room=_find_room(kind, analysis),
    )


def _find_room(kind: Kind, analysis: Analysis) -> Room | None:
    """What the annotations let the slabs keep of an object."""
    for note in analysis.annotations.objects:
        if (note.slab_bytes or note.slab_live) and analysis.objects.is_noted(
            kind, note.type, analysis.program
        ):
            return Room(bytes=note.slab_bytes, live=note.slab_live)
    return None


def _largest(sizes: list[Size]) -> Size:
    """The size of an object with several sites: the largest; unknown if one is."""
    unknown = next((s for s in sizes if s.bytes is None), None)
    if unknown is not None:
        return unknown
    largest = max(sizes, key=lambda s: s.bytes or 0)
    if len({s.bytes for s in sizes}) > 1:
        return largest.model_copy(update={"kind": "bound"})
    return largest


def _unresolved_kind(
    kind: str,
) -> Literal["indirect call", "stage", "external callback"]:
    if kind == "stage":
        return "stage"
    return "external callback" if kind == "external callback" else "indirect call"


def _unresolved(analysis: Analysis) -> list[Unresolved]:
    found: list[Unresolved] = []
    program = analysis.program
    for (kind, spot), (routine, text, reason, candidates) in analysis.findings.unresolved.items():
        found.append(
            Unresolved(
                kind=_unresolved_kind(kind),
                location=locate(spot),
                function=program.show(routine),
                expression=text,
                candidates=sorted({name_of(c) for c in candidates}),
                reason=reason,
            )
        )
    for key, one in program.routines.items():
        for spot, text in one.notes:
            found.append(
                Unresolved(
                    kind="control flow",
                    location=locate(spot),
                    function=program.show(key),
                    expression=text,
                    candidates=[],
                    reason="every label of the function is assumed",
                )
            )
    return sorted(found, key=lambda u: (u.location.file, u.location.line, u.kind))


def _warnings(analysis: Analysis, objects: list[Object]) -> list[Warning]:
    found = [
        Warning(kind=kind, location=locate(spot), message=message, hint=hint)
        for (kind, spot, message), hint in analysis.findings.warnings.items()
    ]
    for unit in analysis.program.units:
        found += [
            Warning(kind=WarningKind.SOURCE, location=locate(spot), message=text)
            for spot, text in unit.warnings
        ]
    found += [
        Warning(kind=WarningKind.SOURCE, location=locate(spot), message=text)
        for spot, text in analysis.program.clashes
    ]
    found += _stack_warnings(analysis)
    found += [_unbounded(o) for o in objects if not o.has_place]
    return sorted(found, key=lambda w: (w.location.file, w.location.line, w.kind.value, w.message))


def _stack_warnings(analysis: Analysis) -> list[Warning]:
    """Functions on request paths whose depth has no bound of itself."""
    found: list[Warning] = []
    program = analysis.program
    for key, stages in sorted(analysis.findings.visited.items()):
        frame = program.compiled.get(key)
        name = name_of(key)
        note = analysis.annotations.stack
        if not any(stages):
            continue
        if frame and frame.kind == "dynamic" and name not in note.dynamic_bytes:
            found.append(_stack_warning(key, "has a frame of variable size", analysis))
        if analysis.depths.is_recursive(key) and name not in note.recursion:
            found.append(_stack_warning(key, "is recursive", analysis))
    return found


def _stack_warning(key: str, what: str, analysis: Analysis) -> Warning:
    table = "recursion" if "recursive" in what else "dynamic_bytes"
    return Warning(
        kind=WarningKind.STACK,
        location=locate(analysis.program.routines[key].spot),
        message=f"{analysis.program.show(key)} {what}: stages that call it have no stack bound",
        hint=f"bound it in the annotations: [stack] {table}.{name_of(key)}",
    )


def _unbounded(found: Object) -> Warning:
    what = "has no bound on how many are live" if found.max_live is None else "has no known size"
    return Warning(
        kind=WarningKind.UNBOUNDED,
        location=found.allocations[0].location,
        message=f"{found.id} {what}",
        hint=f'give max_live or max_bytes in [[objects]] type = "{found.type}"; or slab_live or '
        "slab_bytes, and the rest of it comes from the system's memory",
    )
