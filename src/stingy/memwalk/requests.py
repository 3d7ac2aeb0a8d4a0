# SPDX-License-Identifier: MIT
"""A request's life: from stage to stage until no new state is found.

The stage graph's edges, and what is live at each stage, come out of this walk.
"""

# DEVIATIONS.md: [other requests]

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from stingy.flow.values import AccessPath, Instance, Value
from stingy.memwalk.absences import Absences
from stingy.memwalk.effects import Effects
from stingy.memwalk.findings import SiteUse
from stingy.memwalk.interpreter import Interpreter
from stingy.memwalk.merging import Point
from stingy.memwalk.stacks import Stacks, rest_of
from stingy.memwalk.states import BELOW, NOWHERE, REST, Counts, Pending, Property, State
from stingy.model.annotations import QueueKind
from stingy.model.results import EXTERNAL, EdgeKind, Evidence, Location, WarningKind

MAX_ENTRIES = 160  # states at the start of one stage; then they are merged
MAX_RESTS = 2000  # states in which a request waits; the same
_KIND = {
    "work": EdgeKind.QUEUE,
    "helper": EdgeKind.HELPER,
    "socket": EdgeKind.SOCKET,
    "timer": EdgeKind.TIMER,
    "direct": EdgeKind.DIRECT,
    "none": EdgeKind.EXTERNAL,
    "": EdgeKind.EXTERNAL,
}


@dataclass(frozen=True, slots=True)
class StageEntry:
    """A stage about to run."""

    stage: str
    thread: str
    flag: int | None


@dataclass(frozen=True, slots=True)
class Push:
    """What code outside of stages does to a request that waits.

    It does so to requests of which ``given`` is true; afterwards ``facts`` are.
    """

    keeps: bool  # the stages that the request has pending
    pending: tuple[Pending, ...]
    queue: str
    given: frozenset[tuple[AccessPath, int]] = frozenset()
    facts: frozenset[tuple[AccessPath, Value]] = frozenset()

    def fits(self, state: State) -> bool:
        """Whether what the code outside knows of the request can be true of this one."""
        return all(
            not isinstance(known := state.get(place), int) or known == value
            for place, value in self.given
        )


