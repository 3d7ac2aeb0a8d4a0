# SPDX-License-Identifier: MIT
"""Grades the graders: the solution gets all, the stub next to nothing, mutants lose as named."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from labs.catalogue import LabFile, load
from labs.grader.grading import Lab, grade, keep
from labs.grader.marks import Report
from labs.grader.writers import WRITERS
from labs.submissions import SECRET, Mutant, prepare, read_mutants, solve

STUB_SHARE = 0.1  # of all points, at most
SIDE_BY_SIDE = 2  # processes
STUB, SOLUTION = "stub", "solution"


@dataclass(frozen=True)
class Part:
    """One thing that is handed in: the stub, the solution, or the mutant of that name."""

    entry: LabFile
    name: str


@dataclass(frozen=True)
class Found:
    """What is wrong with how a part was graded.  ``processor_s``: of grading it once."""

    part: Part
    wrong: tuple[str, ...]
    processor_s: float = 0.0


@dataclass(frozen=True)
class Row:
    """A lab, and everything that is wrong with its grader.

    ``minutes`` of processor time are what grading the solution took.
    """

    lab: str
    number: int
    minutes: float
    tests: int
    mutants: int
    wrong: tuple[str, ...]


def list_parts(entry: LabFile) -> list[Part]:
    """All that is handed in for a lab."""
    names = (STUB, SOLUTION, *(mutant.name for mutant in read_mutants(entry.name)))
    return [Part(entry, name) for name in names]


def try_all(parts: Sequence[Part]) -> Iterator[Found]:
    """Try these parts, two at a time, in the order in which they come to an end."""
    with ProcessPoolExecutor(SIDE_BY_SIDE) as pool:
        try:
            for future in as_completed([pool.submit(try_part, part) for part in parts]):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def summarise(entry: LabFile, found: Iterable[Found]) -> Row:
    """The row of a lab, of what was found about its parts, in the order of these."""
    mine = {one.part.name: one for one in found if one.part.entry.name == entry.name}
    parts = [mine[part.name] for part in list_parts(entry)]
    return Row(
        entry.name,
        entry.number,
        round(mine[SOLUTION].processor_s / 60, 2),
        len(load(entry).cases),
        len(parts) - 2,
        tuple(fault for one in parts for fault in one.wrong),
    )


def try_part(part: Part) -> Found:
    """Hand it in, and hold what the grader says to what it should say."""
    if part.name == STUB:
        return _try_stub(part)
    if part.name == SOLUTION:
        return _try_solution(part)
    mutant = next(one for one in read_mutants(part.entry.name) if one.name == part.name)
    return Found(part, tuple(check_mutant(part.entry, mutant)))


def _try_stub(part: Part) -> Found:
    """The hand-out as it is: almost no points, and the same bytes when graded again.  What is
    wrong with the lab itself is found here, too."""
    lab = load(part.entry)
    wrong = list(lab.find_faults())
    if sum(case.points for case in lab.cases) != 100:
        wrong.append(f"{lab.name}: the points are not 100 in all")
    with prepare(part.entry) as folder:
        report, processor_s = _grade(lab, folder)
        if report.earned > STUB_SHARE * report.possible:
            wrong.append(f"{lab.name}: the stub gets {report.earned} of {report.possible} points")
        wrong += _check_same(lab, folder, report)
    return Found(part, tuple(wrong), processor_s)


def _try_solution(part: Part) -> Found:
    """All points, and the same bytes when graded again."""
    lab = load(part.entry)
    with solve(part.entry) as folder:
        report, processor_s = _grade(lab, folder)
        wrong = [
            f"{lab.name}: the solution loses points at {o.name}: {o.message}"
            for o in report.outcomes
            if not o.passed
        ]
        wrong += _check_same(lab, folder, report)
    return Found(part, tuple(wrong), processor_s)


def _check_same(lab: Lab, folder: Path, report: Report) -> list[str]:
    again, _ = _grade(lab, folder)
    return [
        f"{lab.name}: graded twice, {name} differs"
        for name, write in WRITERS.items()
        if write(report) != write(again)
    ]


def check_mutant(entry: LabFile, mutant: Mutant) -> list[str]:
    """What a mutant does not lose though it should.  Unless all of its points count, only the tests
    that it names are run."""
    lab = load(entry)
    if mutant.at_most is None:
        lab = replace(lab, cases=keep(lab.cases, mutant.loses.keys()))
    who = f"{entry.name}: mutant {mutant.name}"
    with solve(entry, mutant) as folder:
        report, _ = _grade(lab, folder)
        wrong = _check_same(lab, folder, report) if mutant.twice else []
        if mutant.published is not None:
            got = grade(load(entry, hidden=False), folder).earned
            if got < mutant.published:
                wrong.append(
                    f"{who} gets {got} of the published tests' points, not {mutant.published:g}: "
                    "it does not print what they expect"
                )
    lost = {o.name: o.points - o.earned for o in report.outcomes}
    for name, points in mutant.loses.items():
        if name not in lost:
            wrong.append(f"{who} names a test {name} that is not")
        elif lost[name] < points:
            wrong.append(
                f"{who} ({mutant.fault}) loses {lost[name]:g} points at {name}, not {points:g}"
            )
    if mutant.at_most is not None and report.earned > mutant.at_most:
        wrong.append(f"{who} gets {report.earned}, more than {mutant.at_most:g}")
    return wrong


def _grade(lab: Lab, folder: Path) -> tuple[Report, float]:
    """The report, and the seconds of processor time that it took, programs included."""
    before = os.times()
    report = grade(lab, folder, secret=SECRET)
    return report, sum(os.times()[:4]) - sum(before[:4])
