# SPDX-License-Identifier: MIT
"""What the annotated constructs do to the request that is followed."""

# DEVIATIONS.md: [alternatives]

from __future__ import annotations

from dataclasses import dataclass, field, replace

from stingy.flow.constructs import Clear, Constructs, Kind
from stingy.flow.objects import Objects, static_pointee
from stingy.flow.pointers import Node, place_node
from stingy.flow.stages import Stages
from stingy.flow.values import (
    OTHER,
    AccessPath,
    Function,
    Instance,
    Other,
    Reference,
    Signs,
    Value,
    held_object,
)
from stingy.memwalk.findings import Event
from stingy.memwalk.interpreter import Interpreter, Occurrence
from stingy.memwalk.object_effects import ObjectEffects, is_reallocation
from stingy.memwalk.outside import after_outside
from stingy.memwalk.stacks import Stacks
from stingy.memwalk.states import BELOW, NOWHERE, Counts, Pending, Property, State
from stingy.memwalk.summaries import Results
from stingy.model.annotations import (
    Annotations,
    Free,
    Handoff,
    Malloc,
    QueueKind,
    QueueStage,
    Requeue,
    Role,
    ScheduleStage,
)
from stingy.model.program import (
    Assign,
    Const,
    Deref,
    Expr,
    Field,
    Func,
    Index,
    Var,
    strip_casts,
    walk,
)
from stingy.model.results import EXTERNAL, WarningKind

_THREADS = ("thread", "thrd")
_UNKNOWN_ARGUMENTS: tuple[Value, ...] = (None,) * 8


