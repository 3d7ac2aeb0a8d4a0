# SPDX-License-Identifier: MIT
"""The accuracy command on results that are made up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ground.errors import ExitCode, UsageError
from ground.paths import PROJECT
from stingy.accuracy.command import find_failures, find_groups, measure_accuracy, run_accuracy
from stingy.accuracy.comparison import Category
from stingy.accuracy.truth import Case, Truth
from stingy.model.results import EXTERNAL, Memwalk
from tests.stingy.accuracy.test_accuracy import make_object, make_result

TESTS = PROJECT / "tests"


def pretend(truth: Truth, **changes: object) -> Memwalk:
    """A result that says exactly what ``truth`` says of edges."""
    edges = [*truth.edges]
    if not any(source == EXTERNAL for source, _, _ in edges):
        edges.append((EXTERNAL, truth.entry, "external"))  # type: ignore[arg-type]
    return make_result(
        objects=[],
        exclusions=[],
        warnings=[],
        edges=[{"source": a, "target": b, "kind": c, "evidence": []} for a, b, c in edges],
        **changes,
    )


def test_groups(tmp_path: Path) -> None:
    groups = {group.name: group for group in find_groups(TESTS, tmp_path)}
    assert {"corpus", "cascade", "switchboard"} <= groups.keys()
    assert not groups["corpus"].is_server
    assert groups["cascade"].is_server


def test_failures_name_case_and_item(tmp_path: Path) -> None:
    (corpus, *_) = find_groups(TESTS, tmp_path)
    case = next(c for c in corpus.cases if c.name == "exclusive_branches")
    group = type(corpus)("corpus", (case,), is_server=False)

    def analyse(_: Path) -> Memwalk:
        both = [make_object(name) for name in ("header", "buffer")]
        false = {"first": "header", "second": "other"}
        return pretend(case.truth).model_copy(
            update={
                "objects": make_result(objects=[*both, make_object("other")]).objects,
                "exclusions": make_result(exclusions=[false]).exclusions,
            }
        )

    scores = measure_accuracy([group], analyse)
    assert scores["corpus"][Category.EDGES].recall == 1
    failures = find_failures([group], scores)
    assert "missed: live intervals: exclusive_branches: struct header, stage_header" in failures
    assert "false: exclusions: exclusive_branches: struct header, struct other" in failures


def test_precision_counts_for_servers(tmp_path: Path) -> None:
    groups = find_groups(TESTS, tmp_path)
    cascade = next(group for group in groups if group.name == "cascade")
    more = Truth.model_validate(
        cascade.cases[0].truth.model_dump()
        | {"edges": [*cascade.cases[0].truth.edges, ("stage_close", "stage_read", "queue")] * 3}
    )
    many = [("stage_close", f"stage_{i}", "queue") for i in range(5)]
    wrong = more.model_copy(update={"edges": (*more.edges, *many)})
    scores = measure_accuracy([cascade], lambda _: pretend(wrong))
    assert any("cascade: precision of edges" in f for f in find_failures([cascade], scores))


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    truths = {c.annotations.name: c for g in find_groups(TESTS, tmp_path) for c in g.cases}

    def analyse(path: Path) -> Memwalk:
        case: Case = truths[path.name]
        return pretend(case.truth)

    code = run_accuracy(TESTS, analyse, only="corpus", speed=False, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert code == ExitCode.DOES_NOT_HOLD
    assert document["accuracy"]["corpus"]["edges"]["recall"] == 1
    assert document["failures"]
    with pytest.raises(UsageError, match="no ground truth is called 'x'"):
        run_accuracy(TESTS, analyse, only="x")
