# SPDX-License-Identifier: MIT
"""Figures 2 to 4, of a server that memwalk itself analyses: what is drawn is what it found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.text import Text

from figures import constructs, declarations, stage_calls
from figures.style import Origin, save_figure
from ground.paths import PROJECT
from stingy.memwalk.passes import analyse
from stingy.model.results import EXTERNAL, Memwalk

ORIGIN = Origin("cascade", "0123456789abcdef", "of another build than the results")
FOOTER = "analysis of cascade 0123456789ab, of another build than the results"

DRAWINGS: dict[str, Callable[[Memwalk], Figure]] = {
    "constructs": lambda result: constructs.draw(result.interface, result.task, ORIGIN),
    "declarations": lambda result: declarations.draw(result.interface, ORIGIN),
    "stage calls": lambda result: stage_calls.draw(result, ORIGIN),
}


@pytest.fixture(scope="module", params=["cascade", "switchboard"])
def result(request: pytest.FixtureRequest) -> Memwalk:
    """A server with a stack of stages, and one of callbacks that a queue runs."""
    return analyse(PROJECT / "examples" / request.param / "annotations.toml")


def find_texts(figure: Figure) -> list[Text]:
    return [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]


@pytest.mark.parametrize("name", DRAWINGS)
def test_equal_results_give_equal_bytes(name: str, result: Memwalk, tmp_path: Path) -> None:
    again = Memwalk.model_validate_json(result.to_json())
    first, second = (
        [path.read_bytes() for path in save_figure(DRAWINGS[name](one), tmp_path / str(number))]
        for number, one in enumerate((result, again))
    )
    assert first == second


@pytest.mark.parametrize("name", DRAWINGS)
def test_nothing_sticks_out_and_no_text_lies_on_another(name: str, result: Memwalk) -> None:
    figure = DRAWINGS[name](result)
    figure.set_dpi(200)
    figure.draw_without_rendering()
    boxes = [(t.get_text(), t.get_window_extent()) for t in find_texts(figure) if t.get_text()]
    page = figure.bbox.padded(1)
    for text, box in boxes:
        assert page.x0 <= box.x0 and box.x1 <= page.x1, text
        assert page.y0 <= box.y0 and box.y1 <= page.y1, text
    smaller = [(text, box.padded(-1)) for text, box in boxes]  # the boxes have room of their own
    for number, (text, box) in enumerate(smaller):
        for other, where in smaller[:number]:
            assert not box.overlaps(where), (text, other)


def test_the_footer_says_what_it_is_drawn_from(result: Memwalk) -> None:
    for draw in DRAWINGS.values():
        assert FOOTER in [text.get_text() for text in draw(result).texts]


def test_the_table_has_a_row_for_each_function(result: Memwalk) -> None:
    figure = constructs.draw(result.interface, result.task, ORIGIN)
    shown = Counter(
        text.get_text().removesuffix(" \N{ASTERISK OPERATOR}") for text in find_texts(figure)
    )
    for one in result.interface:
        assert shown[one.name] == sum(other.name == one.name for other in result.interface)
    assert shown["the system"] == sum(one.location is None for one in result.interface)
    for kind in {one.kind for one in result.interface}:
        assert shown[kind] == 1


def test_the_listing_has_every_declaration_and_note(result: Memwalk) -> None:
    texts = [text.get_text() for text in find_texts(declarations.draw(result.interface, ORIGIN))]
    for one in result.interface:
        assert one.text in texts
    notes = " ".join(text for text in texts if text not in {one.text for one in result.interface})
    for note in {note for one in result.interface for note in one.notes}:
        assert note in notes


def test_the_graph_has_each_stage_once_and_an_arrow_for_each_pair(result: Memwalk) -> None:
    figure = stage_calls.draw(result, ORIGIN)
    patches = figure.axes[0].patches
    rings = sum(2 if stage.final else 1 for stage in result.stages)
    assert sum(isinstance(patch, FancyBboxPatch) for patch in patches) == rings
    pairs = {(edge.source, edge.target) for edge in result.edges}
    assert sum(isinstance(patch, FancyArrowPatch) for patch in patches) == len(pairs)
    texts = Counter(text.get_text() for text in find_texts(figure))
    for stage in result.stages:
        assert texts[stage.name] == 2  # in the graph, and in the table below it
        assert texts[f"{stage.peak_bytes:,} + {stage.stack_bytes:,} B"] >= 1
    signs = Counter("".join(texts.elements()))
    assert signs["\N{MINUS SIGN}"] == sum(len(stage.frees) for stage in result.stages)
    if any(edge.source == EXTERNAL for edge in result.edges):
        assert texts["scheduler"] == 1
