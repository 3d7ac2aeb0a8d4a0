# SPDX-License-Identifier: MIT
"""The search for a peak load: gallop from a guess, else bisect, over a grid of offered rates.

The search assumes that a server that sustains a rate sustains each lower one.  It is a pure
function of the answers so far, so that it goes on from stored runs wherever it was stopped.  (The
idea of an automated search with a stated accuracy is Shivam et al.'s, USENIX ATC 2008.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bracket:
    """The highest rate of the grid that is sustained and the next, which is not.

    ``low`` is None if no rate is sustained, ``high`` if all are; ``probes`` are the rates tried.
    """

    low: int | None
    high: int | None
    probes: tuple[int, ...]

    @property
    def problem(self) -> str:
        """Why the peak is outside the grid, in words; empty if it is inside."""
        if self.low is None:
            return f"no rate is sustained, not even {self.high} requests/s"
        if self.high is None:
            return f"even {self.low} requests/s, the highest rate, is sustained"
        return ""

    @property
    def peak(self) -> float | None:
        """The geometric middle; None if the peak is outside the grid."""
        if self.low is None or self.high is None:
            return None
        return math.sqrt(self.low * self.high)

    @property
    def least_peak(self) -> float | None:
        """The peak, or the highest rate if even that is sustained; None if no rate is."""
        return self.peak or self.low

    @property
    def most_peak(self) -> float | None:
        """The peak, or the lowest rate if not even that is sustained; None if all rates are."""
        return self.peak or self.high

    @property
    def guess(self) -> int | None:
        """Where another seed's search had best begin: a peak outside the grid costs it one run."""
        return self.low if self.low is not None else self.high


@dataclass(frozen=True)
class Wanted:
    """The search needs to know whether ``rate`` is sustained; ``probes`` were answered before."""

    rate: int
    probes: tuple[int, ...]


def make_grid(lowest: int, highest: int, accuracy: float) -> tuple[int, ...]:
    """Rates from ``lowest`` up to at least ``highest``, each above the last by ``accuracy``."""
    steps = math.ceil(math.log(highest / lowest) / math.log1p(accuracy) - 1e-9)
    return tuple(round(lowest * (1 + accuracy) ** step) for step in range(steps + 1))


def find_bracket(
    rates: Sequence[int], sustains: Callable[[int], bool | None], start: int | None = None
) -> Bracket | Wanted:
    """The peak among ascending ``rates``, or the next rate to try.

    ``sustains`` says whether a rate is sustained, None if that is not known yet.  ``start`` is a
    rate near which the peak is expected.
    """
    low, high = -1, len(rates)
    guess = rates.index(start) if start is not None else None
    probes: list[int] = []
    while high - low > 1:
        index = _choose(low, high, len(rates), guess, len(probes))
        answer = sustains(rates[index])
        if answer is None:
            return Wanted(rates[index], tuple(probes))
        probes.append(rates[index])
        low, high = (index, high) if answer else (low, index)
    return Bracket(
        rates[low] if low >= 0 else None,
        rates[high] if high < len(rates) else None,
        tuple(probes),
    )


def _choose(low: int, high: int, count: int, guess: int | None, tried: int) -> int:
    """Index of the next rate: away from the guess in growing steps until the peak is between two
    rates, then in their middle."""
    if guess is not None and tried == 0:
        return guess
    step = 1 << max(0, tried - 1)
    if guess is not None and high == count:
        return min(low + step, count - 1)
    if guess is not None and low < 0:
        return max(high - step, 0)
    return (low + high) // 2


def expect_probes(rates: Sequence[int], seeds: int) -> int:
    """About how many runs a search takes: a bisection, then both sides of the peak for each further
    seed."""
    return math.ceil(math.log2(len(rates) + 1)) + 2 * (seeds - 1)
