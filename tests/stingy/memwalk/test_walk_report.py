# SPDX-License-Identifier: MIT
"""What people see of a result: the graph, the tables, the page."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from ground.paths import PROJECT
from stingy.accuracy.truth import Truth, find_server
from stingy.memwalk.report import describe_attention, render_page, show_result
from stingy.memwalk.stage_graph import draw_graph, make_graph, render_svg
from stingy.model.results import EXTERNAL, Memwalk
from tests.stingy.accuracy.test_accuracy import PLACE, make_object, make_result, make_stage


def imagine(truth: Truth) -> Memwalk:
    """A result that agrees with ``truth``."""
    names = sorted({end for a, b, _ in truth.edges for end in (a, b)} - {EXTERNAL})
    objects = [
        make_object(
            o.name.split()[-1],
            size={"kind": "constant", "bytes": o.bytes},
            allocated_in=[*o.allocated_in],
            freed_in=[*o.freed_in],
            live_in=[*o.live_in],
        )
        for o in truth.objects
    ]
    stages = [
        make_stage(name)
        | {"allocates": [o["id"] for o in objects if name in o["allocated_in"]]}
        | {"frees": [o["id"] for o in objects if name in o["freed_in"]]}
        | {"final": name == "stage_flush", "peak_bytes": 4321, "stack_bytes": None}
        for name in names
    ]
    evidence = {"location": PLACE, "function": "f", "via": ["g", "h"], "guard": "x < 0 && *y"}
    return make_result(
        server="x<y>",
        stages=stages,
        objects=objects,
        exclusions=[{"first": a.split()[-1], "second": b.split()[-1]} for a, b in truth.exclusions],
        edges=[
            {"source": a, "target": b, "kind": kind, "evidence": [evidence]}
            for a, b, kind in truth.edges
        ],
        warnings=[{"kind": "leak", "location": PLACE, "message": "it <leaks>", "hint": "free it"}],
        stacks=[
            {
                "root": "stage_read",
                "role": "stage",
                "bytes": None,
                "chain": [
                    {"function": "stage_read", "bytes": 80, "source": "compiler"},
                    {"function": "free", "bytes": 512, "source": "assumption"},
                ],
                "notes": ["walk calls itself"],
            }
        ],
        unresolved=[
            {
                "kind": "indirect call",
                "location": PLACE,
                "function": "f",
                "expression": "p->f(x)",
                "candidates": ["a", "b"],
                "reason": "stored at run time",
            }
        ],
    )


@pytest.fixture(scope="module")
def result() -> Memwalk:
    return imagine(find_server(PROJECT / "examples" / "cascade").truth)


def test_the_graph_has_every_stage_and_edge(result: Memwalk) -> None:
    svg = ElementTree.fromstring(render_svg(result))
    groups = svg.findall(".//{http://www.w3.org/2000/svg}g")
    assert sum(g.get("class") == "node" for g in groups) == len(result.stages) + 1
    assert sum(g.get("class") == "edge" for g in groups) == len(result.edges)
    texts = {t.text for t in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {"stage_head", "+ struct reply", "- struct header_buffer", "scheduler"} <= texts
    assert {"objects 4,321 B", "stack unbounded", "flush", "socket"} <= texts


def test_a_server_whose_files_were_all_refused_has_an_empty_graph(result: Memwalk) -> None:
    nothing = result.model_copy(update={"stages": (), "edges": ()})
    svg = ElementTree.fromstring(render_svg(nothing))
    assert not svg.findall(".//{http://www.w3.org/2000/svg}text")
    assert render_page(nothing)


def test_equal_results_give_equal_graphs(result: Memwalk, tmp_path: Path) -> None:
    again = Memwalk.model_validate_json(result.to_json())
    assert make_graph(result).source == make_graph(again).source
    for suffix, start in ((".svg", b"<?xml"), (".pdf", b"%PDF"), (".png", b"\x89PNG")):
        path = tmp_path / f"graph{suffix}"
        draw_graph(result, path)
        assert path.read_bytes().startswith(start)


def test_the_terminal_shows_everything(result: Memwalk) -> None:
    console = Console(width=160, record=True, file=None, quiet=False)
    with console.capture() as capture:
        console.print(show_result(result))
    text = capture.get()
    for stage in result.stages:
        assert stage.name in text
    assert "header_buffer" in text
    assert "a.c:1: unresolved indirect call in f: p->f(x): stored at run time" in text
    assert "walk calls itself" in text


def test_what_needs_attention_is_said_with_its_place(result: Memwalk) -> None:
    assert describe_attention(result) == [
        "a.c:1: unresolved indirect call in f: p->f(x): stored at run time; could be a, b",
        "a.c:1: leak: it <leaks> (try: free it)",
    ]


def test_the_page_is_whole_and_escaped(result: Memwalk) -> None:
    page = render_page(result)
    assert page == render_page(result)
    assert "it &lt;leaks&gt;" in page
    assert "<leaks>" not in page
    assert "x &lt; 0 &amp;&amp; *y" in page
    assert "stage_read 80 &gt; free ~512" in page
    assert not re.search(r"(src|href)=.?https?:", page)
    for stage in result.stages:
        assert page.count(stage.name) >= 2
