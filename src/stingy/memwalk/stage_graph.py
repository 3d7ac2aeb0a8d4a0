# SPDX-License-Identifier: MIT
"""The paper's Fig. 4: the stage call graph with the memory use of each stage."""

# DEVIATIONS.md: [stage graph]

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import graphviz

from ground import process
from ground.files import write_atomically
from stingy.model.results import EXTERNAL, Edge, EdgeKind, Memwalk, Stage

# Told apart without colour too: solid lines are this thread's, the others wait for something.
STYLES: dict[EdgeKind, dict[str, str]] = {
    EdgeKind.QUEUE: {"style": "solid", "color": "#222222"},
    EdgeKind.STACK: {"style": "bold", "color": "#0072B2"},
    EdgeKind.FLUSH: {"style": "bold", "color": "#009E73", "arrowhead": "empty"},
    EdgeKind.DIRECT: {"style": "solid", "color": "#222222", "arrowhead": "vee"},
    EdgeKind.HELPER: {"style": "dashed", "color": "#D55E00"},
    EdgeKind.SOCKET: {"style": "dotted", "color": "#2E86B5"},
    EdgeKind.TIMER: {"style": "dotted", "color": "#CC79A7"},
    EdgeKind.EXTERNAL: {"style": "solid", "color": "#888888"},
}
FONT = "DejaVu Sans"


def make_graph(result: Memwalk) -> graphviz.Digraph:
    """The graph in Graphviz's language; equal results give equal text."""
    graph = graphviz.Digraph(result.server)
    graph.attr("graph", rankdir="TB", ranksep="0.35", nodesep="0.25", margin="0.05")
    graph.attr(
        "node", shape="box", style="rounded", fontname=FONT, fontsize="9", margin="0.08,0.04"
    )
    graph.attr("edge", fontname=FONT, fontsize="7", arrowsize="0.6")
    stages = {stage.name: stage for stage in result.stages}
    order = order_nodes(result)
    for name in order:
        if name in stages:
            stage = stages[name]
            graph.node(name, label=describe_stage(result, stage), peripheries=_rings(stage))
        else:
            graph.node(name, label="scheduler" if name == EXTERNAL else name, shape="plaintext")
    if order:  # none if every file was refused
        graph.body.append(f'\t{{rank=source "{order[0]}"}}\n')
    for source, target, kinds in sorted(
        join_edges(result.edges), key=lambda edge: (order.index(edge[0]), order.index(edge[1]))
    ):
        for kind in kinds:
            label = "" if kind in {EdgeKind.QUEUE, EdgeKind.EXTERNAL} else kind.value
            graph.edge(source, target, label=label, **STYLES[kind])
    return graph


def describe_stage(result: Memwalk, stage: Stage) -> str:
    """Name, what it allocates (+) and frees (-), the most that is live, and its stack."""
    names = {found.id: found.type or found.id for found in result.objects}
    lines = [stage.label or stage.name]
    lines += [f"+ {names.get(one, one)}" for one in stage.allocates]
    lines += [f"- {names.get(one, one)}" for one in stage.frees]
    lines.append(f"objects {format_bytes(stage.peak_bytes)}")
    lines.append(f"stack {format_bytes(stage.stack_bytes)}")
    return "".join(f"{_escape(line)}\\l" if number else f"{_escape(line)}\\n"
                   for number, line in enumerate(lines))  # fmt: skip


def format_bytes(value: int | None) -> str:
    """A size for people; None is a size without a bound."""
    return "unbounded" if value is None else f"{value:,} B"


def draw_graph(result: Memwalk, path: Path) -> None:
    """Write the graph as SVG, PDF or PNG, as the suffix says; equal graphs give equal SVG."""
    source = make_graph(result).source
    text = process.run(
        ["dot", f"-T{path.suffix[1:]}", "-o", path], stdin=source.encode(), timeout_s=300
    )
    if text.stderr:
        write_atomically(path.with_suffix(".log"), text.stderr.encode())


def render_svg(result: Memwalk) -> str:
    """The graph as an SVG element, to stand in a page."""
    made = process.run(["dot", "-Tsvg"], stdin=make_graph(result).source.encode(), timeout_s=300)
    return made.stdout[made.stdout.index("<svg") :]


def order_nodes(result: Memwalk) -> list[str]:
    """Nodes from the scheduler on, breadth first, so that the graph is drawn in this direction."""
    followers: dict[str, list[str]] = {}
    for edge in result.edges:
        followers.setdefault(edge.source, []).append(edge.target)
    order = [EXTERNAL] if EXTERNAL in followers else []
    starts = [stage.name for stage in result.stages if stage.entry]
    for name in (*order, *starts, *(stage.name for stage in result.stages)):
        order += [name] * (name not in order)
        for reached in order[order.index(name) :]:
            order += [f for f in dict.fromkeys(followers.get(reached, ())) if f not in order]
    return order


def join_edges(edges: Iterable[Edge]) -> list[tuple[str, str, list[EdgeKind]]]:
    """Kinds by pair of stages."""
    pairs: dict[tuple[str, str], set[EdgeKind]] = {}
    for edge in edges:
        pairs.setdefault((edge.source, edge.target), set()).add(edge.kind)
    return [(a, b, sorted(kinds)) for (a, b), kinds in sorted(pairs.items())]


def _rings(stage: Stage) -> str:
    return "2" if stage.final else "1"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\")
