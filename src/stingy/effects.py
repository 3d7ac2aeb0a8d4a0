# SPDX-License-Identifier: MIT
"""What the annotated constructs do to the request that is followed."""

from __future__ import annotations

from dataclasses import dataclass, field

from stingy.annotations import (
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
from stingy.constructs import Clear, Constructs, Kind
from stingy.interpreter import Occurrence, Results
from stingy.object_effects import ObjectEffects, is_reallocation
from stingy.objects import Objects
from stingy.program import Assign, Const, Deref, Expr, Func, Var
from stingy.results import EXTERNAL, EdgeKind
from stingy.stages import Stages
from stingy.states import BELOW, Pending, Property, State
from stingy.values import Function, Instance, Other, Reference, Value

_THREADS = ("thread", "thrd")
_UNKNOWN_ARGUMENTS: tuple[Value, ...] = (None,) * 8


@dataclass(slots=True)
class Effects:
    """Gives calls and stores their meaning, for an interpreter."""

    annotations: Annotations
    constructs: Constructs
    objects: Objects
    stages: Stages
    started: list[tuple[str, State]] = field(default_factory=list)  # stages called from outside
    memory: ObjectEffects = field(init=False)

    def __post_init__(self) -> None:
        self.memory = ObjectEffects(self.constructs, self.objects, self.stages)

    # -- calls and stores --------------------------------------------------------------------

    def at_call(self, at: Occurrence, state: State) -> Results | None:
        """The results of a call that is a construct or a stage; None for any other call."""
        if at.key == "":
            return self._unresolved(at, state)
        kinds = self.constructs.at_call(at.routine.key, at.key)
        if kinds:
            return self._apply(at, kinds, state)
        if at.key in self.stages.functions and not self._is_dispatch(at.routine.key):
            return self._direct(at, state)
        if at.key not in at.i.program.routines:
            return self._outside(at, state)
        return None

    def at_store(self, at: Occurrence, assign: Assign, state: State) -> list[State]:
        """The states after a store that is a construct; the store itself comes later."""
        states = [state]
        task = _pointer_to_request(assign.place)
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
            return self.memory.malloc(at, kind, self._argument(at, kind, "O"), state)
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

    def _as_followed(self, at: Occurrence, task: Expr | None, state: State) -> State:
        """Code outside of stages may work on any request: take it as the one that we follow."""
        if state.property.followed or state.property.ended or task is None:
            return state
        if isinstance(at.value(task, state), Other):
            return state
        adopted = state.change(followed=True, pending=(Pending(BELOW),))
        if isinstance(task, Var):
            adopted = at.i.memory.store(task, Instance(self.objects.task), adopted)
        return adopted

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
        """Code outside of stages goes on to other requests when one is queued."""
        p = state.property
        queued = p.queue or any(one.queue not in {"", "none"} for one in p.pending)
        if queued and not self.stages.takes_task(at.i.context.stage):
            return state.change(aside=True)
        return state

    # -- stages ------------------------------------------------------------------------------

    def _queue_stage(
        self, at: Occurrence, kind: QueueStage, task: Expr | None, stage: Expr | None, state: State
    ) -> list[State]:
        stages = self._stages_of(at, stage, state)
        evidence = at.evidence()
        for name in stages:
            at.i.findings.push(at.source, name, evidence)
        queue = self._default_queue(kind)
        if queue is not QueueKind.NONE:
            at.i.findings.put(at.source, queue.value, evidence)
        one = self._as_followed(at, task, state)
        if self._is_other(at, task, one) or not stages:
            return [one]
        return [self._leave(at, self._push(kind, name, at.source, one)) for name in stages]

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

    def _push(self, kind: QueueStage, stage: str, source: str, state: State) -> State:
        queue = self._default_queue(kind)
        pending = state.property.pending
        if self.annotations.dispatch.discipline == "lifo":
            depth = self.annotations.dispatch.depth
            pending = (*pending, Pending(stage, "", source))[-depth:]
            if queue is QueueKind.NONE:
                return state.change(pending=pending, by=source)
            return state.change(pending=pending, queue=queue.value, by=source)
        new = Pending(stage, queue.value, source)
        if kind.store:  # a field holds one stage: the last one counts
            pending = tuple(p for p in pending if p.stage == BELOW)
        elif queue is not QueueKind.WORK:
            pending = tuple(p for p in pending if p.queue != queue.value)
        if new not in pending:
            pending = (*pending, new)
        return state.change(pending=pending, by=source)

    def _requeue(
        self, at: Occurrence, kind: Requeue, task: Expr | None, state: State
    ) -> list[State]:
        at.i.findings.put(at.source, kind.queue.value, at.evidence())
        one = self._as_followed(at, task, state)
        if self._is_other(at, task, one):
            return [one]
        pending = tuple(
            Pending(p.stage, kind.queue.value, p.pusher) if p.queue == "none" else p
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
        at.i.findings.put(at.i.context.stage, "direct", at.evidence())
        return state.change(queue="direct", by=at.i.context.stage)

    def _direct(self, at: Occurrence, state: State) -> Results:
        """A stage function is called: what it does is its own."""
        stage = self.stages.functions[at.key]
        evidence = [at.evidence()]
        if at.source == EXTERNAL and at.key in self.stages.final:
            return [(None, state)]  # the open-coded implicit flush of a scheduler
        if at.source == EXTERNAL:
            at.i.findings.edge(EXTERNAL, stage, EdgeKind.EXTERNAL, evidence)
            self.started.append((stage, self._task_state(at, state)))
            return [(None, state)]
        at.i.findings.edge(at.source, stage, EdgeKind.DIRECT, evidence)
        if at.source == stage or at.key not in at.i.program.routines:
            return at.enter(state)
        at.i.findings.note_live(stage, state.property.live)
        chain = at.i.context.calls
        if sum(1 for key, _ in chain if key == at.key) > 1:
            return [(None, state)]
        arguments = tuple(at.value(a, state) for a in at.call.arguments)
        with at.i.as_stage(stage, [*chain, (at.routine.key, at.step)]):
            return at.i.run(at.key, arguments, state)

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
        else:
            keys = self.stages.fitting(at.call.signature, len(at.call.arguments))
            reason = "nothing is known to be stored where the pointer comes from"
            at.unresolved("indirect call", reason, [at.i.program.show(k) for k in keys])
        results: Results = [(None, state)]
        for key in keys:
            inner = Occurrence(at.i, at.routine, at.step, at.call, key)
            found = self.at_call(inner, state)
            results += found if found is not None else inner.enter(state)
        return results

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
                with at.i.as_stage(
                    at.i.context.stage, [*at.i.context.calls, (at.routine.key, at.step)]
                ):
                    found = at.i.run(callback, _UNKNOWN_ARGUMENTS, state)
                results += [(None, s) for _, s in found]
        return results


def _pointer_to_request(place: Expr) -> Expr | None:
    """The pointer to the request in ``conn->stage``."""
    while not isinstance(place, Deref):
        inner = getattr(place, "base", None)
        if inner is None:
            return None
        place = inner
    return place.pointer
