# SPDX-License-Identifier: MIT
"""Grades the graders: the solution gets all, the stub next to nothing, mutants lose as named."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from labs.catalogue import HERE, Entry, load
from labs.grader.errors import GraderError
from labs.grader.grading import Lab, grade, keep
from labs.grader.marks import Report
from labs.grader.writers import WRITERS
from labs.handout import write_handout

SOLUTIONS = HERE / "solutions"
STUB_SHARE = 0.1  # of all points, at most
SECRET = "selftest"


@dataclass(frozen=True)
class Edit:
    """A text of a solution's file that a mutant has otherwise."""

    file: str
    find: str
    replace: str


@dataclass(frozen=True)
class Mutant:
    """A wrong solution: made by edits of the right one, or by a function of a script in the
    solution's folder.

    ``loses``: by test, the points that it must lose at least.  ``at_most``: its score, if given.
    ``twice``: it is graded again, because its messages come from a crash or a loop.
    """

    name: str
    fault: str
    loses: dict[str, float] = field(default_factory=dict)
    at_most: float | None = None
    edits: tuple[Edit, ...] = ()
    script: str = ""
    function: str = "mutate"
    twice: bool = False


def read_mutants(name: str) -> list[Mutant]:
    """The mutants of a lab."""
    data = tomllib.loads((SOLUTIONS / name / "mutants.toml").read_text())
    return [
        Mutant(**{**one, "edits": tuple(Edit(**edit) for edit in one.pop("edits", ()))})
        for one in data["mutants"]
    ]


def check_lab(entry: Entry) -> list[str]:
    """Everything that is wrong with the grader of a lab; empty if nothing is."""
    lab = load(entry)
    wrong = list(lab.find_faults())
    if sum(case.points for case in lab.cases) != 100:
        wrong.append(f"{entry.name}: the points are not 100 in all")
    with _prepare(entry) as folder:
        wrong += _check_stub(lab, folder)
    with _solve(entry) as folder:
        report = _grade(lab, folder)
        if report.earned != report.possible:
            wrong += [
                f"{entry.name}: the solution loses points at {o.name}: {o.message}"
                for o in report.outcomes
                if not o.passed
            ]
        wrong += _check_same(lab, folder, report)
    for mutant in read_mutants(entry.name):
        wrong += check_mutant(entry, mutant)
    return wrong


def _check_stub(lab: Lab, folder: Path) -> list[str]:
    """The hand-out as it is: almost no points, and the same bytes when graded again."""
    report = _grade(lab, folder)
    wrong = []
    if report.earned > STUB_SHARE * report.possible:
        wrong.append(f"{lab.name}: the stub gets {report.earned} of {report.possible} points")
    return wrong + _check_same(lab, folder, report)


def _check_same(lab: Lab, folder: Path, report: Report) -> list[str]:
    again = _grade(lab, folder)
    return [
        f"{lab.name}: graded twice, {name} differs"
        for name, write in WRITERS.items()
        if write(report) != write(again)
    ]


def check_mutant(entry: Entry, mutant: Mutant) -> list[str]:
    """What a mutant does not lose though it should.  Unless all of its points count, only the tests
    that it names are run."""
    lab = load(entry)
    if mutant.at_most is None:
        lab = replace(lab, cases=keep(lab.cases, mutant.loses.keys()))
    with _solve(entry, mutant) as folder:
        report = _grade(lab, folder)
        wrong = _check_same(lab, folder, report) if mutant.twice else []
    lost = {o.name: o.points - o.earned for o in report.outcomes}
    for name, points in mutant.loses.items():
        if name not in lost:
            wrong.append(f"{entry.name}: mutant {mutant.name} names a test {name} that is not")
        elif lost[name] < points:
            wrong.append(
                f"{entry.name}: mutant {mutant.name} ({mutant.fault}) loses {lost[name]:g} "
                f"points at {name}, not {points:g}"
            )
    if mutant.at_most is not None and report.earned > mutant.at_most:
        wrong.append(
            f"{entry.name}: mutant {mutant.name} gets {report.earned}, more than {mutant.at_most:g}"
        )
    return wrong


def _grade(lab: Lab, folder: Path) -> Report:
    return grade(lab, folder, secret=SECRET)


@contextmanager
def _prepare(entry: Entry) -> Iterator[Path]:
    """A hand-out in a folder that goes with the block."""
    with tempfile.TemporaryDirectory(prefix="lab-selftest-") as name:
        folder = Path(name) / entry.name
        write_handout(entry, folder, secret=SECRET)
        yield folder


@contextmanager
def _solve(entry: Entry, mutant: Mutant | None = None) -> Iterator[Path]:
    """A hand-out with the solution in it, or with a mutant of it."""
    with _prepare(entry) as folder:
        solution = SOLUTIONS / entry.name
        if (solution / "solve.py").exists():
            _import(solution / "solve.py").solve(folder)
        for one in entry.files:
            if not (solution / one.name).exists():
                continue
            if one.name.endswith("/"):
                shutil.copytree(solution / one.name, folder / one.name, dirs_exist_ok=True)
            else:
                shutil.copyfile(solution / one.name, folder / one.name)
        if mutant:
            _mutate(entry, mutant, folder)
        yield folder


def _mutate(entry: Entry, mutant: Mutant, folder: Path) -> None:
    for edit in mutant.edits:
        path = folder / edit.file
        text = path.read_text()
        if text.count(edit.find) != 1:
            raise GraderError(
                f"mutant {mutant.name} of {entry.name}: its text is {text.count(edit.find)} times "
                f"in {edit.file}",
                hint=f"mend {SOLUTIONS / entry.name / 'mutants.toml'}",
            )
        path.write_text(text.replace(edit.find, edit.replace))
    if mutant.script:
        getattr(_import(SOLUTIONS / entry.name / mutant.script), mutant.function)(folder)


def _import(path: Path) -> Any:
    """A script of a solution, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
