# SPDX-License-Identifier: MIT
"""Asks a student's place.py and judges the answer by the model of misses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from labs.colouring.misses import (
    Problem,
    count_lines,
    count_misses,
    find_crowded,
    find_fault,
    pack_naively,
)
from labs.colouring.problems import SMALL, make_heads
from labs.grader.bench import Bench
from labs.grader.chance import PUBLISHED_SECRET, Chance
from labs.grader.endings import Limits, explain_end
from labs.grader.marks import Case, Mark, full, linear, none

HANDOUT = Path(__file__).with_name("handout")
LIMITS = Limits(cpu_s=20, wall_s=80.0)
NEAR = 1.05  # of the misses that cannot be avoided: full points
Family = Callable[[Chance, tuple[int, int, int]], Problem]


class AnswerError(Exception):
    """The answer is none; the message says why."""


@dataclass(frozen=True)
class Trial:
    """One problem: of a family, for a cache."""

    name: str
    points: int
    title: str
    family: Family
    shape: tuple[int, int, int]

    def make(self, secret: str) -> Problem:
        """The problem as a secret decides it."""
        return self.family(Chance(secret, self.name), self.shape)

    def case(self, *, crowded: bool = False, hidden: bool = False) -> Case:
        """The test of it."""
        run = partial(check_crowded if crowded else check_place, self)
        return Case(self.name, self.points, self.title, run, parent="answers", hidden=hidden)


def ask(bench: Bench, question: str, problem: Problem) -> list[int]:
    """What the student's function returns; AnswerError if that is not a list of numbers."""
    bench.add(HANDOUT / "main.py")
    given = json.dumps(problem.describe()).encode()
    raw = bench.sandbox.run(
        ["python3", "-E", "-s", "main.py", question], stdin=given, limits=LIMITS
    )
    if not raw.ran:
        raise AnswerError(explain_end(raw, LIMITS))
    try:
        answer = json.loads(raw.stdout)
    except ValueError:
        raise AnswerError("the output is no JSON: do not print yourself") from None
    if not isinstance(answer, list) or any(type(one) is not int for one in answer):
        raise AnswerError("the answer must be a list of whole numbers")
    return answer


def check_answers(bench: Bench) -> Mark:
    """Both functions answer in the right form."""
    problem = Trial("answers", 0, "", make_heads, SMALL).make(bench.secret)
    try:
        starts = ask(bench, "place", problem)
        ask(bench, "crowded", Problem(*SMALL, (1,), problem.kinds, (0,), (0,)))
    except AnswerError as error:
        return none(str(error))
    fault = find_fault(problem, starts)
    return none(f"place(): {fault}") if fault else full()


def check_crowded(trial: Trial, bench: Bench) -> Mark:
    """The sets are exactly those that hold too many hot lines."""
    problem = trial.make(bench.secret)
    expected = find_crowded(problem)
    try:
        answer = ask(bench, "crowded", problem)
    except AnswerError as error:
        return none(str(error))
    if answer == expected:
        return full()
    if sorted(answer) == expected:
        return none("the sets are right, but not in ascending order")
    missing, extra = sorted(set(expected) - set(answer)), sorted(set(answer) - set(expected))
    return none(
        f"{len(answer)} sets, expected {len(expected)}; missing are {_first(missing)}, "
        f"too many are {_first(extra)}. Each line counts once, by the frame of its page"
        + _try(bench, trial, "crowded")
    )


def _first(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:5])) + (" ..." if len(numbers) > 5 else "") or "none"


def check_place(trial: Trial, bench: Bench) -> Mark:
    """Few misses: none that a better place could have avoided."""
    problem = trial.make(bench.secret)
    try:
        starts = ask(bench, "place", problem)
    except AnswerError as error:
        return none(str(error))
    if fault := find_fault(problem, starts):
        return none(f"{fault}{_try(bench, trial, 'place')}")
    naive_starts = pack_naively(problem)
    naive = count_misses(problem, naive_starts) / count_lines(problem, naive_starts)
    ratio = count_misses(problem, starts) / count_lines(problem, starts)
    crowded = find_crowded(Problem(**{**vars(problem), "starts": tuple(starts)}))
    return linear(
        ratio,
        NEAR,
        naive,
        f"{ratio:.2f} misses for each hot line; all points up to {NEAR}, none from {naive:.2f} "
        f"(one behind the other). {len(crowded)} of {problem.sets} sets are crowded: "
        f"{_first(crowded)}",
        "Whose hot lines are in them, and which sets have room?" + _try(bench, trial, "place"),
    )


def _try(bench: Bench, trial: Trial, question: str) -> str:
    if bench.secret != PUBLISHED_SECRET or trial.name.startswith("hidden"):
        return ""
    return f"\ntry: python3 main.py {question} < problems/{trial.name}.json"
