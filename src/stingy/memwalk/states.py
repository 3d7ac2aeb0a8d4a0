# SPDX-License-Identifier: MIT
"""What is known at a point of a path: of one request that is followed through the server.

Paths are merged as in property simulation (Das, Lerner, Seigle: ESP, PLDI 2002): two states with
the same *property* (live objects and who holds them, pending stages, queue) become one that keeps
only the facts (constants, signs, functions) on which both agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from stingy.flow.values import AccessPath, Instance, Other, Perhaps, Value, held_object, join

_HELD = (Instance, Perhaps, Other)

MANY = 64  # from here on a count has no bound
THRESHOLDS = (1, 2, 4, 8, 16, MANY)  # bounds that a count may have after widening
BELOW = "(below)"  # stages that a request from elsewhere may have pending

REST = "(rest)"  # the stages of a stack that is not told apart any more; see ``stacks``
NOWHERE = "(nowhere)"  # the state of a request that no stage runs in

Counts = tuple[tuple[str, int, int | None], ...]  # object, least and most that are live


@dataclass(frozen=True, slots=True)
class Pending:
    """A stage that a request has pending.

    ``queue``: where it waits (discipline queue).  ``pusher``: the stage that queued it in the
    present run, "" if an earlier one did.  ``sure``: on all paths that were merged.  ``stays``: it
    runs again whenever what it waits for happens, whatever else is pending, until another one is
    set in its ``place``, if that has a name.
    """

    stage: str
    queue: str = ""
    pusher: str = ""
    sure: bool = True
    stays: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Property:
    """The part of a state on which paths are told apart.

    It is compared and hashed more than anything else, so the hash is computed once.

    ``queue`` is where the request waits, put there by stage ``by``.  ``followed``: there is a
    request.  ``ended``: it was released.  ``aside``: the code works on another request.
    ``given``: what code outside of stages knows of a request when it queues a stage for it.
    """

    live: Counts = ()
    pending: tuple[Pending, ...] = ()
    queue: str = ""
    by: str = ""
    followed: bool = False
    ended: bool = False
    aside: bool = False
    escaped: frozenset[str] = frozenset()
    given: frozenset[tuple[AccessPath, int]] = frozenset()
    _hash: int = field(init=False, default=0, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash(self._values()))

    def _values(self) -> tuple[object, ...]:
        return (
            self.live, self.pending, self.queue, self.by, self.followed, self.ended, self.aside,
            self.escaped, self.given,
        )  # fmt: skip

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Property)
            and self._hash == other._hash
            and self._values() == other._values()
        )

    def grouped(
        self, pending: tuple[Pending, ...], given: frozenset[tuple[AccessPath, int]]
    ) -> Property:
        """This one without its objects: what states that are too many are told apart by."""
        return Property(
            (), pending, self.queue, self.by, self.followed, self.ended, self.aside,
            frozenset(), given,
        )  # fmt: skip


class State:
    """A property and the facts that hold with it; neither is ever changed in place."""

    __slots__ = ("_key", "_whole", "facts", "property")

    def __init__(self, property_: Property, facts: Mapping[AccessPath, Value]):
        self.property = property_
        self.facts = facts
        self._key: tuple[Property, frozenset[tuple[AccessPath, Value]]] | None = None
        self._whole: tuple[Property, frozenset[tuple[AccessPath, Value]]] | None = None

    def key(
        self, choices: frozenset[AccessPath] = frozenset()
    ) -> tuple[Property, frozenset[tuple[AccessPath, Value]]]:
        """States with equal keys are merged.

        Held objects tell paths apart, and numbers in ``choices``, the variables that the next
        stage depends on.
        """
        if self._key is None:
            held = [
                (place, value)
                for place, value in self.facts.items()
                if type(value) in _HELD or (type(value) is int and place in choices)
            ]
            self._key = (self.property, frozenset(held))
        return self._key

    def whole(self) -> tuple[Property, frozenset[tuple[AccessPath, Value]]]:
        """Everything that is known, to compare and to look results up."""
        if self._whole is None:
            self._whole = (self.property, frozenset(self.facts.items()))
        return self._whole

    def group(self) -> Property:
        """States of equal groups are merged when there are too many."""
        return self.property.grouped(self.property.pending, self.property.given)

    def change(self, **fields: object) -> State:
        """The state with other fields of its property."""
        return State(replace(self.property, **fields), self.facts)  # type: ignore[arg-type]

    def get(self, place: AccessPath) -> Value:
        """What is known of a place."""
        return self.facts.get(place)

    def set(self, place: AccessPath, value: Value) -> State:
        """The state after a store; what was known of parts of the place is forgotten."""
        size = len(place)
        if size == 1 and place[0][0] == "variable" and value is self.facts.get(place):
            return self
        facts = {p: v for p, v in self.facts.items() if p[:size] != place}
        if value is not None:
            facts[place] = value
        return State(self.property, facts)

    def learn(self, place: AccessPath, value: Value) -> State:
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
        changed = self.change(live=tuple(sorted(rest, key=lambda c: c[0])))
        doubtful = [p for p, v in self.facts.items() if v == Perhaps(object_)]
        return changed.without(doubtful) if doubtful else changed

    def without_bounds(self, objects: AbstractSet[str]) -> State:
        """The state with any number of these objects."""
        counts = {o: (low, high) for o, low, high in self.property.live}
        counts |= dict.fromkeys(objects, (0, None))
        live = tuple((o, low, high) for o, (low, high) in sorted(counts.items()))
        tied = [p for p, v in self.facts.items() if isinstance(v, Perhaps) and v.object in objects]
        state = self.without(tied) if tied else self
        return state if live == state.property.live else state.change(live=live)

    def without(self, places: Iterable[AccessPath]) -> State:
        """The state in which nothing is known of some places."""
        facts = dict(self.facts)
        for place in places:
            del facts[place]
        return State(self.property, facts)

    def decide(self, object_: str, *, live: bool) -> State:
        """The state where the object that pointers perhaps hold is live, or where it is not."""
        value: Value = Instance(object_) if live else 0
        facts = {p: value if v == Perhaps(object_) else v for p, v in self.facts.items()}
        count = int(live)
        return State(self.property, facts).with_count(object_, count, count)


def merge(left: State, right: State) -> State:
    """The state that holds whichever of two states (of one key) does."""
    facts = {
        place: value
        for place, one in left.facts.items()
        if place in right.facts and (value := join(one, right.facts[place])) is not None
    }
    return State(left.property, facts)


def widen(states: list[State]) -> State:
    """One state for many of equal pending stages: counts become ranges, facts are intersected.

    A pointer that holds an object on some paths, and is NULL on those without it, stays tied to
    the object: so the bounds of objects that are optional survive, each by itself.
    """
    result = states[0]
    for state in states[1:]:
        p, q = result.property, state.property
        if p == q:  # nothing but facts: no pointer is tied to anything new
            result = State(p, {**merge(result, state).facts, **_ties(result, state)})
            continue
        result = State(
            replace(
                p,
                live=hull(p.live, q.live),
                pending=_unite(p.pending, q.pending),
                escaped=p.escaped | q.escaped,
                given=p.given & q.given,
            ),
            {**merge(result, state).facts, **_ties(result, state)},
        )
    return result


def _ties(left: State, right: State) -> dict[AccessPath, Value]:
    """The pointers that are NULL exactly where their object is not live, in both states."""
    found: dict[AccessPath, Value] = {}
    for place, value in left.facts.items():
        other = right.facts.get(place)
        if value is other or value == other:
            continue  # most are
        object_ = held_object(value) or held_object(other)
        if not object_:
            continue
        if _holds(value, object_, left) and _holds(other, object_, right):
            found[place] = Perhaps(object_)
    return found


def _holds(value: Value, object_: str, state: State) -> bool:
    """Whether a value is NULL exactly where the object is not live."""
    if isinstance(value, Perhaps):
        return value.object == object_
    count = state.count(object_)
    return (value == Instance(object_) and count == (1, 1)) or (value == 0 and count == (0, 0))


def _unite(left: tuple[Pending, ...], right: tuple[Pending, ...]) -> tuple[Pending, ...]:
    """What may be pending on either of two paths; what is so on one alone is not sure."""
    if left == right:
        return left
    both = {p for p in left if p.sure} & {p for p in right if p.sure}
    every = {replace(p, sure=p in both) for p in (*left, *right)}
    return tuple(sorted(every, key=lambda p: (p.stage, p.queue, p.pusher)))


def hull(left: Counts, right: Counts) -> Counts:
    """The counts that allow whatever one of two allows."""
    if left == right:
        return left
    first = {o: (low, high) for o, low, high in left}
    second = {o: (low, high) for o, low, high in right}
    merged: list[tuple[str, int, int | None]] = []
    for name in sorted({*first, *second}):
        a, b = first.get(name, (0, 0)), second.get(name, (0, 0))
        high = None if a[1] is None or b[1] is None else max(a[1], b[1])
        merged.append((name, min(a[0], b[0]), high))
    return tuple(merged)


def grow(old: State, new: State, thresholds: tuple[int, ...] = THRESHOLDS) -> State:
    """A count that still grows where states are merged already goes to the next threshold."""
    if old.property.live == new.property.live:
        return new  # as nearly always: a server has many objects, and few of them change at a point
    before = {o: (low, high) for o, low, high in old.property.live}
    live = tuple(
        (o, low if low >= least else 0, high if high == most else _next(high, thresholds))
        for o, low, high in new.property.live
        for least, most in [before.get(o, (low, high))]
    )
    return State(replace(new.property, live=live), new.facts)


def _next(high: int | None, thresholds: tuple[int, ...]) -> int | None:
    return next((t for t in thresholds if high is not None and high <= t), None)
