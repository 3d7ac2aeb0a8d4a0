# SPDX-License-Identifier: MIT
"""Answers that are remembered: what a routine does in a state, each computed once.

A question that comes up again while it is being answered (a recursion) gets what is known so far;
it is then asked again until its answer does not change any more: a least fixpoint, as in
tabulation (Reps, Horwitz, Sagiv: POPL 1995).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from stingy.flow.values import Value
from stingy.memwalk.states import State

Results = list[tuple[Value, State]]
Find = Callable[[], Results]
Unite = Callable[[Results, Results], Results]
_NOTHING: frozenset[int] = frozenset()


@dataclass(slots=True)
class Summaries:
    """Questions with their answers.

    ``_open`` are those being answered, by their number from the outermost on, with what is known
    so far.  ``_lent`` are answers that rest on such knowledge, with the numbers of the questions
    that they rest on; ``_used`` are these numbers for the question that is being answered.
    """

    _known: dict[Hashable, Results] = field(default_factory=dict)
    _open: dict[Hashable, tuple[int, Results]] = field(default_factory=dict)
    _lent: dict[Hashable, tuple[frozenset[int], Results]] = field(default_factory=dict)
    _used: frozenset[int] = _NOTHING

    def __contains__(self, question: Hashable) -> bool:
        return question in self._known

    def __len__(self) -> int:
        return len(self._known)

    def answer(self, question: Hashable, find: Find, unite: Unite) -> Results:
        """The answer; ``find`` computes it, ``unite`` adds a round's results to those before, and
        returns those before themselves where nothing is new."""
        if question in self._known:
            return self._known[question]
        if question in self._open:
            number, results = self._open[question]
            self._used |= {number}
            return results
        if question in self._lent:
            used, results = self._lent[question]
            self._used |= used
            return results
        return self._find(question, find, unite)

    def _find(self, question: Hashable, find: Find, unite: Unite) -> Results:
        number, outside = len(self._open), self._used
        results: Results = []
        while True:
            self._open[question] = (number, results)
            self._used = _NOTHING
            found = find()
            if number not in self._used:
                results = found
                break
            united = unite(results, found)
            if united is results:
                break
            results = united
            self._lent = {q: one for q, one in self._lent.items() if number not in one[0]}
        del self._open[question]
        used = self._used - {number}
        if number in self._used:
            self._settle(number, used)
        if used:
            self._lent[question] = (used, results)
        else:
            self._known[question] = results
        self._used = outside | used
        return results

    def _settle(self, number: int, used: frozenset[int]) -> None:
        """The answers that rest on a question which is answered now rest on what that rests on."""
        for question, (numbers, results) in list(self._lent.items()):
            if number in numbers:
                rest = (numbers - {number}) | used
                if rest:
                    self._lent[question] = (rest, results)
                else:
                    del self._lent[question]
                    self._known[question] = results