@dataclass(slots=True)
class Walk:
    """Walks all requests through all stages."""

    interpreter: Interpreter
    effects: Effects
    absences: Absences
    stacks: Stacks | None  # None for discipline queue
    final: str
    entries: dict[StageEntry, Point] = field(default_factory=dict)
    waiting: deque[tuple[StageEntry, State]] = field(default_factory=deque)
    rests: Point = field(init=False)
    pushes: set[Push] = field(default_factory=set)
    called: set[str] = field(default_factory=set)  # stages called from outside on any request
    done: set[tuple[object, object]] = field(default_factory=set)
    unrolled: set[object] = field(default_factory=set)  # pops of stacks that were cut
    outs: dict[str, set[Counts]] = field(default_factory=dict)  # live at the end of a stage

    def __post_init__(self) -> None:
        self.rests = Point(self.interpreter.merger)

    def run(self) -> None:
        """Walk until nothing new is found."""
        self._run_roots()
        self._start_entries()
        self._drain()
        self._run_unreached()
        self._add_forgotten()

    # -- where requests come from ------------------------------------------------------------

    def _run_roots(self) -> None:
        schedulers = self.effects.annotations.constructs.scheduler
        threads = {k: s.thread for s in schedulers for k in self._find(s.function)}
        roots = self.effects.stages.roots
        for key in sorted(roots, key=lambda k: (k not in threads, k)):
            self._run_root(key, threads.get(key, "event"))

    def _find(self, name: str) -> list[str]:
        return self.interpreter.program.find(name)

    def _run_root(self, key: str, thread: str) -> None:
        context = self.interpreter.context
        context.stage, context.thread, context.calls = "", thread, []
        empty = State(Property(), {})
        count = len(self.interpreter.program.routines[key].parameters)
        results = self.interpreter.run(key, (None,) * count, empty)
        self.take(results=[s for _, s in results])

    def take(self, results: list[State]) -> None:
        """Take over what code outside of stages left: new requests, pushes on others."""
        for state in results:
            if not state.property.followed:
                continue
            if self._is_adopted(state):
                self._adopt(state)
            else:
                self._next(EXTERNAL, state)
        left, self.effects.left = self.effects.left, []
        if left:
            self.take(left)
        started, self.effects.started = self.effects.started, []
        for stage, state in started:
            if state.property.followed and self._is_adopted(state):
                self.called.add(stage)
                if not self._is_heap():
                    self._enter(stage, "", state)
            else:
                self._enter(stage, "", state)

    def _is_heap(self) -> bool:
        return self.effects.objects.task in self.effects.objects.kinds

    def _is_adopted(self, state: State) -> bool:
        return state.count(self.effects.objects.task)[1] == 0

    def _adopt(self, state: State) -> None:
        pending = state.property.pending
        own = tuple(p for p in pending if p.stage != BELOW)
        keeps = len(own) < len(pending) or any(p.stage == REST for p in own)
        if own or not keeps:
            given = state.property.given
            task = ("object", self.effects.objects.task, "")
            facts = {(p, v) for p, v in state.facts.items() if p[0] == task} if given else set()
            self.pushes.add(Push(keeps, own, state.property.queue, given, frozenset(facts)))
        if own and not self._is_heap():
            fresh = State(replace(state.property, pending=own), state.facts)
            self._next(EXTERNAL, fresh)

    def _start_entries(self) -> None:
        stages = self.effects.stages
        for note in self.effects.annotations.stages:
            for key in self._find(note.function):
                name = stages.functions.get(key)
                if not note.entry or name is None:
                    continue
                evidence = self._whereabouts(key)
                known = any(s == EXTERNAL and t == name for s, t, _ in self._edges())
                if not known:
                    self._edge(EXTERNAL, name, EdgeKind.EXTERNAL, [evidence])
                self._enter(name, "", self._newborn(key))

    def _edges(self) -> list[tuple[str, str, EdgeKind]]:
        return list(self.interpreter.findings.edges)

    def _newborn(self, key: str) -> State:
        """The state at the start of an entry stage."""
        if self.effects.stages.task_position(key) is None:
            return State(Property(), {})
        state = State(Property(followed=True), {})
        return state.with_count(self.effects.objects.task, 1, 1) if self._is_heap() else state

    def _whereabouts(self, key: str) -> Evidence:
        spot = self.interpreter.program.routines[key].spot
        name = self.interpreter.program.show(key)
        return Evidence(
            location=Location(file=spot.file, line=spot.line, column=spot.column),
            function=name,
            via=[],
            guard="",
        )

    # -- stages ------------------------------------------------------------------------------

    def _enter(self, stage: str, queue: str, state: State) -> None:
        """A stage is about to run with this state: note it if that is new."""
        thread = "helper" if queue == QueueKind.HELPER else "event"
        flags = self.interpreter.findings.flags.get(thread) or {None}
        if not self.effects.stages.has_body(stage):
            return
        small = self._at_rest(state)
        if not self.interpreter.blurred:
            small = self.absences.complete(small)
        for flag in sorted(flags, key=lambda f: (f is None, f)):
            self._enter_with(StageEntry(stage, thread, flag), small)

    def _enter_with(self, entry: StageEntry, state: State) -> None:
        point = self.entries.setdefault(entry, Point(self.interpreter.merger))
        limit = self.interpreter.limit_of(entry.stage, MAX_ENTRIES)
        for new in point.add([state], limit):
            self.waiting.append((entry, new))
        self.interpreter.blurred |= bool(point.groups)

    def _at_rest(self, state: State) -> State:
        """Between stages only what is known of the request's own objects holds."""
        live = {c[0] for c in state.property.live} | {self.effects.objects.task}
        facts = {p: v for p, v in state.facts.items() if p[0][0] == "object" and p[0][1] in live}
        pending = state.property.pending
        if self.stacks is not None:
            pending = tuple(Pending(p.stage, p.queue) for p in pending)
        kept = replace(
            state.property, pending=pending, queue="", by="", aside=False, given=frozenset()
        )
        return State(kept, facts)

    def _drain(self) -> None:
        while self.waiting:
            while self.waiting:
                entry, state = self.waiting.popleft()
                self._run_stage(entry, state)
            self._apply_pushes()

    def _run_stage(self, entry: StageEntry, state: State) -> None:
        stages = self.effects.stages
        key = stages.key_of(entry.stage)
        task, flag = stages.parameters(key)
        count = len(self.interpreter.program.routines[key].parameters)
        arguments: list[Instance | int | None] = [None] * count
        if task is not None and task < count:
            arguments[task] = Instance(self.effects.objects.task)
            state = state.change(followed=True)
        if flag is not None and flag < count:
            arguments[flag] = entry.flag
        context = self.interpreter.context
        context.stage, context.thread, context.calls = entry.stage, entry.thread, []
        self.interpreter.findings.note_live(entry.stage, state.property.live)
        for _, after in self.interpreter.run(key, tuple(arguments), state):
            if task is not None or not after.property.followed or not self._is_adopted(after):
                self._next(entry.stage, after)
            else:
                self._adopt(after)
        context.stage = ""

    def _next(self, stage: str, state: State) -> None:
        """A stage has run (or code outside): what may run next?"""
        p = state.property
        self.outs.setdefault(stage, set()).add(p.live)
        if p.ended or not p.followed:
            self._check_leaks(stage, state)
            return
        self._add_rest(state)
        if self.stacks is not None:
            self._next_of_stack(stage, state)
        else:
            self._next_of_queue(stage, state)

    def _add_rest(self, state: State) -> None:
        """A request waits in this state: code outside of stages may find it so."""
        queue = state.property.queue
        at_rest = self._at_rest(state)
        self.rests.add([State(replace(at_rest.property, queue=queue), at_rest.facts)], MAX_RESTS)

    def _next_of_stack(self, stage: str, state: State) -> None:
        p = state.property
        by = p.by or stage
        if not p.pending:
            if not p.queue and stage == self.final:
                self._check_leaks(stage, state)
            if p.queue and self.final:
                kind = EdgeKind.FLUSH if p.queue == "work" else _KIND[p.queue]
                self._edge(by, self.final, kind, self._queued(by, p.queue))
                self._enter(self.final, p.queue, state)
            return
        top = p.pending[-1]
        rest = state.change(pending=p.pending[:-1])
        kind = _KIND[p.queue]
        source = top.pusher or by
        evidence = self._pushed(source, top.stage)
        if not top.pusher or kind not in {EdgeKind.QUEUE, EdgeKind.EXTERNAL}:
            evidence = self._queued(by, p.queue) or evidence
        if kind is EdgeKind.QUEUE and not top.pusher:
            kind = EdgeKind.STACK
        self._edge(source, top.stage, kind, evidence)
        if p.pending[:-1] == (Pending(REST),):
            self._unroll(top.stage, p.queue, rest)
        else:
            self._enter(top.stage, p.queue, rest)

    def _unroll(self, stage: str, queue: str, state: State) -> None:
        """The top of a stack that was cut runs: anything that was seen below it may be next."""
        assert self.stacks is not None
        question = (stage, queue, self._at_rest(state).whole())
        if question in self.unrolled:
            return
        self.unrolled.add(question)

        def enter(lower: str) -> None:
            if lower != BELOW:
                self._enter(stage, queue, state.change(pending=rest_of(lower)))

        self.stacks.follow(stage, enter)

    def _next_of_queue(self, stage: str, state: State) -> None:
        p = state.property
        idle = not any(one.sure for one in p.pending)
        if idle and not self._stay(stage, state) and not self.pushes:
            self._check_leaks(stage, state)  # nobody has it any more
        pending = [one for one in p.pending if one.stage != NOWHERE]
        work = [one for one in pending if one.queue in {"work", "helper"}]
        first = next((one for one in work if one.sure), None)
        merged = not all(one.sure for one in pending)
        staying = tuple(replace(one, pusher="") for one in pending if one.stays)
        for one in pending:
            if one.stage == BELOW:
                continue  # what else a request from elsewhere has pending: its own states say it
            if one.queue == "work" and one is not first and not merged:
                continue
            source = one.pusher or stage
            queue = p.queue if one.queue == "none" else one.queue
            evidence = self._pushed(source, one.stage) or self._queued(source, queue)
            if one.pusher or not one.stays:
                self._edge(source, one.stage, _KIND[queue], evidence)
            left = tuple(w for w in work if w is not one and not w.stays)
            self._enter(one.stage, queue, state.change(pending=(*left, *staying)))

    def _stay(self, stage: str, state: State) -> bool:
        """Where a field holds the stage, it stays the same until it is set again."""
        kinds = self.effects.annotations.constructs.queue_stage
        stores = [q for q in kinds if q.store and not q.stays]
        if not stores or stage == EXTERNAL or not self.effects.stages.takes_task(stage):
            return False
        queue = (stores[0].queue or QueueKind.WORK).value
        key = self.effects.stages.key_of(stage)
        self._edge(stage, stage, _KIND[queue], [self._whereabouts(key)])
        self._enter(stage, queue, state)
        return True

    def _pushed(self, source: str, target: str) -> list[Evidence]:
        return list(self.interpreter.findings.pushes.get((source, target), {}).values())

    def _queued(self, source: str, queue: str) -> list[Evidence]:
        return list(self.interpreter.findings.queues.get((source, queue), {}).values())

    def _edge(self, source: str, target: str, kind: EdgeKind, evidence: list[Evidence]) -> None:
        if source == EXTERNAL:
            kind = EdgeKind.EXTERNAL
        self.interpreter.findings.edge(source, target, kind, evidence)

    def _check_leaks(self, stage: str, state: State) -> None:
        findings = self.interpreter.findings
        if stage == EXTERNAL or not (state.property.ended or state.property.followed):
            return
        for object_, low, _ in state.property.live:
            if low == 0 or object_ in state.property.escaped:
                continue
            if object_ == self.effects.objects.task:
                continue
            uses = [u for u in findings.sites.values() if u.object == object_]
            if any(self._in_loop(u) for u in uses):
                continue  # several of them, in a container: which are left is not known
            for use in uses:
                if use.action == "allocate":
                    findings.warn(
                        WarningKind.LEAK,
                        use.spot,
                        f"{object_} may still be live when the request ends in stage {stage}",
                        "release it on that path, or name in [[handoff]] what takes it over",
                    )

    def _in_loop(self, use: SiteUse) -> bool:
        routine = self.interpreter.program.routines[use.routine]
        return any(
            self.interpreter.graph(routine).is_in_loop(number)
            for number, step in enumerate(routine.steps)
            if getattr(step, "spot", None) == use.spot
        )

    # -- from outside, and what is left ------------------------------------------------------

    def _apply_pushes(self) -> None:
        polite = {
            self.effects.stages.functions.get(key)
            for note in self.effects.annotations.stages
            if note.waiting
            for key in self._find(note.function)
        }
        pushes = sorted(self.pushes, key=repr)
        for rest in list(self.rests.states()):
            rest_key = rest.key() if not self.rests.groups else rest.whole()
            for push in pushes:
                if (rest_key, push) in self.done or not push.fits(rest):
                    continue
                if _is_runnable(rest) and any(p.stage in polite for p in push.pending):
                    continue
                self.done.add((rest_key, push))
                self._push_on(rest, push)
            for stage in sorted(self.called):
                if (rest_key, stage) not in self.done:
                    self.done.add((rest_key, stage))
                    self._enter(stage, "", rest)

    def _push_on(self, rest: State, push: Push) -> None:
        below = rest.property.pending if push.keeps else ()
        below = tuple(p for p in below if p.stage != NOWHERE)
        if self.stacks is not None:
            below = tuple(Pending(p.stage, p.queue) for p in below)
            pending = self.stacks.join(push.pending, below)
        else:
            replaced = {p.queue for p in push.pending if not p.stays} - {"work"}
            below = tuple(p for p in below if p.stays or p.queue not in replaced)
            there = {(p.stage, p.queue) for p in below}
            pending = (*below, *(p for p in push.pending if (p.stage, p.queue) not in there))
        queue = push.queue or rest.property.queue
        changed = State(rest.property, {**rest.facts, **dict(push.facts)}).change(
            pending=pending, queue=queue, by=EXTERNAL
        )
        if push.pending:
            self._next(EXTERNAL, changed)

    def _run_unreached(self) -> None:
        """What no request was seen to reach is looked at with nothing known."""
        stages = self.effects.stages
        program = self.interpreter.program
        for key in sorted(stages.relevant):
            if key in self.interpreter.findings.visited or key in stages.functions:
                continue
            if key in program.routines and not self.effects.constructs.has_own_effect(key):
                self._run_root(key, "event")
                self._drain()
        for key, name in sorted(stages.functions.items()):
            if key in self.interpreter.findings.visited or key not in program.routines:
                continue
            self.interpreter.findings.warn(
                WarningKind.SOURCE,
                program.routines[key].spot,
                f"no request was seen to reach stage {name}",
                "mark it `entry = true` in [[stages]] if it is started from outside",
            )
            if key in self.effects.stages.noted or not self.entries:
                self._enter(name, "", self._newborn(key))
                self._drain()

    def _add_forgotten(self) -> None:
        """A stage that is queued somewhere has at least the edge of who queues it."""
        reached = {target for _, target, _ in self._edges()}
        for (source, target), evidence in sorted(self.interpreter.findings.pushes.items()):
            if target not in reached:
                self._edge(source, target, EdgeKind.QUEUE, list(evidence.values()))


def _is_runnable(rest: State) -> bool:
    p = rest.property
    return bool({p.queue, *(one.queue for one in p.pending)} & {"work", "helper"})
