# SPDX-License-Identifier: MIT
"""memwalk's result for people: tables on the terminal, and a page."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterable

import jinja2
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from stingy.memwalk.explain import rank_annotations
from stingy.memwalk.interface import list_interface, show_interface
from stingy.memwalk.stage_graph import format_bytes, render_svg
from stingy.model.results import Memwalk, Size, StackDepth, WarningKind

ADVICES = 8  # shown of what to annotate next


def show_result(result: Memwalk) -> RenderableType:
    """Everything that a user has to look at, what needs attention last."""
    parts: list[RenderableType] = [
        show_interface(result.interface, result.task),
        _show_stages(result),
        _show_edges(result),
        _show_objects(result),
        _show_stacks(result),
    ]
    if result.globals:
        parts.append(_show_globals(result))
    parts.append(Text(describe_result(result)))
    parts += [Text(line, "yellow") for line in describe_attention(result)]
    if advice := describe_advice(result):
        parts += [Text("to annotate next, the most useful first:"), *map(Text, advice)]
    return Group(*parts)


def describe_result(result: Memwalk) -> str:
    """The result in one sentence."""
    pairs = "pair" if len(result.exclusions) == 1 else "pairs"
    return (
        f"{result.server}: {len(result.stages)} stages, {len(result.edges)} edges, "
        f"{len(result.objects)} per-request objects, {len(result.exclusions)} {pairs} never live "
        f"together; at most {format_bytes(result.peak_bytes)} of objects for one request."
    )


def describe_refusals(result: Memwalk) -> list[str]:
    """The files of which nothing is known, each with the reason."""
    return [f"{u.file}: refused: {u.reason}" for u in result.units if u.status == "refused"]


def describe_partial(result: Memwalk) -> list[str]:
    """That the walk was interrupted, if it was."""
    return [w.message for w in result.warnings if w.kind is WarningKind.PARTIAL]


def describe_attention(result: Memwalk) -> list[str]:
    """Refused files, unresolved things, warnings: each with its location and what it is about."""
    lines = describe_refusals(result)
    for item in result.unresolved:
        could = f"; could be {', '.join(item.candidates)}" if item.candidates else ""
        lines.append(
            f"{item.location.text}: unresolved {item.kind} in {item.function}: "
            f"{item.expression}: {item.reason}{could}"
        )
    for warning in result.warnings:
        hint = f" (try: {warning.hint})" if warning.hint else ""
        lines.append(f"{warning.location.text}: {warning.kind.value}: {warning.message}{hint}")
    return lines


def describe_advice(result: Memwalk) -> list[str]:
    """The annotations that would sharpen the result most."""
    return [
        f"{number}. {one.where}: {one.text} (try: {one.remedy})"
        for number, one in enumerate(rank_annotations(result)[:ADVICES], 1)
    ]


def render_page(result: Memwalk) -> str:
    """The HTML page: the graph, the tables, the evidence of each edge; it needs nothing else."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "bytes": format_bytes,
        "size": format_size,
        "chain": format_chain,
    }
    text = (importlib.resources.files("stingy") / "templates" / "memwalk.html.j2").read_text()
    return environment.from_string(text).render(
        result=result,
        partial=describe_partial(result),
        summary=describe_result(result),
        attention=describe_attention(result),
        advice=describe_advice(result),
        graph=render_svg(result),
        types={found.id: found.type or found.id for found in result.objects},
        listing=list_interface(result.interface),
    )


def format_size(size: Size) -> str:
    """A size with what it is: a constant, a bound and its source, or unknown."""
    if size.kind == "unknown":
        return "unknown"
    amount = format_bytes(size.bytes)
    return amount if size.kind == "constant" else f"at most {amount} ({size.source})"


def format_chain(depth: StackDepth) -> str:
    """The deepest chain with the bytes of each frame; ``~`` marks what is assumed."""
    marks = {"compiler": "", "call graph": "", "assumption": "~"}
    return " > ".join(f"{f.function} {marks[f.source]}{f.bytes}" for f in depth.chain)


def _table(title: str, *columns: str, numbers: Iterable[str] = ()) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left")
    return table


def _show_stages(result: Memwalk) -> Table:
    sizes = ("objects", "stack")
    table = _table("stages", "stage", "allocates", "frees", *sizes, "where", numbers=sizes)
    for stage in result.stages:
        table.add_row(
            stage.name + (" (entry)" if stage.entry else " (final)" if stage.final else ""),
            ", ".join(stage.allocates),
            ", ".join(stage.frees),
            format_bytes(stage.peak_bytes),
            format_bytes(stage.stack_bytes),
            stage.location.text,
        )
    return table


def _show_edges(result: Memwalk) -> Table:
    table = _table("edges", "from", "to", "kind", "where", "if")
    for edge in result.edges:
        first = edge.evidence[0] if edge.evidence else None
        more = f" and {len(edge.evidence) - 1} more" if len(edge.evidence) > 1 else ""
        table.add_row(
            edge.source,
            edge.target,
            edge.kind.value,
            first.location.text + more if first else "",
            Text(first.guard if first else ""),
        )
    return table


def _show_objects(result: Memwalk) -> Table:
    table = _table("per-request objects", "object", "size", "most", "live in", "never with")
    for found in result.objects:
        apart = [
            e.second if e.first == found.id else e.first
            for e in result.exclusions
            if found.id in (e.first, e.second)
        ]
        table.add_row(
            found.id,
            Text(format_size(found.size)),
            "unbounded" if found.max_live is None else str(found.max_live),
            ", ".join(found.live_in),
            ", ".join(apart),
        )
    return table


def _show_stacks(result: Memwalk) -> Table:
    table = _table("worst stack depth", "from", "bytes", "deepest chain", numbers=("bytes",))
    for depth in result.stacks:
        text = format_chain(depth) + "".join(f"\n{note}" for note in depth.notes)
        table.add_row(depth.root, format_bytes(depth.bytes), Text(text))
    return table


def _show_globals(result: Memwalk) -> Table:
    table = _table("globals on request paths", "variable", "bytes", "read by", "written by")
    for one in result.globals:
        table.add_row(
            one.name + (" (constant)" if one.constant else ""),
            format_bytes(one.bytes),
            ", ".join(one.read_by),
            ", ".join(one.written_by),
        )
    return table