@dataclass(slots=True)
class Effects:
    """Gives calls and stores their meaning, for an interpreter."""

    annotations: Annotations
    constructs: Constructs
    objects: Objects
    stages: Stages
    stacks: Stacks
    foreign: set[Node]  # what may hold a pointer from outside of the server
    startup: set[str]  # routines that run before or after the scheduler
    held: set[str]  # objects that requests may hold
    started: list[tuple[str, State]] = field(default_factory=list)  # stages called from outside
    left: list[State] = field(default_factory=list)  # requests when a scheduler went on to others
    memory: ObjectEffects = field(init=False)

    def __post_init__(self) -> None:
        self.memory = ObjectEffects(
            self.constructs, self.objects, self.stages, self.startup, self.held
        )

    # -- calls and stores --------------------------------------------------------------------

    def at_call(self, at: Occurrence, state: State) -> Results | None:
        """The results of a call that is a construct or a stage; None for any other call."""
        if at.key == "":
            return self._unresolved(at, state)
        kinds = self.constructs.at_call(at.routine.key, at.key)
        if kinds:
            return self._apply(at, kinds, state)
        if at.key in self.stages.functions:
            if at.source == EXTERNAL and self._is_dispatch(at.routine.key):
                return [(None, self._dispatch(at, state))]
            return self._direct(at, state)
        if at.key not in at.i.program.routines:
            return self._outside(at, state)
        return None

    def at_store(self, at: Occurrence, assign: Assign, state: State) -> list[State]:
        """The states after a store that is a construct; the store itself comes later."""
        states = [state]
        task = self._pointer_to_request(assign.place)
        for kind in self.constructs.at_store(at.routine.key, assign.place):
            match kind:
                case QueueStage():
                    states = [
                        s
                        for one in states
                        for s in self._queue_stage(at, kind, task, assign.value, one)
                    ]
                case Free():
                    states = [
                        s for one in states for s in self.memory.free_store(at, kind, assign, one)
                    ]
                case Clear() if assign.value == Const(0):
                    states = [s for one in states for s in self._clear(at, task, one)]
        return states

    def at_test(self, i: Interpreter, condition: Expr, state: State) -> State:
        """The state before a condition: code outside of stages that asks for the state of a
        request which it found goes on with that one."""
        p = state.property
        found = p.pending == (Pending(BELOW),) and state.count(self.objects.task)[1] == 0
        if i.context.stage or p.ended or (p.followed and not found):
            return state
        for part in walk(condition):
            if isinstance(part, Field) and any(
                isinstance(kind, QueueStage) for kind in self.constructs.at_store("", part)
            ):
                task = _pointer_in(part)
                known = i.memory.value(task, state) if isinstance(task, Var) else OTHER
                if isinstance(task, Var) and (known is None or isinstance(known, Signs)):
                    return self._adopt(i, task, _forget_request(state))
        return state

    def _adopt(self, i: Interpreter, task: Var, state: State) -> State:
        adopted = state.change(followed=True, pending=(Pending(BELOW),))
        return i.memory.store(task, Instance(self.objects.task), adopted)

    def _is_dispatch(self, routine: str) -> bool:
        return any(isinstance(k, ScheduleStage) for k in self.constructs.calls.get(routine, ()))

    def _apply(self, at: Occurrence, kinds: list[Kind], state: State) -> Results:
        results: Results = [(None, state)]
        for kind in sorted(kinds, key=lambda k: not isinstance(k, Free)):
            after: Results = []
            for value, one in results:
                for new_value, new_state in self._one(at, kind, one):
                    after.append((new_value if new_value is not None else value, new_state))
            results = after
        if is_reallocation([*kinds]):  # where it fails, nothing was released
            results = [(v, state if v == 0 else s) for v, s in results]
        if self._has_more_to_do(at.key, kinds):
            return [r for _, one in results for r in at.enter(one)]
        return results

    def _has_more_to_do(self, key: str, kinds: list[Kind]) -> bool:
        """A function that queues may queue more: its body is followed too."""
        if any(isinstance(k, Malloc | Free | ScheduleStage) for k in kinds):
            return False
        return key in self.stages.queueing

    def _one(self, at: Occurrence, kind: Kind, state: State) -> Results:
        if isinstance(kind, Malloc):
            results = self.memory.malloc(at, kind, self._argument(at, kind, "O"), state)
            wrapper = self.constructs.wrapper(kind, at.key)
            if wrapper is not None and not wrapper.can_fail:
                return [one for one in results if one[0] != 0]
            return results
        return [(None, after) for after in self._after(at, kind, state)]

    def _after(self, at: Occurrence, kind: Kind, state: State) -> list[State]:
        """The states after a construct that returns nothing of interest."""
        match kind:
            case Free():
                return self.memory.free(at, kind, self._argument(at, kind, "O"), state)
            case Handoff():
                pointer = self._argument(at, kind, "O")
                return [self.memory.hand_over(at, kind.name, pointer, state)]
            case ScheduleStage():
                return [self._schedule(at, self._argument(at, kind, "flag"), state)]
        task = self._argument(at, kind, "T")
        if isinstance(kind, QueueStage):
            return self._queue_stage(at, kind, task, self._argument(at, kind, "S"), state)
        if isinstance(kind, Requeue):
            return self._requeue(at, kind, task, state)
        return self._clear(at, task, state)

    def _argument(self, at: Occurrence, kind: Kind, role: Role) -> Expr | None:
        position = self.constructs.position(kind, at.key, role)
        if position is None or position >= len(at.call.arguments):
            return None
        return at.call.arguments[position]

    # -- the request that is followed --------------------------------------------------------

    def _pointer_to_request(self, place: Expr) -> Expr | None:
        """The pointer to the request in ``conn->stage``, and in ``conn->watch->stage``."""
        first = pointer = _pointer_in(place)
        while pointer is not None and static_pointee(pointer) != self.stages.task_type:
            pointer = _pointer_in(strip_casts(pointer))
        return first if pointer is None else pointer

    def _as_followed(self, at: Occurrence, task: Expr | None, state: State) -> State:
        """Code outside of stages may work on any request: take it as the one that we follow."""
        if state.property.followed or state.property.ended or task is None:
            return state
        if isinstance(at.value(task, state), Other):
            return state
        if isinstance(task, Var):
            return self._adopt(at.i, task, state)
        return state.change(followed=True, pending=(Pending(BELOW),))

    def _is_other(self, at: Occurrence, task: Expr | None, state: State) -> bool:
        if not state.property.followed:
            return True
        if task is None:
            return False
        value = at.value(task, state)
        if isinstance(value, Instance | Reference):
            return False
        return isinstance(value, Other) or state.property.aside

    def _leave(self, at: Occurrence, state: State) -> State:
        """Code outside of stages goes on to other requests when one is queued.

        A callback that stays is set before all is done for the request: that is no queue.
        """
        p = state.property
        queued = p.queue or any(not one.stays and _is_queued(one) for one in p.pending)
        if queued and not self.stages.takes_task(at.i.context.stage):
            return state.change(aside=True)
        return state

    # -- stages ------------------------------------------------------------------------------

    def _queue_stage(
        self, at: Occurrence, kind: QueueStage, task: Expr | None, stage: Expr | None, state: State
    ) -> list[State]:
        stages = self._stages_of(at, stage, state)
        for name in stages:
            at.happens(Event("push", name))
        queue = self._default_queue(kind)
        if queue is not QueueKind.NONE:
            at.happens(Event("put", queue.value))
        one = self._as_followed(at, task, state)
        if self._is_other(at, task, one):
            return [one]
        if not stages:
            return [self._park(at, kind, stage, one)]
        one = self._note_given(one)
        return [self._leave(at, self._push(at, kind, name, one)) for name in stages]

    def _park(self, at: Occurrence, kind: QueueStage, stage: Expr | None, state: State) -> State:
        """A field is set to a constant that no stage stands for: none runs for the time being, or
        none that was set in this place."""
        value = at.value(stage, state) if stage is not None else None
        if kind.place and value == 0:
            return state.change(pending=_without_place(state.property.pending, kind.place))
        if not kind.store or kind.stays or not isinstance(value, int) or not self._is_only_store():
            return state
        return state.change(pending=(Pending(NOWHERE),), by=at.source)

    def _note_given(self, state: State) -> State:
        """Code outside of stages queues a stage for a request that it found in a state."""
        p = state.property
        if p.pending[:1] != (Pending(BELOW),) or p.given or state.count(self.objects.task)[1] != 0:
            return state
        known = {
            (place, value)
            for place, value in state.facts.items()
            if isinstance(value, int)
            and place[0] == ("object", self.objects.task, "")
            and self._is_state(place[-1])
        }
        return state.change(given=frozenset(known))

    def _is_state(self, step: tuple[str, ...]) -> bool:
        """Whether a field says which stage a request is in."""
        found = self.constructs.stores.get((step[0], step[1]), ()) if len(step) > 1 else ()
        return any(isinstance(kind, QueueStage) for kind in found)

    def _is_only_store(self) -> bool:
        """Whether one field alone says which stage a request is in."""
        kinds = self.annotations.constructs.queue_stage
        return len({k.store for k in kinds}) == 1

    def _stages_of(self, at: Occurrence, expr: Expr | None, state: State) -> list[str]:
        """The stages that an argument S may be."""
        if expr is None:
            return []
        value = at.value(expr, state)
        if not isinstance(value, Function | int) and at.i.pointers.is_open(expr):
            at.unresolved(
                "stage", "the stage comes from outside of the server", [*self.stages.functions]
            )
        return self.stages.named_by(value, expr, at.i.pointers)

    def _default_queue(self, kind: QueueStage) -> QueueKind:
        if kind.queue is not None:
            return kind.queue
        lifo = self.annotations.dispatch.discipline == "lifo"
        return QueueKind.NONE if lifo else QueueKind.WORK

    def _push(self, at: Occurrence, kind: QueueStage, stage: str, state: State) -> State:
        queue, source = self._default_queue(kind), at.source
        pending = state.property.pending
        if self.annotations.dispatch.discipline == "lifo":
            pending, is_deep = self.stacks.push(pending, Pending(stage, "", source))
            if is_deep:
                self._warn_deep(at)
            if queue is QueueKind.NONE:
                return state.change(pending=pending, by=source)
            return state.change(pending=pending, queue=queue.value, by=source)
        new = Pending(stage, queue.value, source)
        if kind.stays:
            new = replace(new, stays=True, place=kind.place)
            pending = tuple(p for p in pending if not (p.stays and p.stage == stage))
            pending = _without_place(pending, kind.place)
        elif kind.store:  # a field holds one stage: the last one counts
            kept = () if self._is_only_store() else (BELOW,)
            pending = tuple(p for p in pending if p.stage in kept)
        elif queue is not QueueKind.WORK:
            pending = tuple(p for p in pending if p.stays or p.queue != queue.value)
        if new not in pending:
            pending = (*(p for p in pending if replace(p, sure=True) != new), new)
        return state.change(pending=pending, by=source)

    def _warn_deep(self, at: Occurrence) -> None:
        depth = self.annotations.dispatch.depth
        at.i.findings.warn(
            WarningKind.MERGED,
            at.call.spot,
            f"a request may have more than {depth} stages on its stack here: those at the bottom "
            "are not told apart",
            "correct [dispatch] depth, if the server's stack is deeper",
        )

    def _requeue(
        self, at: Occurrence, kind: Requeue, task: Expr | None, state: State
    ) -> list[State]:
        at.happens(Event("put", kind.queue.value))
        one = self._as_followed(at, task, state)
        if self._is_other(at, task, one):
            return [one]
        pending = tuple(
            replace(p, queue=kind.queue.value) if p.queue == "none" else p
            for p in one.property.pending
        )
        changed = one.change(pending=pending, queue=kind.queue.value, by=at.source)
        return [self._leave(at, changed)]

    def _clear(self, at: Occurrence, task: Expr | None, state: State) -> list[State]:
        one = self._as_followed(at, task, state)
        return [one if self._is_other(at, task, one) else one.change(pending=())]

    def _schedule(self, at: Occurrence, flag: Expr | None, state: State) -> State:
        value = at.value(flag, state) if flag is not None else None
        known = at.i.findings.flags.setdefault(at.i.context.thread, set())
        known.add(value if isinstance(value, int) else None)
        if not at.i.context.stage or not state.property.followed:
            return state
        at.happens(Event("put", "direct"))
        return state.change(queue="direct", by=at.i.context.stage)

    def _direct(self, at: Occurrence, state: State) -> Results:
        """A stage function is called: what it does is its own."""
        stage = self.stages.functions[at.key]
        if at.source == EXTERNAL and at.key in self.stages.final:
            return [(None, state)]  # the open-coded implicit flush of a scheduler
        if at.source == EXTERNAL:
            at.happens(Event("call", stage))
            self.started.append((stage, self._task_state(at, state)))
            return [(None, state)]
        at.happens(Event("call", stage))
        if at.source == stage or at.key not in at.i.program.routines:
            return at.enter(state)
        at.i.note_live(stage, state.property.live)
        chain = at.i.context.calls
        if sum(1 for key, _ in chain if key == at.key) > 1:
            return [(None, state)]
        arguments = tuple(at.value(a, state) for a in at.call.arguments)
        with at.i.as_stage(stage, [*chain, (at.routine.key, at.step)]):
            return at.i.run(at.key, arguments, state)

    def _dispatch(self, at: Occurrence, state: State) -> State:
        """A scheduler calls the stage of a request itself: any request, so another from here on.

        What the scheduler does after the call it does to a request whose stage has run.
        """
        if state.property.followed:
            self.left.append(state)
        position = self.stages.task_position(at.key)
        task = at.call.arguments[position : position + 1] if position is not None else ()
        return self._as_followed(at, task[0] if task else None, _forget_request(state))

    def _task_state(self, at: Occurrence, state: State) -> State:
        """The request that a stage is called with from outside."""
        position = self.stages.task_position(at.key)
        if position is None or position >= len(at.call.arguments):
            return State(Property(), {})
        if state.property.ended:  # that was another one
            state = State(Property(), {})
        return self._as_followed(at, at.call.arguments[position], state)

    # -- what is not known -------------------------------------------------------------------

    def _unresolved(self, at: Occurrence, state: State) -> Results:
        """An indirect call of which nothing is known: every function that fits is called."""
        note = self.stages.note_for(at.routine.key, at.call.callee_text)
        if note is not None:
            keys = [k for t in note.targets for k in at.i.program.find(t)]
        elif self._is_never_set(at):
            return [(None, state)]
        else:
            keys = self.stages.fitting(at.call.signature)
            reason = "nothing is known to be stored where the pointer comes from"
            at.unresolved("indirect call", reason, [at.i.program.show(k) for k in keys])
        results: Results = after_outside(at.i.memory, at.call, "", state)
        for key in keys:
            inner = Occurrence(at.i, at.routine, at.step, at.call, key)
            found = self.at_call(inner, state)
            results += found if found is not None else inner.enter(state)
        return results

    def _is_never_set(self, at: Occurrence) -> bool:
        """Whether the pointer that is called is a member of the server's own that nobody sets."""
        callee = strip_casts(at.call.callee)
        while isinstance(callee, Index):
            callee = callee.base
        node = place_node(callee)
        if node is None or node in self.foreign or at.i.pointers.is_open(callee):
            return False
        if not isinstance(callee, Field):
            return isinstance(callee, Var) and not callee.function
        record = at.i.program.records.get(callee.record)
        base: Expr = callee
        while isinstance(base, Field | Index):
            base = base.base
        if isinstance(base, Deref):
            base = strip_casts(base.pointer)
        return self._is_own(at, base) and record is not None and record.local

    def _is_own(self, at: Occurrence, base: Expr) -> bool:
        """Whether a table, or a pointer to one, is the server's own."""
        holder = place_node(base)
        if holder is None or holder in self.foreign:
            return False
        targets = at.i.pointers.of(base)
        is_table = isinstance(base, Var) and not base.type.endswith("*")
        return is_table or (bool(targets) and all(t[0] == "address" for t in targets))

    def _outside(self, at: Occurrence, state: State) -> Results | None:
        """Functions outside of the server may call what they are given."""
        given = [a.key for a in at.call.arguments if isinstance(a, Func)]
        callbacks = [k for k in given if k in self.stages.relevant]
        if not callbacks:
            return None
        at.unresolved("external callback", f"{at.key} may call it at any time", callbacks)
        if any(word in at.key for word in _THREADS):
            for argument in at.call.arguments:
                if isinstance(at.value(argument, state), Instance):
                    state = self.memory.hand_over(at, at.key, argument, state)
            return [(None, state)]
        results: Results = [(None, state)]
        for callback in callbacks:
            if callback not in self.stages.functions and callback in at.i.program.routines:
                results += self._call_back(at, callback, state)
        return results

    def _call_back(self, at: Occurrence, callback: str, state: State) -> Results:
        """A function outside calls a function that it was given.

        Memory that code outside of stages has, and that no request can hold, does not become that
        of a request that the callback begins.
        """
        apart = self._kept_apart(at, state)
        names = {name for name, _, _ in apart}
        live = tuple(c for c in state.property.live if c[0] not in names)
        gone = [place for place, value in state.facts.items() if _is_about(names, place, value)]
        calls = [*at.i.context.calls, (at.routine.key, at.step)]
        with at.i.as_stage(at.i.context.stage, calls):
            found = at.i.run(callback, _UNKNOWN_ARGUMENTS, state.without(gone).change(live=live))
        return [(None, self._come_back(at, apart, after)) for _, after in found]

    def _come_back(self, at: Occurrence, apart: Counts, state: State) -> State:
        """The state after a callback: a request that it began is not what its caller works on."""
        p = state.property
        if not p.followed:
            return _add_live(state, apart)
        begun = not at.i.context.stage and any(_is_queued(one) for one in p.pending)
        return state.change(aside=True) if begun else state

    def _kept_apart(self, at: Occurrence, state: State) -> Counts:
        if at.i.context.stage or state.property.followed:
            return ()
        own = {*self.held, self.objects.task}
        return tuple(count for count in state.property.live if count[0] not in own)


