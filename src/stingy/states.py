# SPDX-License-Identifier: MIT
"""What is known at a point of a path: of one request that is followed through the server.

Paths are merged as in property simulation (Das, Lerner, Seigle: ESP, PLDI 2002): two states with
the same *property* (live objects and who holds them, pending stages, queue) become one that keeps
only the facts (constants, signs, functions) on which both agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from stingy.values import Instance, Other, Place, Value, join

MANY = 64  # from here on a count has no bound
BELOW = "(below)"  # stages that a request from elsewhere may have pending

Counts = tuple[tuple[str, int, int | None], ...]  # object, least and most that are live


@dataclass(frozen=True, slots=True)
class Pending:
    """A stage that a request has pending.

    ``queue``: where it waits (discipline queue).  ``pusher``: the stage that queued it in the
    present run, "" if an earlier one did.
    """

    stage: str
    queue: str = ""
    pusher: str = ""


@dataclass(frozen=True, slots=True)
class Property:
    """The part of a state on which paths are told apart.

    ``queue`` is where the request waits, put there by stage ``by``.  ``followed``: there is a
    request.  ``ended``: it was released.  ``aside``: the code works on another request.
    """

    live: Counts = ()
    pending: tuple[Pending, ...] = ()
    queue: str = ""
    by: str = ""
    followed: bool = False
    ended: bool = False
    aside: bool = False
    escaped: frozenset[str] = frozenset()


class State:
    """A property and the facts that hold with it; neither is ever changed in place."""

    __slots__ = ("_key", "_whole", "facts", "property")

    def __init__(self, property_: Property, facts: Mapping[Place, Value]):
        self.property = property_
        self.facts = facts
        self._key: tuple[Property, frozenset[tuple[Place, Value]]] | None = None
        self._whole: tuple[Property, frozenset[tuple[Place, Value]]] | None = None

    def key(self) -> tuple[Property, frozenset[tuple[Place, Value]]]:
        """States with equal keys are merged."""
        if self._key is None:
            held = [i for i in self.facts.items() if type(i[1]) is Instance or type(i[1]) is Other]
            self._key = (self.property, frozenset(held))
        return self._key

    def whole(self) -> tuple[Property, frozenset[tuple[Place, Value]]]:
        """Everything that is known, to compare and to look results up."""
        if self._whole is None:
            self._whole = (self.property, frozenset(self.facts.items()))
        return self._whole

    def group(self) -> Property:
        """States of equal groups are merged when there are too many."""
        return replace(self.property, live=(), escaped=frozenset())

    def change(self, **fields: object) -> State:
        """The state with other fields of its property."""
        return State(replace(self.property, **fields), self.facts)  # type: ignore[arg-type]

    def get(self, place: Place) -> Value:
        """What is known of a place."""
        return self.facts.get(place)

    def set(self, place: Place, value: Value) -> State:
        """The state after a store; what was known of parts of the place is forgotten."""
        size = len(place)
        if size == 1 and place[0][0] == "variable" and value is self.facts.get(place):
            return self
        facts = {p: v for p, v in self.facts.items() if p[:size] != place}
        if value is not None:
            facts[place] = value
        return State(self.property, facts)

    def learn(self, place: Place, value: Value) -> State:
        """The state in which more is known of a place."""
        if self.facts.get(place) == value:
            return self
        facts = dict(self.facts)
        if value is None:
            facts.pop(place, None)
        else:
            facts[place] = value
        return State(self.property, facts)

    def escape(self, object_: str) -> State:
        """The state after a pointer to an object was stored out of sight."""
        if object_ in self.property.escaped:
            return self
        return self.change(escaped=self.property.escaped | {object_})

    def count(self, object_: str) -> tuple[int, int | None]:
        """How many of an object are live: least and most."""
        return next(((low, high) for o, low, high in self.property.live if o == object_), (0, 0))

    def with_count(self, object_: str, low: int, high: int | None) -> State:
        """The state with another count of an object."""
        if high is not None and high > MANY:
            high = None
        low = min(low, MANY)
        rest = [c for c in self.property.live if c[0] != object_]
        if high is None or high > 0:
            rest.append((object_, max(low, 0), high))
        return self.change(live=tuple(sorted(rest, key=lambda c: c[0])))


def merge(left: State, right: State) -> State:
    """The state that holds whichever of two states (of one key) does."""
    facts = {
        place: value
        for place, one in left.facts.items()
        if place in right.facts and (value := join(one, right.facts[place])) is not None
    }
    return State(left.property, facts)


def widen(states: list[State]) -> State:
    """One state for many of equal pending stages: counts become ranges, facts are intersected."""
    result = states[0]
    for state in states[1:]:
        result = State(
            replace(
                result.property,
                live=_hull(result.property.live, state.property.live),
                escaped=result.property.escaped | state.property.escaped,
            ),
            merge(result, state).facts,
        )
    return result


def _hull(left: Counts, right: Counts) -> Counts:
    first = {o: (low, high) for o, low, high in left}
    second = {o: (low, high) for o, low, high in right}
    merged: list[tuple[str, int, int | None]] = []
    for name in sorted({*first, *second}):
        a, b = first.get(name, (0, 0)), second.get(name, (0, 0))
        high = None if a[1] is None or b[1] is None else max(a[1], b[1])
        merged.append((name, min(a[0], b[0]), high))
    return tuple(merged)


def collect(states: list[State], limit: int) -> list[State]:
    """Merge states of equal keys; beyond ``limit`` merge all that have equal pending stages."""
    merged: dict[object, State] = {}
    for state in states:
        key = state.key()
        merged[key] = merge(merged[key], state) if key in merged else state
    if len(merged) <= limit:
        return list(merged.values())
    groups: dict[object, list[State]] = {}
    for state in merged.values():
        groups.setdefault(state.group(), []).append(state)
    return [widen(group) for group in groups.values()]
