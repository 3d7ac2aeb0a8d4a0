# SPDX-License-Identifier: MIT
"""What allocations, releases and handing over do to the request that is followed."""

# DEVIATIONS.md: [containers], [handed over]

from __future__ import annotations

from dataclasses import dataclass

from stingy.flow.constructs import Constructs
from stingy.flow.objects import Objects
from stingy.flow.stages import Stages
from stingy.flow.values import NONZERO, OTHER, Instance, Other, Perhaps, Reference, held_object
from stingy.flow.zeroing import find_zeroed
from stingy.memwalk.findings import Event, SiteUse
from stingy.memwalk.interpreter import Occurrence
from stingy.memwalk.memory import node_name
from stingy.memwalk.states import State
from stingy.memwalk.summaries import Results
from stingy.model.annotations import Free, Malloc
from stingy.model.program import Assign, Deref, Expr


@dataclass(slots=True)
class ObjectEffects:
    """Gives Malloc, Free and [[handoff]] their meaning."""

    constructs: Constructs
    objects: Objects
    stages: Stages
    startup: set[str]  # routines that run before or after the scheduler
    held: set[str]  # objects that requests may hold

    # -- allocation --------------------------------------------------------------------------

    def malloc(self, at: Occurrence, kind: Malloc, out: Expr | None, state: State) -> Results:
        """The results of an allocation: an instance, or NULL."""
        spot = at.call.spot
        node = ("object", spot.file, str(spot.line), str(spot.column), at.key)
        object_ = self.objects.of_site.get(node)
        if object_ is None:
            return [(None, state)]
        if self._is_servers(at, object_, state):
            return [(OTHER, state), (0, state)]
        self.note(at, "allocate", object_, kind.name, "")
        results: Results = []
        for value, one in self._instances(at, object_, state):
            if isinstance(value, Instance):
                at.i.note_live(at.i.context.stage, one.property.live)
                one = self._zeroed(at, object_, one)  # noqa: PLW2901 - the same state, known better
            if out is None:
                results.append((value, one))
            elif isinstance(value, Instance | Other):
                results.append((0, at.i.memory.store(Deref(out), value, one)))
            else:
                results.append((NONZERO, one))
        return results

    def _is_servers(self, at: Occurrence, object_: str, state: State) -> bool:
        """Whether an object is made at start-up for the server as a whole, not for a request."""
        if at.routine.key not in self.startup or state.property.followed:
            return False
        return object_ != self.objects.task and object_ not in self.held

    def _zeroed(self, at: Occurrence, object_: str, state: State) -> State:
        """The state in which the zero parts of a new object are known."""
        for path, record in find_zeroed(at.key, self.objects.kinds[object_].type, at.i.program):
            place = (("object", object_, ""), *path)
            state = at.i.memory.clear(place, record, None, state)
        return state

    def _instances(self, at: Occurrence, object_: str, state: State) -> Results:
        if state.property.aside:
            return [(OTHER, state), (0, state)]
        if object_ == self.objects.task:
            return self._tasks(at, state)
        low, high = state.count(object_)
        more = state.with_count(object_, low + 1, None if high is None else high + 1)
        return [(Instance(object_), more), (0, state)]

    def _tasks(self, at: Occurrence, state: State) -> Results:
        """A new task may be the request that we follow from here on, or another one."""
        results: Results = [(Instance(self.objects.task), self._follow(at, state)), (0, state)]
        if state.property.followed and not state.property.ended:
            outside = not self.stages.takes_task(at.i.context.stage)
            results.append((OTHER, state.change(aside=True) if outside else state))
        return results

    def _follow(self, at: Occurrence, state: State) -> State:
        """Follow a new request: it owns what was allocated for it just before."""
        task = self.objects.task
        base = (("object", task, ""),)
        bound = {v.object for v in state.facts.values() if isinstance(v, Instance)}
        perhaps = {v.object for v in state.facts.values() if isinstance(v, Perhaps)} - bound
        facts = {
            p: v
            for p, v in state.facts.items()
            if p[:1] != base
            and held_object(v) != task
            and not (isinstance(v, Perhaps) and v.object in bound)
        }
        old = state.property.followed or state.property.ended
        kept = [
            c
            for c in state.property.live
            if c[0] != task and (not old or (c[0] in bound | perhaps and not at.i.context.stage))
        ]
        live = tuple((o, 1, 1) if o in bound else (o, low, high) for o, low, high in kept)
        fresh = State(state.property, facts).change(
            live=live, pending=(), queue="", by="", followed=True, ended=False, escaped=frozenset()
        )
        return fresh.with_count(task, 1, 1)

    # -- release -----------------------------------------------------------------------------

    def free(self, at: Occurrence, kind: Free, expr: Expr | None, state: State) -> list[State]:
        """The states after a release."""
        if expr is None:
            return self._free_type(at, kind, state)
        return self._free_value(at, kind, expr, state)

    def free_store(self, at: Occurrence, kind: Free, assign: Assign, state: State) -> list[State]:
        """An open-coded release: the object is put on a free list."""
        value = at.i.memory.value(assign.value, state)
        if kind.releases and not held_object(value):
            return self._free_type(at, kind, state)
        return self._free_value(at, kind, assign.value, state)

    def _free_type(self, at: Occurrence, kind: Free, state: State) -> list[State]:
        """A release that names no object: what the annotation says is released."""
        type_ = at.i.program.record_of(kind.releases)
        named = [k.id for k in self.objects.kinds.values() if kind.releases and k.type == type_]
        for object_ in named:
            if state.count(object_)[1] != 0 or not state.property.followed:
                self.note(at, "free", object_, kind.name, "")
            state = self._release(object_, state, strong=True)
        return [state]

    def _free_value(self, at: Occurrence, kind: Free, expr: Expr, state: State) -> list[State]:
        value = at.i.memory.value(expr, state)
        if isinstance(value, Perhaps):
            held = state.decide(value.object, live=True)
            self.note(at, "free", value.object, kind.name, node_name(expr))
            freed = self._free_known(at, value.object, held)
            return [freed, state.decide(value.object, live=False)]
        if value == 0 or isinstance(value, Other):
            return [state]
        if isinstance(value, Reference) and value.place[0][0] == "object":
            value = Instance(value.place[0][1])
        holder = node_name(expr)
        if isinstance(value, Instance):
            self.note(at, "free", value.object, kind.name, holder)
            return [self._free_known(at, value.object, state)]
        if state.property.aside:
            return [state]
        candidates = self.objects.candidates(at.i.pointers, expr)
        for object_ in candidates:
            if state.count(object_)[1] != 0 or not state.property.followed:
                self.note(at, "free", object_, kind.name, holder)
        return self._free_unknown(candidates, state)

    def _free_known(self, at: Occurrence, object_: str, state: State) -> State:
        if state.count(object_)[1] != 0:
            return self._release(object_, state, strong=True)
        if object_ == self.objects.task and state.property.followed and not at.i.context.stage:
            return self._release(object_, state, strong=True)  # one that was found, not made
        if object_ not in state.property.escaped:
            at.happens(Event("again", object_, spot=at.call.spot))
        return state

    def _free_unknown(self, candidates: list[str], state: State) -> list[State]:
        """Something that is not known is released: one of the candidates, or NULL."""
        live = [c for c in candidates if state.count(c)[1] != 0]
        if self.objects.task in live:
            if not state.property.followed:
                return [state]
            return [state, self._release(self.objects.task, state, strong=True)]
        if len(live) == 1:
            return [self._release(live[0], state, strong=True)]
        for object_ in live:
            state = self._release(object_, state, strong=False)
        return [state]

    def _release(self, object_: str, state: State, *, strong: bool) -> State:
        low, high = state.count(object_)
        most = high if high is None or not strong else max(high - 1, 0)
        after = state.with_count(object_, max(low - 1, 0), most)
        base = (("object", object_, ""),)
        after = State(after.property, {p: v for p, v in after.facts.items() if p[:1] != base})
        if object_ == self.objects.task:
            after = after.change(followed=False, ended=True, pending=(), queue="", by="")
        return after

    # -- sites -------------------------------------------------------------------------------

    def hand_over(self, at: Occurrence, matches: str, expr: Expr | None, state: State) -> State:
        """The object belongs to another thread now, but its memory is still in use."""
        if expr is None:
            return state
        held = held_object(at.i.memory.value(expr, state))
        known = [held] if held else []
        for object_ in known or self.objects.candidates(at.i.pointers, expr):
            self.note(at, "hand over", object_, matches, node_name(expr))
        return state.escape(held) if held else state

    def note(self, at: Occurrence, action: str, object_: str, matches: str, holder: str) -> None:
        """Note what is done to an object here, and by which stage."""
        spot = at.call.spot
        use = at.i.findings.sites.get((action, object_, spot))
        if use is None:
            guard = at.i.graph(at.routine).guard(at.step)
            callee = at.i.program.show(at.key) if at.key else ""
            use = SiteUse(
                action, object_, spot, at.routine.key, matches, callee, at.call.text, holder, guard
            )
            at.i.findings.sites[action, object_, spot] = use
        at.happens(Event("use", object_, action, spot))


def is_reallocation(kinds: list[object]) -> bool:
    """Whether a call releases and allocates (realloc)."""
    return any(isinstance(k, Malloc) for k in kinds) and any(isinstance(k, Free) for k in kinds)
