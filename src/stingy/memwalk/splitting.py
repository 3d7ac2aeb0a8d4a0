# SPDX-License-Identifier: MIT
"""The part of a state that a routine cannot reach: kept aside, and put back when it returns.

So a routine's answer depends on what matters to it alone, as in separation logic's frame rule.
Callers that differ elsewhere share the answer, and lose nothing by that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from stingy.flow.reaches import Reach, Reaches
from stingy.flow.values import AccessPath, Instance, Perhaps, Reference, Value
from stingy.memwalk.states import Counts, Property, State

_HOLDS = (Instance, Perhaps)
_NO_FACTS: dict[AccessPath, Value] = {}


@dataclass(frozen=True, slots=True)
class Aside:
    """What is kept aside: facts, objects, and of ``request`` what is pending.

    ``seen`` are the objects that the routine was shown (as bits), ``inside`` the state that it
    was given.  ``whole``: nothing is aside.
    """

    inside: State
    facts: Mapping[AccessPath, Value] = field(default_factory=dict)
    live: Counts = ()
    escaped: frozenset[str] = frozenset()
    request: Property | None = None
    seen: int = 0
    whole: bool = False


@dataclass(slots=True)
class Splitter:
    """Takes states apart and puts them together again.  ``task`` is the request's object."""

    reaches: Reaches
    _concerns: dict[str, dict[AccessPath, bool]] = field(default_factory=dict)

    def split(self, key: str, state: State, *, outside: bool) -> Aside:
        """The state that a routine is given, and what is kept aside."""
        reach = self.reaches.of(key)
        if reach.leaves or (outside and (reach.queues or reach.asks)):
            return Aside(state, whole=True)
        shown, hidden, seen = self._split_facts(key, reach, state.facts)
        p = state.property
        live: list[tuple[str, int, int | None]] = []
        kept: list[tuple[str, int, int | None]] = []
        for count in p.live:
            (live if self.reaches.bit(count[0]) & seen else kept).append(count)
        escaped = frozenset(o for o in p.escaped if self.reaches.bit(o) & seen)
        inside = replace(p, live=tuple(live), escaped=escaped)
        if not reach.queues:
            inside = replace(inside, pending=(), queue="", by="", given=frozenset())
        return Aside(
            State(inside, shown), hidden, tuple(kept), p.escaped - escaped,
            None if reach.queues else p, seen,
        )  # fmt: skip

    def _split_facts(
        self, key: str, reach: Reach, facts: Mapping[AccessPath, Value]
    ) -> tuple[dict[AccessPath, Value], dict[AccessPath, Value], int]:
        concerns = self._concerns.setdefault(key, {})
        bit = self.reaches.bit
        seen = reach.seen | bit(self.reaches.objects.task)
        shown: dict[AccessPath, Value] = {}
        hidden: dict[AccessPath, Value] = {}
        changed = reach.changed & ~bit(self.reaches.objects.task)
        for place, value in facts.items():
            matters = concerns.get(place)
            if matters is None:
                matters = self.reaches.footprints.concerns(key, place)
                matters |= place[0][0] == "object" and bool(bit(place[0][1]) & changed)
                concerns[place] = matters
            if matters:
                shown[place] = value
                seen |= self._held_by(place, value)
            else:
                hidden[place] = value
        return self._show_tied(shown, hidden, seen)

    def _held_by(self, place: AccessPath, value: Value) -> int:
        found = self.reaches.bit(place[0][1]) if place[0][0] == "object" else 0
        if isinstance(value, _HOLDS):
            found |= self.reaches.bit(value.object)
        elif isinstance(value, Reference) and value.place[0][0] == "object":
            found |= self.reaches.bit(value.place[0][1])
        return found

    def _show_tied(
        self, shown: dict[AccessPath, Value], hidden: dict[AccessPath, Value], seen: int
    ) -> tuple[dict[AccessPath, Value], dict[AccessPath, Value], int]:
        """A pointer that is tied to an object goes wherever that goes."""
        tied = {p: v for p, v in hidden.items() if isinstance(v, Perhaps)}
        while tied:
            more = {p: v for p, v in tied.items() if self.reaches.bit(v.object) & seen}
            if not more:
                break
            for place, value in more.items():
                shown[place] = value
                seen |= self._held_by(place, value)
                del hidden[place], tied[place]
        return shown, hidden, seen

    def join(self, aside: Aside, after: State) -> State:
        """The state after the routine has returned with ``after``."""
        if aside.whole:
            return after
        p, bit, seen = after.property, self.reaches.bit, aside.seen
        live = self.add_live(aside, p.live)
        before = aside.inside
        facts = {
            place: value
            for place, value in aside.facts.items()
            if place[0][0] != "object" or before.count(place[0][1]) == after.count(place[0][1])
        }
        for place, value in after.facts.items():
            if not isinstance(value, _HOLDS) or bit(value.object) & seen:
                facts[place] = value
        joined = replace(p, live=live, escaped=p.escaped | aside.escaped)
        if aside.request is not None:
            own = aside.request
            joined = replace(
                joined, pending=own.pending, queue=own.queue, by=own.by, given=own.given
            )
        return State(joined, facts)

    def add_live(self, aside: Aside, live: Counts) -> Counts:
        """These objects, of those that the routine was shown, with those that are aside."""
        if aside.whole:
            return live
        shown = [c for c in live if self.reaches.bit(c[0]) & aside.seen]
        return tuple(sorted([*shown, *aside.live], key=lambda c: c[0]))
