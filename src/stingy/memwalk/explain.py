# SPDX-License-Identifier: MIT
"""Why memwalk says what it says of one edge, object or stage; what to annotate next."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from ground.errors import UsageError
from stingy.model.results import (
    Edge,
    Evidence,
    Live,
    Memwalk,
    Object,
    Site,
    Stage,
    WarningKind,
)

ARROW = "->"


@dataclass(frozen=True, slots=True)
class Advice:
    """Something that an annotation would sharpen; ``weight`` orders them, the most useful first.

    The weight is how many statements of the result rest on it: stages that it is reached from,
    times what is assumed there.
    """

    weight: int
    where: str
    text: str
    remedy: str


def explain(result: Memwalk, name: str) -> list[str]:
    """The lines that explain ``A->B``, an object or a stage; UsageError for any other name."""
    if ARROW in name:
        source, target = (part.strip() for part in name.split(ARROW, 1))
        edges = [e for e in result.edges if (e.source, e.target) == (source, target)]
        if edges:
            return [line for edge in edges for line in _explain_edge(edge)]
    found = next((o for o in result.objects if name in (o.id, o.type)), None)
    if found is not None:
        return [*_explain_object(result, found)]
    stage = next((s for s in result.stages if name in (s.name, s.label)), None)
    if stage is not None:
        return [*_explain_stage(result, stage)]
    known = [
        *(f"{e.source}{ARROW}{e.target}" for e in result.edges),
        *(o.id for o in result.objects),
        *(s.name for s in result.stages),
    ]
    near = difflib.get_close_matches(name, known, 1)
    raise UsageError(
        f"{result.server} has no edge, object or stage {name}",
        hint=f"did you mean '{near[0]}'?" if near else "edges are written 'SOURCE->TARGET'",
    )


def _explain_edge(edge: Edge) -> Iterator[str]:
    yield f"{edge.source} {ARROW} {edge.target} ({edge.kind.value})"
    for one in edge.evidence:
        yield f"  {_show_way(edge.source, one)}"
        yield f"    if {one.guard}" if one.guard else "    always"


def _show_way(source: str, evidence: Evidence) -> str:
    way = [source, *evidence.via]
    if evidence.function != way[-1]:
        way.append(evidence.function)
    return f"{evidence.location.text}: {' > '.join(way)}"


def _explain_object(result: Memwalk, found: Object) -> Iterator[str]:
    most = "no bound" if found.max_live is None else str(found.max_live)
    bytes_ = "unknown" if found.size.bytes is None else f"{found.size.bytes:,} bytes"
    yield f"{found.id}: {found.type or 'untyped'}, {bytes_}, at most live at once: {most}"
    if found.size.expression:
        yield f"  size: {found.size.expression} ({found.size.source or found.size.kind})"
    for verb, sites in (
        ("allocated", found.allocations),
        ("released", found.frees),
        ("handed over", found.handoffs),
    ):
        for site in sites:
            yield from _explain_site(verb, site)
    for stage in result.stages:
        here = next((live for live in stage.live_in if live.object == found.id), None)
        if here is not None:
            yield f"  at the start of {stage.name}: {_count(here)}"
    apart = [
        e.second if e.first == found.id else e.first
        for e in result.exclusions
        if found.id in (e.first, e.second)
    ]
    if apart:
        yield f"  never live together with {', '.join(apart)}"
    for warning in result.warnings:
        if found.id in warning.message.split():
            yield f"  {warning.location.text}: {warning.kind.value}: {warning.message}"


def _explain_site(verb: str, site: Site) -> Iterator[str]:
    stages = ", ".join(site.stages) or "outside of stages"
    yield f"  {verb} at {site.location.text} in {site.function} ({stages}): {site.text}"
    if site.guard:
        yield f"    if {site.guard}"


def _explain_stage(result: Memwalk, stage: Stage) -> Iterator[str]:
    yield f"{stage.name}: {stage.location.text}"
    for edge in result.edges:
        if stage.name in (edge.source, edge.target):
            first = f", {_show_way(edge.source, edge.evidence[0])}" if edge.evidence else ""
            yield f"  {edge.source} {ARROW} {edge.target} ({edge.kind.value}){first}"
    for title, lives in (("starts with", stage.live_in), ("has at most", stage.peak)):
        shown = ", ".join(f"{live.object} {_count(live)}" for live in lives) or "nothing"
        yield f"  {title}: {shown}"


def _count(live: Live) -> str:
    most = "any number" if live.most is None else str(live.most)
    return most if most == str(live.least) else f"{live.least} to {most}"


def rank_annotations(result: Memwalk) -> list[Advice]:
    """What to annotate next, the most useful first."""
    stages = {f.name: len(f.stages) for f in result.functions}
    found = [
        Advice(
            max(1, stages.get(item.function, 0)) * max(1, len(item.candidates)),
            item.location.text,
            f"{item.expression}: {item.reason}",
            f'[[indirect]] function = "{item.function}", targets = [...]',
        )
        for item in result.unresolved
        if item.kind in {"indirect call", "stage"}
    ]
    for one in result.objects:
        if not one.has_place:
            key = "max_bytes" if one.slab_bytes is None else "max_live"
            where = one.allocations[0].location.text if one.allocations else ""
            text = f"{one.id} has no bound, so it gets no place in the cache"
            remedy = f'[[objects]] type = "{one.type}", {key} = ..., reason = "..."'
            found.append(Advice(3 * max(1, len(one.live_in)), where, text, remedy))
    found += [
        Advice(2 * max(1, len(result.stages)), w.location.text, w.message, w.hint)
        for w in result.warnings
        if w.kind is WarningKind.MERGED
    ]
    return sorted(found, key=lambda advice: (-advice.weight, advice.where, advice.text))
