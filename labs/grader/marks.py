# SPDX-License-Identifier: MIT
"""Tests with points, what each gave, and the report of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labs.grader.bench import Bench

FULL = 1.0


@dataclass(frozen=True)
class Mark:
    """What a test found: a share of its points (0 to 1) and a message that says what next."""

    share: float
    message: str


def full(message: str = "as it should be") -> Mark:
    """All points."""
    return Mark(FULL, message)


def none(message: str) -> Mark:
    """No points; ``message`` says what was expected, what came, and where to look."""
    return Mark(0.0, message)


def linear(value: float, full_at: float, zero_at: float, found: str, hint: str = "") -> Mark:
    """Points between two bounds, in proportion; the bounds may be either way round.

    The message says what was found and, unless all points were earned, what to do.
    """
    share = min(FULL, max(0.0, (zero_at - value) / (zero_at - full_at)))
    return Mark(share, f"{found}. {hint}" if hint and share < FULL else found)


@dataclass(frozen=True)
class Case:
    """One named test.  It is only run when all points of its ``parent`` were earned."""

    name: str
    points: int
    title: str
    run: Callable[[Bench], Mark]
    parent: str = ""
    hidden: bool = False


@dataclass(frozen=True)
class Outcome:
    """A test and what it gave."""

    name: str
    title: str
    points: int
    earned: float
    message: str
    hidden: bool

    @property
    def passed(self) -> bool:
        """Whether all points were earned."""
        return self.earned >= self.points


@dataclass(frozen=True)
class Report:
    """What is known of a submission; ``complete`` when every test has been run."""

    lab: str
    possible: int
    outcomes: tuple[Outcome, ...] = ()
    notes: tuple[str, ...] = ()
    complete: bool = False

    @property
    def earned(self) -> float:
        """Points earned so far, to a hundredth."""
        return round(sum(o.earned for o in self.outcomes), 2)


@dataclass
class Progress:
    """Takes outcomes as they come and tells a listener each time."""

    lab: str
    cases: Sequence[Case]
    tell: Callable[[Report], None]
    notes: tuple[str, ...] = ()
    outcomes: list[Outcome] = field(default_factory=list)

    def report(self, *, complete: bool = False) -> Report:
        """The report as it is now."""
        possible = sum(case.points for case in self.cases)
        return Report(self.lab, possible, tuple(self.outcomes), self.notes, complete)

    def add(self, case: Case, mark: Mark) -> None:
        """Record what ``case`` gave."""
        earned = round(case.points * mark.share, 2)
        self.outcomes.append(
            Outcome(case.name, case.title, case.points, earned, mark.message, case.hidden)
        )
        self.tell(self.report())

    def find_failed(self, name: str) -> bool:
        """Whether the test ``name`` has been run and has lost points."""
        return any(o.name == name and not o.passed for o in self.outcomes)
