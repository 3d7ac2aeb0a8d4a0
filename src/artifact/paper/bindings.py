# SPDX-License-Identifier: MIT
"""What the prose says of a number, held against the number.

The document names each use: a number that is printed, or a sentence with what it asserts of which
numbers.  A sentence asserts predicates, and of a verdict it must assert which one it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from artifact.paper.numbers import Number, State
from artifact.statistics.estimates import bound_interval, describe_interval
from artifact.study.claims.evidence import Verdict
from ground.errors import UsageError

NEGLIGIBLE: Final = 0.05  # a ratio within 1 +- this is called the same


@dataclass(frozen=True)
class Use:
    """The sentence ``text`` rests on the number ``name``: it asserts ``predicates`` of it, or
    prints its value if there are none."""

    name: str
    predicates: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Problem:
    """Why the sentence ``text`` cannot stand as it is; ``missing`` if its number is not there."""

    name: str
    why: str
    text: str
    missing: bool

    def __str__(self) -> str:
        return f"{self.name}: {self.why}: {self.text!r}"


def _has(*verdicts: Verdict) -> Callable[[Number], bool]:
    return lambda number: number.verdict in verdicts


def _within(low: float, high: float) -> Callable[[Number], bool]:
    """The whole interval lies strictly between, its open side included; False without one."""

    def test(number: Number) -> bool:
        interval = bound_interval(number.low, number.high)
        if interval is None:
            return False
        return (low == -INFINITE or low < interval[0]) and (high == INFINITE or interval[1] < high)

    return test


def _once(low: float, high: float) -> Callable[[Number], bool]:
    """Of one run, which has no interval: its value lies between."""
    return lambda number: (
        number.seeds == 1 and number.value is not None and low < number.value < high
    )


ONCE: Final = "once-"
INFINITE: Final = float("inf")
VERDICTS: Final[Mapping[str, Callable[[Number], bool]]] = {
    "reproduced": _has(Verdict.REPRODUCED),
    "direction": _has(Verdict.DIRECTION),
    "holds": _has(Verdict.REPRODUCED, Verdict.DIRECTION),
    "contradicted": _has(Verdict.CONTRADICTED),
    "inconclusive": _has(Verdict.INCONCLUSIVE),
    "judged": _has(*(verdict for verdict in Verdict if verdict is not Verdict.NOT_JUDGED)),
}
BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "rises": (1, INFINITE),
    "falls": (-INFINITE, 1),
    "same": (1 - NEGLIGIBLE, 1 + NEGLIGIBLE),
    "most": (0.5, INFINITE),  # of a share: more than half
    "few": (-INFINITE, 0.1),  # of a share: less than a tenth
}
RELATIONS: Final = {word: _within(*bounds) for word, bounds in BOUNDS.items()} | {
    ONCE + word: _once(*bounds) for word, bounds in BOUNDS.items()
}
PREDICATES: Final = {**VERDICTS, **RELATIONS}
WORDS: Final = {
    "rises": "above 1",
    "falls": "below 1",
    "same": f"within 1 +- {NEGLIGIBLE:g}",
    "most": "above one half",
    "few": "below a tenth",
}


def check_uses(uses: Iterable[Use], numbers: Mapping[str, Number]) -> list[Problem]:
    """All problems, each once, in the order of the text."""
    found = [problem for use in uses if (problem := check_use(use, numbers))]
    return list(dict.fromkeys(found))


def check_use(use: Use, numbers: Mapping[str, Number]) -> Problem | None:
    """The problem with ``use``; None if the results bear it.

    Raises UsageError if it is not a use at all: a predicate that nobody knows, or a verdict of
    which the sentence does not say what it is.
    """
    number = numbers.get(use.name)
    _refuse_nonsense(use, number)
    if number is None:
        return Problem(use.name, "no such number", use.text, missing=True)
    if number.state is not State.MEASURED:
        why = f"{number.state}" + (f" ({number.reason})" if number.reason else "")
        return Problem(use.name, why, use.text, missing=True)
    if not use.predicates and number.value is None:
        return Problem(use.name, f"has no value ({number.reason})", use.text, missing=True)
    wrong = [predicate for predicate in use.predicates if not PREDICATES[predicate](number)]
    if not wrong:
        return None
    return Problem(use.name, _explain(number, wrong), use.text, missing=False)


def _refuse_nonsense(use: Use, number: Number | None) -> None:
    if unknown := [word for word in use.predicates if word not in PREDICATES]:
        raise UsageError(
            f"no predicate {unknown[0]!r} (of {use.name}: {use.text!r})",
            hint=f"choose of {', '.join(PREDICATES)}",
        )
    judged = number is not None and number.verdict is not None
    if use.predicates and judged and not VERDICTS.keys() & {*use.predicates}:
        raise UsageError(
            f"a sentence does not say which verdict {use.name} has: {use.text!r}",
            hint=f"add one of {', '.join(VERDICTS)} to what it asserts",
        )


def _explain(number: Number, wrong: Iterable[str]) -> str:
    """What the sentence takes for granted, and what is so."""
    wanted = ", ".join(_put(word) for word in wrong)
    interval = describe_interval(number.low, number.high, "{:.3f}".format) or "no interval"
    if number.value is not None and number.seeds == 1:
        interval = f"{number.value:.3f} in one run"
    verdict = f"{number.verdict}, " if number.verdict else ""
    return f"the sentence says {wanted}, the results say {verdict}{interval}"


def _put(predicate: str) -> str:
    word = predicate.removeprefix(ONCE)
    words = WORDS.get(word, word.upper())
    return words if word == predicate else f"{words} in one run"
