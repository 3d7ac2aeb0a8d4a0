# SPDX-License-Identifier: MIT
"""The comparison with ground truth: every kind of error is counted where it belongs."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from ground.errors import UsageError
from stingy.accuracy.comparison import Category, compare, sum_scores
from stingy.accuracy.truth import Truth, dump_toml, find_snippets, load_truth
from stingy.model.annotations import Annotations
from stingy.model.results import EXTERNAL, Memwalk

HERE = Path(__file__).parents[1]
PLACE = {"file": "a.c", "line": 1}

TRUTH = Truth.model_validate(
    {
        "edges": [["stage_start", "stage_send", "queue"], ["stage_send", "stage_end", "socket"]],
        "exclusions": [["struct a", "struct b"]],
        "warnings": ["leak"],
        "objects": [
            {
                "type": name,
                "bytes": 64,
                "allocated_in": ["stage_start"],
                "freed_in": ["stage_end"],
                "live_in": ["stage_start", "stage_end"],
            }
            for name in ("struct a", "struct b")
        ],
    }
)


def make_object(name: str, **changes: object) -> dict[str, Any]:
    return {
        "id": name,
        "type": f"struct {name}",
        "size": {"kind": "constant", "bytes": 64},
        "alignment": 8,
        "fields": [],
        "allocations": [],
        "frees": [],
        "handoffs": [],
        "allocated_in": ["stage_start"],
        "freed_in": ["stage_end"],
        "live_in": ["stage_start", "stage_end"],
        "max_live": 1,
        "scope": "request",
        "free_list": "",
    } | changes


def make_stage(name: str) -> dict[str, Any]:
    lists = ("flags", "live_in", "live_out", "peak", "allocates", "frees")
    return {
        "name": name,
        "function": name,
        "label": "",
        "location": PLACE,
        "entry": False,
        "final": False,
        "peak_bytes": 0,
        "stack_bytes": 0,
    } | {key: [] for key in lists}


def make_result(**changes: object) -> Memwalk:
    edges = [
        (EXTERNAL, "stage_start", "external"),
        ("stage_start", "stage_send", "queue"),
        ("stage_send", "stage_end", "socket"),
    ]
    document = {
        "server": "x",
        "discipline": "queue",
        "target": "x86_64-linux-gnu",
        "pointer_bytes": 8,
        "task": "struct request",
        "interface": [],
        "stages": [make_stage(name) for name in ("stage_start", "stage_send", "stage_end")],
        "edges": [
            {"source": source, "target": target, "kind": kind, "evidence": []}
            for source, target, kind in edges
        ],
        "objects": [make_object("a"), make_object("b")],
        "exclusions": [{"first": "a", "second": "b"}],
        "peak_bytes": 64,
        "warnings": [{"kind": "leak", "location": PLACE, "message": "x"}],
    }
    empty = ("units", "functions", "stacks", "globals", "unresolved")
    return Memwalk.model_validate({key: [] for key in empty} | document | changes)


def test_the_truth_itself_is_perfect() -> None:
    scores = compare(TRUTH, make_result())
    assert all(score.recall == score.precision == 1 for score in scores.values())
    assert scores[Category.EDGES].found == 3
    assert scores[Category.LIVE].found == 4


@pytest.mark.parametrize(
    ("category", "missed", "extra", "changes"),
    [
        (Category.EDGES, 3, 0, {"edges": []}),
        (Category.OBJECTS, 1, 0, {"objects": [make_object("a")]}),
        (Category.OBJECTS, 0, 1, {"objects": [make_object(n) for n in "abc"]}),
        (Category.SIZES, 1, 0, {"objects": [make_object("a", size={"kind": "bound", "bytes": 8})]}),
        (
            Category.SIZES,
            0,
            1,
            {"objects": [make_object("a", size={"kind": "unknown", "bytes": None})]},
        ),
        (
            Category.SITES,
            1,
            1,
            {"objects": [make_object("a", freed_in=["stage_send"]), make_object("b")]},
        ),
        (
            Category.LIVE,
            1,
            0,
            {"objects": [make_object("a", live_in=["stage_end"]), make_object("b")]},
        ),
        (Category.MOST, 1, 0, {"objects": [make_object("a", max_live=0), make_object("b")]}),
        (Category.MOST, 0, 1, {"objects": [make_object("a", max_live=None), make_object("b")]}),
        (Category.EXCLUSIONS, 1, 0, {"exclusions": []}),
        (Category.WARNINGS, 1, 0, {"warnings": []}),
        (
            Category.WARNINGS,
            0,
            1,
            {
                "warnings": [
                    {"kind": kind, "location": PLACE, "message": "x"}
                    for kind in ("leak", "double-free", "merged")
                ]
            },
        ),
    ],
)
def test_every_error_counts(
    category: Category, missed: int, extra: int, changes: dict[str, object]
) -> None:
    score = compare(TRUTH, make_result(**changes))[category]
    assert (len(score.missed), len(score.extra)) == (missed, extra)


def test_a_false_exclusion_is_extra() -> None:
    truth = TRUTH.model_copy(update={"exclusions": ()})
    assert compare(truth, make_result())[Category.EXCLUSIONS].extra == ["struct a, struct b"]


def test_sums_add_up() -> None:
    one = compare(TRUTH, make_result(edges=[]))
    total = sum_scores([one, one])
    assert len(total[Category.EDGES].missed) == 6
    assert total[Category.EDGES].recall == 0


def test_every_snippet_has_truth_and_valid_annotations(tmp_path: Path) -> None:
    cases = find_snippets(HERE / "corpus", HERE / "defaults", tmp_path)
    assert len(cases) >= 60
    assert {c.name for c in cases} == {path.stem for path in (HERE / "corpus").glob("*.c")}
    for case in cases:
        Annotations.model_validate(tomllib.loads(case.annotations.read_text()))


def test_toml_is_read_back() -> None:
    document = {"a": 1, "b": ['x\n"y"', {"c": True, "d": [1, 2]}], "e": {"f": {"g": "é"}}}
    assert tomllib.loads(dump_toml(document)) == document


def test_a_broken_truth_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    with pytest.raises(UsageError, match=r"cannot read .*t\.toml"):
        load_truth(path)
    path.write_text("edges = [1")
    with pytest.raises(UsageError, match=r"t\.toml: "):
        load_truth(path)
    path.write_text('edges = [["a", "b", "jump"]]')
    with pytest.raises(UsageError, match=r"t\.toml: edges\.0\.2: "):
        load_truth(path)
