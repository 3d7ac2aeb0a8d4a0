# SPDX-License-Identifier: MIT
"""Graphviz's layout: everything has the size it was given, and nothing lies on anything."""

from __future__ import annotations

from itertools import combinations

import pytest

from stingy.memwalk.graph_layout import lay_out

NODES = {"(external)": (40.0, 9.0), "stage one": (70.0, 23.0), 'it\'s \\ "two"': (30.0, 23.0)}
ONE, TWO = [*NODES][1:]
EDGES = [
    ("(external)", ONE, None),
    (ONE, TWO, (20.0, 6.0)),
    (TWO, ONE, None),
    (TWO, TWO, (24.0, 18.0)),
]


def test_nodes_are_apart_from_top_to_bottom() -> None:
    layout = lay_out(NODES, EDGES)
    assert list(layout.nodes) == list(NODES)
    for one, other in combinations(NODES, 2):
        x, y = (abs(a - b) for a, b in zip(layout.nodes[one], layout.nodes[other], strict=True))
        width, height = ((a + b) / 2 for a, b in zip(NODES[one], NODES[other], strict=True))
        assert x >= width or y >= height
    heights = [layout.nodes[name][1] for name in NODES]
    assert heights == sorted(heights, reverse=True)
    for name, (x, y) in layout.nodes.items():
        width, height = NODES[name]
        assert width / 2 <= x + 1 and x + width / 2 <= layout.extent[0] + 1
        assert height / 2 <= y + 1 and y + height / 2 <= layout.extent[1] + 1


def test_edges_run_from_source_to_target() -> None:
    layout = lay_out(NODES, EDGES)
    assert {(e.source, e.target) for e in layout.edges} == {(a, b) for a, b, _ in EDGES}
    for edge in layout.edges:
        assert len(edge.curve) % 3 == 1
        for (x, y), name in ((edge.curve[0], edge.source), (edge.curve[-1], edge.target)):
            width, height = NODES[name]
            assert abs(x - layout.nodes[name][0]) <= width / 2 + 2
            assert abs(y - layout.nodes[name][1]) <= height / 2 + 2
    labels = {(e.source, e.target) for e in layout.edges if e.label}
    assert labels == {(ONE, TWO), (TWO, TWO)}


def test_equal_graphs_are_laid_out_alike() -> None:
    assert lay_out(NODES, EDGES) == lay_out(NODES, EDGES)


@pytest.mark.parametrize("count", [1, 2])
def test_small_graphs(count: int) -> None:
    assert len(lay_out(dict([*NODES.items()][:count]), []).nodes) == count
