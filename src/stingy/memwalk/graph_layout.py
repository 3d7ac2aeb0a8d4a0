# SPDX-License-Identifier: MIT
"""Where the nodes and edges of a stage graph go, by Graphviz's dot; all lengths are points.

Labels have the sizes they are given, so that the layout does not depend on the host's fonts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ground import process

POINTS_PER_INCH = 72
Point = tuple[float, float]
Extent = tuple[float, float]


@dataclass(frozen=True)
class PlacedEdge:
    """An edge as a B-spline (Bezier control points, 3n + 1 of them); ``label`` is the middle of
    its label's box, None for an edge without one."""

    source: str
    target: str
    curve: tuple[Point, ...]
    label: Point | None


@dataclass(frozen=True)
class Layout:
    """Middles of the nodes by name, the edges, and the whole's width and height."""

    extent: Extent
    nodes: Mapping[str, Point]
    edges: tuple[PlacedEdge, ...]


def lay_out(
    nodes: Mapping[str, Extent],
    edges: Sequence[tuple[str, str, Extent | None]],
    *,
    gap: Extent = (10.0, 12.0),
) -> Layout:
    """Lay out a graph from top to bottom, its first node at the top.

    ``nodes`` have widths and heights, ``edges`` those of their labels; ``gap`` is the least
    distance between neighbours and between ranks.  Raises ProcessError without Graphviz.
    """
    names = list(nodes)
    lines = [
        "digraph {",
        f"graph [rankdir=TB nodesep={gap[0] / POINTS_PER_INCH} ranksep={gap[1] / POINTS_PER_INCH}]",
        'node [shape=box fixedsize=true label=""] edge [arrowhead=none]',
    ]
    for number, (width, height) in enumerate(nodes.values()):
        lines.append(
            f"n{number} [width={width / POINTS_PER_INCH} height={height / POINTS_PER_INCH}]"
        )
    for source, target, label in edges:
        box = f" [label=<{_make_box(label)}>]" if label else ""
        lines.append(f"n{names.index(source)} -> n{names.index(target)}{box}")
    lines += ["{rank=source n0}", "}"]
    made = process.run(["dot", "-Tjson0"], stdin="\n".join(lines).encode(), timeout_s=300)
    return _read_layout(json.loads(made.stdout), names)


def _make_box(extent: Extent) -> str:
    width, height = (max(1, round(length)) for length in extent)
    return (
        f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" FIXEDSIZE="TRUE" '
        f'WIDTH="{width}" HEIGHT="{height}"><TR><TD></TD></TR></TABLE>'
    )


def _read_layout(document: Mapping[str, Any], names: Sequence[str]) -> Layout:
    """Graphviz's JSON; positions are texts of points."""
    placed = [item for item in document["objects"] if "pos" in item]  # the others are subgraphs
    ids = {item["_gvid"]: names[int(item["name"][1:])] for item in placed}
    nodes = {ids[item["_gvid"]]: _point(item["pos"]) for item in placed}
    edges = [
        PlacedEdge(
            ids[item["tail"]],
            ids[item["head"]],
            tuple(_point(word) for word in item["pos"].split()),
            _point(item["lp"]) if "lp" in item else None,
        )
        for item in document.get("edges", ())
    ]
    _, _, width, height = (float(word) for word in document["bb"].split(","))
    return Layout((width, height), {name: nodes[name] for name in names}, tuple(edges))


def _point(text: str) -> Point:
    x, y = (float(word) for word in text.split(","))
    return x, y
