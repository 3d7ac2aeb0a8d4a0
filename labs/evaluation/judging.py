# SPDX-License-Identifier: MIT
"""Judges answers.toml against the truth about each report."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import partial

from labs.evaluation.reports import FLAWS, Report, Truth, make_report
from labs.grader.bench import Bench
from labs.grader.chance import PUBLISHED_SECRET, Chance
from labs.grader.marks import Case, Mark, full, linear, none

REPORTS = ("a", "b", "c", "d")
PRACTICE = "practice"
SAME, APART = 0.9, 0.3  # what two intervals share of their union: all points, none


@dataclass(frozen=True)
class Answer:
    """One table of answers.toml."""

    flaws: frozenset[str]
    ratio: float
    low: float
    high: float


class FormError(Exception):
    """The answers are not in the right form."""


def find_report(name: str, secret: str, seed: int) -> Report:
    """A student's report; that for practice is the same for all."""
    if name == PRACTICE:
        return make_report(Chance(PUBLISHED_SECRET, "report practice"), name)
    return make_report(Chance(secret, f"report {name} {seed}"), name)


def read_answers(bench: Bench) -> dict[str, Answer]:
    """All tables; FormError says which field is wrong."""
    try:
        data = tomllib.loads((bench.folder / "answers.toml").read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormError(f"answers.toml is no TOML: {error}") from None
    return {name: _read_answer(name, data.get(name)) for name in (PRACTICE, *REPORTS)}


def _read_answer(name: str, table: object) -> Answer:
    if not isinstance(table, dict):
        raise FormError(f"answers.toml has no table [{name}]")
    flaws = table.get("flaws")
    if not isinstance(flaws, list) or any(flaw not in FLAWS for flaw in flaws):
        raise FormError(f"[{name}] flaws must be a list of ids: {', '.join(FLAWS)}")
    numbers = [table.get(field) for field in ("ratio", "low", "high")]
    if any(type(number) not in (int, float) for number in numbers):
        raise FormError(f"[{name}] ratio, low and high must be numbers")
    ratio, low, high = (float(str(number)) for number in numbers)
    if not low <= ratio <= high:
        raise FormError(f"[{name}] low <= ratio <= high does not hold")
    return Answer(frozenset(flaws), ratio, low, high)


def check_form(bench: Bench) -> Mark:
    """The file can be read."""
    try:
        read_answers(bench)
    except FormError as error:
        return none(str(error))
    return full()


def check_flaws(name: str, bench: Bench) -> Mark:
    """A point for each flaw found, half of one less for each that is none."""
    truth = find_report(name, bench.secret, bench.seed).truth()
    answer = read_answers(bench)[name]
    found, false = len(answer.flaws & truth.flaws), len(answer.flaws - truth.flaws)
    if answer.flaws == truth.flaws:
        return full(f"{found} of {found} flaws found")
    share = max(0.0, (found - 0.5 * false) / len(truth.flaws))
    hint = ". Hold the method, the table and the data against each other, id by id"
    if name == PRACTICE:
        missed, extra = sorted(truth.flaws - answer.flaws), sorted(answer.flaws - truth.flaws)
        hint = "".join(f"\nmissed: {flaw} ({FLAWS[flaw]})" for flaw in missed)
        hint += "".join(f"\nnot in the report: {flaw} ({FLAWS[flaw]})" for flaw in extra)
    return Mark(
        share,
        f"{found} of {len(truth.flaws)} flaws found, {false} that the report does not have "
        f"(half a flaw less for each){hint}",
    )


def check_ratio(name: str, bench: Bench) -> Mark:
    """The interval overlaps the right one."""
    truth = find_report(name, bench.secret, bench.seed).truth()
    answer = read_answers(bench)[name]
    overlap = measure_overlap(answer, truth)
    told = f". The right ratio is {truth.ratio:.4f}" if name == PRACTICE else ""
    return linear(
        overlap, SAME, APART,
        f"your interval and the right one share {100 * overlap:.0f} % of their union; all points "
        f"from {100 * SAME:.0f} %, none up to {100 * APART:.0f} %",
        "Valid runs, same machine, one run a seed and server, ratios seed by seed, Student's t on "
        f"their logarithms{told}",
    )  # fmt: skip


def measure_overlap(answer: Answer, truth: Truth) -> float:
    """What two intervals share of their union."""
    shared = min(answer.high, truth.high) - max(answer.low, truth.low)
    union = max(answer.high, truth.high) - min(answer.low, truth.low)
    return max(0.0, shared) / union if union else 0.0


def make_cases(name: str, flaws: int, ratio: int, *, hidden: bool) -> list[Case]:
    """The two tests of a report."""
    return [
        Case(f"{name}.flaws", flaws, f"report {name}: its flaws", partial(check_flaws, name),
             "form", hidden),
        Case(f"{name}.ratio", ratio, f"report {name}: ratio and interval",
             partial(check_ratio, name), "form", hidden),
    ]  # fmt: skip