def _without_place(pending: tuple[Pending, ...], place: str) -> tuple[Pending, ...]:
    return tuple(one for one in pending if not place or one.place != place)


def _is_queued(pending: Pending) -> bool:
    return pending.queue not in {"", "none"}


def _is_about(objects: set[str], place: AccessPath, value: Value) -> bool:
    """Whether a fact is about one of these objects, or a pointer to one."""
    inside = value.place if isinstance(value, Reference) else place
    return held_object(value) in objects or any(
        base[0] == "object" and base[1] in objects for base in (place[0], inside[0])
    )


def _add_live(state: State, counts: Counts) -> State:
    """The state with these too, as far as they were not released meanwhile."""
    for name, _, most in counts:
        low, high = state.count(name)
        both = None if high is None or most is None else high + most
        state = state.with_count(name, low, both)
    return state


def _forget_request(state: State) -> State:
    """The state of code that goes on to another request."""
    facts = {
        place: value
        for place, value in state.facts.items()
        if place[0][0] != "object" and not held_object(value) and not _is_inside(value)
    }
    return State(Property(), facts)


def _is_inside(value: Value) -> bool:
    """Whether a value is an address inside of an object."""
    return isinstance(value, Reference) and value.place[0][0] == "object"


def _pointer_in(place: Expr) -> Expr | None:
    """The pointer that leads to a place."""
    while not isinstance(place, Deref):
        inner = getattr(place, "base", None)
        if inner is None:
            return None
        place = inner
    return place.pointer
