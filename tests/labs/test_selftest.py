# SPDX-License-Identifier: MIT
"""`./invoke labs.selftest`: lab by lab, what it tells, and that it can fail."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence

import pytest

from ground.errors import ArtifactError, ExitCode
from labs import commands, selftest
from labs.catalogue import find_entry, load
from labs.commands import run_selftest
from labs.grader.grading import Lab
from labs.grader.marks import Case, full, none
from labs.selftest import Found, Part, check_mutant, list_parts, try_part
from labs.submissions import Mutant

QUICK = find_entry("evaluation")  # its submissions are data alone


def test_the_command_tells_of_one_lab(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_selftest("6", as_json=True) == ExitCode.HOLDS
    shown = capsys.readouterr()
    data = json.loads(shown.out)
    (row,) = data["labs"]
    assert data["holds"]
    assert (row["lab"], row["number"], row["wrong"]) == ("evaluation", 6, [])
    assert row["tests"] == len(load(QUICK).cases)
    assert row["mutants"] == len(list_parts(QUICK)) - 2
    assert 0 <= row["minutes"] < 3
    assert "7 of 7" in shown.err
    assert "evaluation, believer: as it should be" in shown.err


def test_what_is_wrong_decides_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def find(parts: Sequence[Part]) -> Iterator[Found]:
        yield from (Found(part, ("too kind",) * (part.name == "ticked"), 6.0) for part in parts)

    monkeypatch.setattr(commands, "try_all", find)
    assert run_selftest("evaluation", as_json=False) == ExitCode.DOES_NOT_HOLD
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "evaluation, ticked: wrong" in shown.err
    assert "wrong: too kind" in shown.err
    assert "0.10" in shown.err  # minutes


def test_a_lab_has_to_be_there() -> None:
    with pytest.raises(ArtifactError, match="no lab 'none'") as caught:
        run_selftest("none", as_json=False)
    assert caught.value.code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("mutant", "words"),
    [
        ({"loses": {"form": 1}}, "loses 0 points at form, not 1"),
        ({"loses": {"nothing": 1}}, "names a test nothing that is not"),
        ({"at_most": 1}, "more than 1"),
        ({"published": 13}, "does not print what they expect"),
    ],
)
def test_a_mutant_that_loses_too_little_is_told(mutant: dict[str, object], words: str) -> None:
    copied = {"script": "mutations.py", "function": "answer_published"}
    (fault,) = check_mutant(QUICK, Mutant("copied", "a fault", **{**copied, **mutant}))  # type: ignore[arg-type]
    assert words in fault


Make = Callable[[], tuple[Case, ...]]


def make_kind() -> tuple[Case, ...]:
    return (Case("kind", 100, "", lambda _bench: full()),)


def make_changing() -> tuple[Case, ...]:
    number = itertools.count()
    return (Case("changing", 100, "", lambda _bench: none(f"message {next(number)}")),)


@pytest.mark.parametrize(
    ("make", "part", "words"),
    [
        (make_kind, "stub", "the stub gets 100"),
        (make_changing, "stub", "graded twice, terminal differs"),
        (make_changing, "solution", "the solution loses points at changing"),
        (lambda: make_kind() * 2, "stub", "the points are not 100 in all"),
        (lambda: make_kind() * 2, "stub", "two tests are called kind"),
    ],
)
def test_a_grader_that_is_wrong_is_told(
    make: Make, part: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab("evaluation", "", QUICK.files, make())
    monkeypatch.setattr(selftest, "load", lambda _entry: lab)
    assert any(words in fault for fault in try_part(Part(QUICK, part)).wrong)
