# SPDX-License-Identifier: MIT
"""Explanations and advice, of a result written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from ground.errors import UsageError
from stingy.memwalk.command import main
from stingy.memwalk.explain import explain, rank_annotations
from stingy.model.results import Unresolved
from tests.stingy.results import HERE, RESULT


def test_an_edge_is_explained_by_its_place_and_condition() -> None:
    assert explain(RESULT, "parse -> send") == [
        "parse -> send (queue)",
        "  server.c:1: parse",
        "    always",
    ]


def test_an_object_is_explained_by_its_sites_and_where_it_lives() -> None:
    lines = explain(RESULT, "buffer")
    assert lines[0] == "buffer: struct buffer, 6,000 bytes, at most live at once: 1"
    assert "  allocated at server.c:1 in parse (parse): malloc(n)" in lines
    assert "  at the start of send: 0 to 1" in lines
    assert "  never live together with scratch" in lines


def test_a_stage_is_explained_by_the_ways_to_it() -> None:
    lines = explain(RESULT, "send")
    assert lines[1] == "  parse -> send (queue), server.c:1: parse"
    assert lines[-2] == "  starts with: conn 1, buffer 0 to 1"


def test_an_unknown_name_gets_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        explain(RESULT, "parse->sent")
    assert "parse->send" in caught.value.hint


def test_the_command_explains_a_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "memwalk.json").write_bytes(RESULT.to_json())
    main(["explain", str(tmp_path / "memwalk.json"), "conn"])
    assert capsys.readouterr().out.startswith("conn: struct conn, 700 bytes")


def test_advice_begins_with_what_most_rests_on() -> None:
    call = Unresolved(
        kind="indirect call",
        location=HERE,
        function="parse",
        expression="hook(conn)",
        candidates=["a", "b", "c", "d", "e", "f", "g"],
        reason="nothing is known",
    )
    advice = rank_annotations(RESULT.model_copy(update={"unresolved": [call]}))
    assert advice[0].text == "hook(conn): nothing is known"
    assert [a.text.split()[0] for a in advice[1:]] == ["endless", "unbounded"]
    assert "max_bytes" in advice[1].remedy
    assert "max_live" in advice[2].remedy
