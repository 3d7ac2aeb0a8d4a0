# SPDX-License-Identifier: MIT
"""Merging the states of one point, the more the more there are: so every walk ends.

States are kept apart by their *key* (`states.State.key`) up to a limit; beyond it by what they
have pending, with ranges of counts; beyond the limit again by the top of the stack (discipline
lifo), or by what is pending where that is one stage at most.  Counts that still grow then go to
the next of `states.THRESHOLDS`.  What is left is polynomial in stages, objects and steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from stingy.flow.values import AccessPath
from stingy.memwalk.stacks import Stacks
from stingy.memwalk.states import Pending, Property, State, grow, merge, widen

_SEVERAL = (Pending("(several)"),)
_COARSER = 4  # so many times fewer states are kept apart once counts are ranges


@dataclass(frozen=True, slots=True)
class Merger:
    """How states are told apart.  ``stacks`` is None for discipline queue.

    ``choices`` are the places that the next stage depends on, ``called`` those that decide which
    function is called.
    """

    stacks: Stacks | None = None
    choices: frozenset[AccessPath] = frozenset()
    called: frozenset[AccessPath] = frozenset()

    def key(self, state: State) -> object:
        """Equal for states that are always merged."""
        return state.key(self.choices)

    def coarsen(self, state: State) -> State:
        """The state without what is deep in its stack."""
        if self.stacks is None:
            return state
        return state.change(pending=self.stacks.cut(state.property.pending))

    def coarse_group(self, state: State) -> Property:
        """Equal for states that are merged where there are far too many."""
        pending = state.property.pending
        one_by_one = self.stacks is not None or len(pending) < 2  # so many are as stages
        return state.property.grouped(pending if one_by_one else _SEVERAL, frozenset())

    def collect(self, states: Iterable[State], limit: int) -> tuple[list[State], bool]:
        """Merge states; whether they were too many to be kept apart by their keys."""
        states = list(states)
        if not limit and len(states) == 1:
            return [self.coarsen(states[0])], True
        merged: dict[object, State] = {}
        for state in states:
            key = self.key(state)
            merged[key] = merge(merged[key], state) if key in merged else state
        if len(merged) <= limit:
            return list(merged.values()), False
        groups = _widen_by(State.group, merged.values())
        if len(groups) > limit // _COARSER:
            groups = _widen_by(self.coarse_group, (self.coarsen(s) for s in groups))
        return groups, True


def describe_difference(states: Iterable[State]) -> str:
    """What the annotations could say so that states like these need not be merged."""
    counts: dict[str, set[object]] = {}
    pending: set[object] = set()
    every = list(states)
    for state in every:
        pending.add(state.property.pending)
    names = {name for state in every for name, _, _ in state.property.live}
    for name in names:
        counts[name] = {state.count(name) for state in every}
    differing = sorted(name for name, found in counts.items() if len(found) > 1)
    if len(pending) > len(every) // 2 and len(pending) > 1:
        return "correct [dispatch] depth, or split the function that queues so many stages"
    if differing:
        shown = ", ".join(differing[:4])
        return f"they differ in {shown}: name in [requests] ignore what does not matter"
    return "give a larger --budget"


def _widen_by(group: Callable[[State], object], states: Iterable[State]) -> list[State]:
    groups: dict[object, list[State]] = {}
    for state in states:
        groups.setdefault(group(state), []).append(state)
    return [widen(one) for one in groups.values()]


@dataclass(slots=True)
class Point:
    """The states that were seen at one point of the program, or at the start of a stage."""

    merger: Merger
    exact: dict[object, State] = field(default_factory=dict)
    groups: dict[object, State] = field(default_factory=dict)
    coarse: dict[object, State] = field(default_factory=dict)

    def add(self, states: Iterable[State], limit: int) -> list[State]:
        """The states that are new, merged with those that they are merged with."""
        new = list(states)
        if not self.groups:
            new = self._add_exact(new)
            if len(self.exact) <= limit:
                return new
        if not self.coarse:
            new = _add_wide(self.groups, new, State.group)
            if len(self.groups) <= limit // _COARSER:
                return new
        return _add_wide(
            self.coarse, [self.merger.coarsen(s) for s in new], self.merger.coarse_group
        )

    def widen(self, state: State) -> State:
        """The state that stands for this one and for all that are merged with it."""
        state = self.merger.coarsen(state)
        key = self.merger.coarse_group(state)
        old = self.groups.get(key)
        now = grow(old, widen([old, state])) if old is not None else state
        self.groups[key] = now
        return now

    def _add_exact(self, states: list[State]) -> list[State]:
        new: list[State] = []
        for state in states:
            key = self.merger.key(state)
            old = self.exact.get(key)
            now = merge(old, state) if old is not None else state
            if old is None or now.facts != old.facts:
                self.exact[key] = now
                new.append(now)
        return new

    def states(self) -> Iterator[State]:
        """All of them."""
        yield from self.exact.values()
        yield from self.groups.values()
        yield from self.coarse.values()


def _add_wide(
    known: dict[object, State], states: list[State], group: Callable[[State], object]
) -> list[State]:
    fresh: dict[object, State] = {}
    for state in states:
        key = group(state)
        old = known.get(key)
        now = grow(old, widen([old, state])) if old is not None else state
        if old is None or now.whole() != old.whole():
            known[key] = fresh[key] = now
    return list(fresh.values())
