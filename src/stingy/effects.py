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
from stingy.constructs import Clear, Constructs, Kind, plain
from stingy.findings import SiteUse
from stingy.interpreter import Interpreter, Results, escape
from stingy.objects import Objects
from stingy.places import node_name
from stingy.program import Assign, Call, Const, Deref, Expr, Func, Routine, Var
from stingy.results import EXTERNAL, EdgeKind, WarningKind
from stingy.stages import Stages
from stingy.states import BELOW, Pending, Property, State
from stingy.values import OTHER, Function, Instance, Other, Reference, Signs, Value

_THREADS = ("thread", "kthread")


@dataclass(slots=True)
class Effects:
    """Gives calls and stores their meaning, for an interpreter."""

    annotations: Annotations
    constructs: Constructs
    objects: Objects
    stages: Stages
    started: list[tuple[str, State]] = field(default_factory=list)  # stages called from outside

    # -- calls -------------------------------------------------------------------------------

    def at_call(
        self, i: Interpreter, routine: Routine, step: int, call: Call, key: str, state: State
    ) -> Results | None:
        """The results of a call that is a construct or a stage; None for any other call."""
        if key == "":
            return self._unresolved(i, routine, step, call, state)
        kinds = self.constructs.at_call(routine.key, key)
        if kinds:
            return self._apply(i, routine, step, call, key, kinds, state)
        if key in self.stages.functions and not self._is_dispatch(routine.key):
            return self._direct(i, routine, step, call, key, state)
        if key not in i.program.routines:
            return self._outside(i, routine, step, call, key, state)
        return None

    def _is_dispatch(self, routine: str) -> bool:
        return any(isinstance(k, ScheduleStage) for k in self.constructs.calls.get(routine, ()))

    def _apply(
        self,
        i: Interpreter,
        routine: Routine,
        step: int,
        call: Call,
        key: str,
        kinds: list[Kind],
        state: State,
    ) -> Results:
        results: Results = [(None, state)]
        for kind in sorted(kinds, key=lambda k: not isinstance(k, Free)):  # realloc
            after: Results = []
            for value, one in results:
                for new_value, new_state in self._one(i, routine, step, call, key, kind, one):
                    after.append((new_value if new_value is not None else value, new_state))
            results = after
        if any(isinstance(k, Malloc) for k in kinds) and any(isinstance(k, Free) for k in kinds):
            results = [(v, state if v == 0 else s) for v, s in results]
        if self._has_more_to_do(key, kinds):
            inner: Results = []
            for _, one in results:
                inner += i.enter(routine, step, call, key, one)
            return inner
        return results

    def _has_more_to_do(self, key: str, kinds: list[Kind]) -> bool:
        """A function that queues may queue more: its body is followed too."""
        if any(isinstance(k, Malloc | Free | ScheduleStage) for k in kinds):
            return False
        return key in self.stages.queueing

    def _one(
        self,
        i: Interpreter,
        routine: Routine,
        step: int,
        call: Call,
        key: str,
        kind: Kind,
        state: State,
    ) -> Results:
        argument = self._argument(kind, key, call)
        match kind:
            case Malloc():
                return self._malloc(i, routine, step, call, key, kind, state)
            case Free():
                expr = argument("O")
                return [(None, s) for s in self._free(i, routine, step, call, key, expr, state)]
            case QueueStage():
                stages = self._stages_of(i, routine, step, argument("S"), state)
                states = self._queue_stage(i, routine, step, kind, argument("T"), stages, state)
                return [(None, s) for s in states]
            case Requeue():
                return [(None, s) for s in self._requeue(i, routine, step, kind, call, key, state)]
            case Clear():
                return [(None, state.change(pending=()))]
            case Handoff():
                self._record(i, routine, step, call, key, argument("O"), "hand over", state)
                value = i.memory.value(argument("O"), state) if argument("O") else None
                return [
                    (None, escape(state, value.object) if isinstance(value, Instance) else state)
                ]
            case ScheduleStage():
                return [(None, self._schedule(i, routine, step, argument("flag"), state))]
        return [(None, state)]

    def _argument(self, kind: Kind, key: str, call: Call) -> _Arguments:
        return _Arguments(self.constructs, kind, key, call)

    # -- stages ------------------------------------------------------------------------------

    def _stages_of(
        self, i: Interpreter, routine: Routine, step: int, expr: Expr | None, state: State
    ) -> list[str]:
        """The stages that an argument S may be."""
        if expr is None:
            return []
        value = i.memory.value(expr, state)
        if not isinstance(value, Function | int) and i.pointers.is_open(expr):
            spot = getattr(routine.steps[step], "spot", routine.spot)
            i.findings.unresolved.setdefault(
                ("stage", spot),
                (
                    routine.key,
                    getattr(routine.steps[step], "text", ""),
                    "the stage comes from outside of the server",
                    sorted(self.stages.functions),
                ),
            )
        return self.stages.named_by(value, expr, i.pointers)

    def _queue_stage(
        self,
        i: Interpreter,
        routine: Routine,
        step: int,
        kind: QueueStage,
        task: Expr | None,
        stages: list[str],
        state: State,
    ) -> list[State]:
        source = i.context.stage or EXTERNAL
        evidence = i.evidence(routine, step)
        for stage in stages:
            i.findings.push(source, stage, evidence)
        after: list[State] = []
        for one in self._as_followed(i, task, state):
            if not one.property.followed or self._is_other(i, task, one):
                after.append(one)
                continue
            pushed = [self._push(kind, stage, source, one) for stage in stages] or [one]
            after += [self._leave(i, p) for p in pushed]
        queue = self._default_queue(kind)
        if queue is not QueueKind.NONE:
            i.findings.put(source, queue.value, evidence)
        return after

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

    def _as_followed(self, i: Interpreter, task: Expr | None, state: State) -> list[State]:
        """Code outside of stages may work on any request: take it as the one that we follow."""
        if state.property.followed or state.property.ended or task is None:
            return [state]
        value = i.memory.value(task, state)
        if isinstance(value, Other):
            return [state]
        adopted = state.change(followed=True, pending=(Pending(BELOW),))
        if isinstance(task, Var):
            adopted = i.memory.store(task, Instance(self.objects.task), adopted)
        return [adopted]

    def _is_other(self, i: Interpreter, task: Expr | None, state: State) -> bool:
        if task is None:
            return False
        value = i.memory.value(task, state)
        if isinstance(value, Instance | Reference):
            return False
        return isinstance(value, Other) or state.property.aside

    def _requeue(
        self,
        i: Interpreter,
        routine: Routine,
        step: int,
        kind: Requeue,
        call: Call,
        key: str,
        state: State,
    ) -> list[State]:
        source = i.context.stage or EXTERNAL
        i.findings.put(source, kind.queue.value, i.evidence(routine, step))
        task = self._argument(kind, key, call)("T")
        after: list[State] = []
        for one in self._as_followed(i, task, state):
            if not one.property.followed or self._is_other(i, task, one):
                after.append(one)
                continue
            pending = tuple(
                Pending(p.stage, kind.queue.value, p.pusher) if p.queue == "none" else p
                for p in one.property.pending
            )
            changed = one.change(pending=pending, queue=kind.queue.value, by=source)
            after.append(self._leave(i, changed))
        return after

    def _leave(self, i: Interpreter, state: State) -> State:
        """Code outside of stages goes on to other requests when one is queued."""
        p = state.property
        queued = p.queue or any(one.queue not in {"", "none"} for one in p.pending)
        if queued and not self.stages.takes_task(i.context.stage):
            return state.change(aside=True)
        return state

    def _schedule(
        self, i: Interpreter, routine: Routine, step: int, flag: Expr | None, state: State
    ) -> State:
        value = i.memory.value(flag, state) if flag is not None else None
        known = i.findings.flags.setdefault(i.context.thread, set())
        known.add(value if isinstance(value, int) else None)
        if not i.context.stage or not state.property.followed:
            return state
        i.findings.put(i.context.stage, "direct", i.evidence(routine, step))
        return state.change(queue="direct", by=i.context.stage)

    def _direct(
        self, i: Interpreter, routine: Routine, step: int, call: Call, key: str, state: State
    ) -> Results:
        """A stage function is called: what it does is its own."""
        stage = self.stages.functions[key]
        source = i.context.stage or EXTERNAL
        evidence = [i.evidence(routine, step)]
        if source == EXTERNAL:
            i.findings.edge(source, stage, EdgeKind.EXTERNAL, evidence)
            self.started.append((stage, self._task_state(i, key, call, state)))
            return [(None, state)]
        if source == stage:  # a recursion of the stage itself
            i.findings.edge(source, stage, EdgeKind.DIRECT, evidence)
            return i.enter(routine, step, call, key, state)
        i.findings.edge(source, stage, EdgeKind.DIRECT, evidence)
        i.findings.note_live(stage, state.property.live)
        chain = i.context.calls
        with i.as_stage(stage):
            i.context.calls = [c for c in chain if c[0] != routine.key]
            arguments = tuple(i.memory.value(a, state) for a in call.arguments)
            if len(i.context.calls) > 2 * len(self.stages.functions) + 8:
                return [(None, state)]
            i.context.calls = [*chain, (routine.key, step)]
            depth = sum(1 for k, _ in chain if k == key)
            if depth > 1:
                return [(None, state)]
            return self._run_stage(i, key, arguments, state)

    def _run_stage(
        self, i: Interpreter, key: str, arguments: tuple[Value, ...], state: State
    ) -> Results:
        calls = i.context.calls
        results = i.run(key, arguments, state)
        i.context.calls = calls
        return results

    def _task_state(self, i: Interpreter, key: str, call: Call, state: State) -> State:
        """The request that a stage is called with from outside."""
        position = self.stages.task_position(key)
        if position is None or position >= len(call.arguments):
            return State(Property(), {})
        if state.property.ended:  # that was another one
            state = State(Property(), {})
        return self._as_followed(i, call.arguments[position], state)[0]

    # -- objects -----------------------------------------------------------------------------

    def _malloc(
        self,
        i: Interpreter,
        routine: Routine,
        step: int,
        call: Call,
        key: str,
        kind: Malloc,
        state: State,
    ) -> Results:
        spot = call.spot
        node = ("object", spot.file, str(spot.line), str(spot.column), key)
        object_ = self.objects.of_site.get(node)
        if object_ is None:
            return [(None, state)]
        self._note_site(i, routine, step, call, key, "allocate", object_, plain(kind).name, "")
        out = self._argument(kind, key, call)("O")
        results: Results = []
        for value, one in self._instances(i, object_, state):
            if isinstance(value, Instance):
                i.findings.note_live(i.context.stage, one.property.live)
            if out is None:
                results.append((value, one))
                continue
            stored = i.memory.store(Deref(out), value, one)
            if isinstance(value, Instance | Other):
                results.append((0, stored))
            else:
                results.append((Signs(5), one))
        return results

    def _instances(self, i: Interpreter, object_: str, state: State) -> Results:
        """A new instance, or NULL; a new task may be the request that we follow, or not."""
        if state.property.aside:
            return [(OTHER, state), (0, state)]
        if object_ != self.objects.task:
            low, high = state.count(object_)
            more = state.with_count(object_, low + 1, None if high is None else high + 1)
            return [(Instance(object_), more), (0, state)]
        base = (("object", object_, ""),)
        bound = {v.object for v in state.facts.values() if isinstance(v, Instance)}
        facts = {
            p: v
            for p, v in state.facts.items()
            if p[:1] != base and not (isinstance(v, Instance) and v.object == object_)
        }
        old = state.property.followed or state.property.ended
        live = tuple(
            c
            for c in state.property.live
            if c[0] != object_ and (not old or (c[0] in bound and not i.context.stage))
        )
        live = tuple((o, 1, 1) if o in bound else (o, low, high) for o, low, high in live)
        fresh = State(state.property, facts).change(
            live=live, pending=(), queue="", by="", followed=True, ended=False, escaped=frozenset()
        )
        results: Results = [(Instance(object_), fresh.with_count(object_, 1, 1)), (0, state)]
        if state.property.followed and not state.property.ended:
            outside = not self.stages.takes_task(i.context.stage)
            results.append((OTHER, state.change(aside=True) if outside else state))
        return results

    def _free(
        self,
        i: Interpreter,
        routine: Routine,
        step: int,
        call: Call,
        key: str,
        expr: Expr | None,
        state: State,
    ) -> list[State]:
        if expr is None:
            named = [k.id for k in self.objects.kinds.values() if k.type == self._released(key, i)]
            for object_ in named:
                self._note_free(i, routine, step, call, key, object_, "")
            return [self._release(o, state, strong=True) for o in named] or [state]
        value = i.memory.value(expr, state)
        if value == 0 or isinstance(value, Other):
            return [state]
        holder = node_name(expr)
        if isinstance(value, Reference) and value.place[0][0] == "object":
            value = Instance(value.place[0][1])
        if isinstance(value, Instance):
            self._note_free(i, routine, step, call, key, value.object, holder)
            return [self._free_known(i, call, value.object, state)]
        if state.property.aside:
            return [state]
        candidates = self.objects.candidates(i.pointers, expr)
        for object_ in candidates:
            self._note_free(i, routine, step, call, key, object_, holder)
        return self._free_unknown(candidates, state)

    def _released(self, key: str, i: Interpreter) -> str:
        names = [k.releases for k in self.constructs.calls.get(key, ()) if isinstance(k, Free)]
        return i.program.record_of(names[0]) if names and names[0] else ""

    def _free_known(self, i: Interpreter, call: Call, object_: str, state: State) -> State:
        if state.count(object_)[1] == 0:
            if object_ not in state.property.escaped:
                where = f" in stage {i.context.stage}" if i.context.stage else ""
                i.findings.warn(
                    WarningKind.DOUBLE_FREE,
                    call.spot,
                    f"{object_} may be released a second time here{where}",
                    "set the pointer to NULL where it is released first",
                )
            return state
        return self._release(object_, state, strong=True)

    def _free_unknown(self, candidates: list[str], state: State) -> list[State]:
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
        facts = {p: v for p, v in after.facts.items() if p[:1] != base}
        after = State(after.property, facts)
        if object_ == self.objects.task:
            after = after.change(followed=False, ended=True, pending=(), queue="", by="")
        return after

    def _record(
        self,
        i: Interpreter,
        routine: Routine,
        step: int,
        call: Call,
        key: str,
        expr: Expr | None,
        action: str,
        state: State,
    ) -> None:
        if expr is None:
            return
        value = i.memory.value(expr, state)
        found = [value.object] if isinstance(value, Instance) else []
        for object_ in found or self.objects.candidates(i.pointers, expr):
            self._note_site(i, routine, step, call, key, action, object_, key, node_name(expr))

    def _note_free(
        self,
        i: Interpreter,
        routine: Routine,
        step: int,
        call: Call,
        key: str,
        object_: str,
        holder: str,
    ) -> None:
        kinds = [k for k in self.constructs.calls.get(key, ()) if isinstance(k, Free)]
        matches = plain(kinds[0]).name if kinds else key
        self._note_site(i, routine, step, call, key, "free", object_, matches, holder)

    def _note_site(
        self,
        i: Interpreter,
        routine: Routine,
        step: int,
        call: Call,
        key: str,
        action: str,
        object_: str,
        matches: str,
        holder: str,
    ) -> None:
        use = i.findings.sites.get((action, object_, call.spot))
        if use is None:
            use = SiteUse(
                action,
                object_,
                call.spot,
                routine.key,
                matches,
                i.program.show(key),
                call.text,
                holder,
                i.graph(i.program.routines[routine.key]).guard(step),
            )
            i.findings.sites[action, object_, call.spot] = use
        if i.context.stage:
            use.stages.add(i.context.stage)

    # -- the rest ----------------------------------------------------------------------------

    def at_store(
        self, i: Interpreter, routine: Routine, step: int, assign: Assign, state: State
    ) -> list[State]:
        """The states after a store that is a construct; the store itself comes later."""
        states = [state]
        for kind in self.constructs.at_store(routine.key, assign.place):
            task = self._base_of(assign.place)
            match kind:
                case QueueStage():
                    value = i.memory.value(assign.value, state)
                    stages = self.stages.named_by(value, assign.value, i.pointers)
                    states = [
                        after
                        for one in states
                        for after in self._queue_stage(i, routine, step, kind, task, stages, one)
                    ]
                case Free():
                    states = [
                        after
                        for one in states
                        for after in self._free_store(i, routine, step, kind, assign, one)
                    ]
                case Clear() if assign.value == Const(0):
                    states = [
                        one if self._is_other(i, task, one) else one.change(pending=())
                        for before in states
                        for one in self._as_followed(i, task, before)
                    ]
        return states

    def _free_store(
        self,
        i: Interpreter,
        routine: Routine,
        step: int,
        kind: Free,
        assign: Assign,
        state: State,
    ) -> list[State]:
        """An open-coded release: the object is put on a free list."""
        nowhere = Var("", routine.key)
        call = Call(nowhere, (), nowhere, "", assign.spot, kind.name, "")
        value = i.memory.value(assign.value, state)
        if isinstance(value, Instance):
            self._note_site(
                i, routine, step, call, "", "free", value.object, kind.name, node_name(assign.value)
            )
            return [self._free_known(i, call, value.object, state)]
        type_ = i.program.record_of(kind.releases) if kind.releases else ""
        found = [k.id for k in self.objects.kinds.values() if k.type == type_]
        found = found or self.objects.candidates(i.pointers, assign.value)
        for object_ in found:
            self._note_site(
                i, routine, step, call, "", "free", object_, kind.name, node_name(assign.value)
            )
        return self._free_unknown(found, state)

    def _base_of(self, place: Expr) -> Expr | None:
        """The pointer to the request in ``conn->stage``."""
        while not isinstance(place, Deref):
            inner = getattr(place, "base", None)
            if inner is None:
                return None
            place = inner
        return place.pointer

    def _unresolved(
        self, i: Interpreter, routine: Routine, step: int, call: Call, state: State
    ) -> Results:
        """An indirect call of which nothing is known: every function that fits is called."""
        note = self.stages.note_for(routine.key, call.callee_text)
        if note is not None:
            keys = [k for t in note.targets for k in i.program.find(t)]
            reason = ""
        else:
            keys = self.stages.fitting(call.signature, len(call.arguments))
            reason = "nothing is known to be stored where the pointer comes from"
        if reason:
            shown = [i.program.show(k) for k in keys]
            i.findings.unresolved.setdefault(
                ("indirect call", call.spot), (routine.key, call.text, reason, shown)
            )
        results: Results = [(None, state)]
        for key in keys:
            found = self.at_call(i, routine, step, call, key, state)
            results += found if found is not None else i.enter(routine, step, call, key, state)
        return results

    def _outside(
        self, i: Interpreter, routine: Routine, step: int, call: Call, key: str, state: State
    ) -> Results | None:
        """Functions outside of the server may call what they are given."""
        callbacks = [a.key for a in call.arguments if isinstance(a, Func)]
        callbacks = [k for k in callbacks if k in self.stages.relevant]
        if not callbacks:
            return None
        i.findings.unresolved.setdefault(
            ("external callback", call.spot),
            (routine.key, call.text, f"{key} may call it at any time", callbacks),
        )
        if any(word in key for word in _THREADS):
            for argument in call.arguments:
                value = i.memory.value(argument, state)
                if isinstance(value, Instance):
                    state = escape(state, value.object)
                    self._record(i, routine, step, call, key, argument, "hand over", state)
            return [(None, state)]
        results: Results = [(None, state)]
        for callback in callbacks:
            if callback not in self.stages.functions:
                unknown: tuple[Value, ...] = (None,) * 8
                i.context.calls.append((routine.key, step))
                results += [(None, s) for _, s in i.run(callback, unknown, state)]
                i.context.calls.pop()
        return results


@dataclass(slots=True)
class _Arguments:
    """The argument of a call that has a role."""

    constructs: Constructs
    kind: Kind
    key: str
    call: Call

    def __call__(self, role: Role) -> Expr | None:
        position = self.constructs.position(self.kind, self.key, role)
        if position is None or position >= len(self.call.arguments):
            return None
        return self.call.arguments[position]
