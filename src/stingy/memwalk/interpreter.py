# SPDX-License-Identifier: MIT
"""Follow one request through the code, path by path.

Calls are followed into their bodies with what is known of their arguments; equal questions are
answered once (``summaries``).  Paths are merged where they are too many (``merging``), and
wherever they meet once the budget of a stage is spent: so the walk always ends.  What happens at
constructs is in ``effects``.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from stingy.flow.flowgraph import FlowGraph
from stingy.flow.footprints import Footprints
from stingy.flow.pointers import Pointers
from stingy.flow.values import AccessPath, Function, Value, held_object
from stingy.lower.linking import Program
from stingy.memwalk.choices import RESULT
from stingy.memwalk.findings import Event, Findings, locate
from stingy.memwalk.memory import Memory, node_name
from stingy.memwalk.merging import Merger, Point, describe_difference
from stingy.memwalk.outside import after_outside, record_type
from stingy.memwalk.splitting import Splitter
from stingy.memwalk.states import Counts, Property, State
from stingy.memwalk.summaries import Results, Summaries
from stingy.memwalk.tabulation import Tabulation
from stingy.model.program import (
    Assign,
    Assume,
    Call,
    Const,
    Expr,
    Func,
    Return,
    Routine,
    Spot,
    Step,
    Var,
)
from stingy.model.results import EXTERNAL, Evidence, WarningKind

MAX_STATES = 96  # at one step; then paths are merged
MAX_CONTEXTS = 400  # states that a function is called with in one stage; then these are merged
MAX_RECURSION = 3
MAX_CALLS = 60  # a call in so many others is followed with those of all its callers
BUDGET_STEPS = 160_000  # of all stages together; then paths are merged wherever they meet
STAGES_IN_BUDGET = 4  # a single stage may take one part in so many
_WATCHED_STEPS = 2048


@dataclass(slots=True)
class Context:
    """Where we are: the stage that runs, the thread, and the calls that led here."""

    stage: str = ""
    thread: str = "event"
    calls: list[tuple[str, int]] = field(default_factory=list)  # routine, step of the call


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A call (or a store) that the interpreter has come to."""

    i: Interpreter
    routine: Routine
    step: int
    call: Call
    key: str  # of the function that is called

    @property
    def source(self) -> str:
        """The stage that runs, or EXTERNAL."""
        return self.i.context.stage or EXTERNAL

    def happens(self, event: Event) -> None:
        """Note what the stage that runs does here."""
        self.i.happens(event, self.routine, self.step)

    def value(self, expr: Expr, state: State) -> Value:
        """What is known of an expression."""
        return self.i.memory.value(expr, state)

    def enter(self, state: State) -> Results:
        """Call the function as any other."""
        return self.i.enter(self, state)

    def unresolved(self, kind: str, reason: str, candidates: list[str]) -> None:
        """Note that this could not be resolved."""
        known = self.i.findings.unresolved
        known.setdefault(
            (kind, self.call.spot), (self.routine.key, self.call.text, reason, candidates)
        )


@dataclass(slots=True)
class Interpreter:
    """Runs routines on states.  ``at_...`` give constructs their meaning."""

    program: Program
    pointers: Pointers
    memory: Memory
    findings: Findings
    at_call: Callable[[Occurrence, State], Results | None]
    at_store: Callable[[Occurrence, Assign, State], list[State]]
    at_test: Callable[[Interpreter, Expr, State], State]
    relevant: set[str]
    footprints: Footprints
    merger: Merger
    splitter: Splitter
    budget: int = BUDGET_STEPS  # steps until paths are merged wherever they meet
    watch: Callable[[], None] = lambda: None  # called now and then
    context: Context = field(default_factory=Context)
    steps: int = 0
    followed: int = 0  # of these, the steps of single paths
    blurred: bool = False  # paths were merged so that pointers got lost
    _spent: dict[str, int] = field(default_factory=dict)
    _noted: set[object] = field(default_factory=set)  # where precision was given up
    _graphs: dict[str, FlowGraph] = field(default_factory=dict)
    _summaries: Summaries = field(default_factory=Summaries)
    _contexts: dict[object, Point] = field(default_factory=dict)
    _table: Tabulation = field(init=False)

    def __post_init__(self) -> None:
        self._table = Tabulation(self, self.splitter, self.merger)

    def graph(self, routine: Routine) -> FlowGraph:
        """The flow graph of a routine."""
        if routine.key not in self._graphs:
            self._graphs[routine.key] = FlowGraph(routine)
        return self._graphs[routine.key]

    @property
    def is_spent(self) -> bool:
        """Whether the stage that runs has had its share of the budget."""
        return self._table.is_active or self._has_spent(self.context.stage)

    def _has_spent(self, stage: str) -> bool:
        share = self.budget // STAGES_IN_BUDGET
        return self.followed >= self.budget or self._spent.get(stage, 0) >= share

    def limit(self, limit: int) -> int:
        """How many states are kept apart where ``limit`` are while there is budget."""
        return 0 if self.is_spent else limit

    def limit_of(self, stage: str, limit: int) -> int:
        """The same for the states in which a stage begins."""
        return 0 if self._has_spent(stage) else limit

    def count_step(self) -> None:
        """One more step was made.

        Steps on merged states are few: they take nothing from the budget of the stages to come.
        """
        stage = self.context.stage
        self.steps += 1
        if not self.steps % _WATCHED_STEPS:
            self.watch()
        if self._table.is_active:
            return
        self.followed += 1
        self._spent[stage] = self._spent.get(stage, 0) + 1
        if stage not in self._noted and self._has_spent(stage):
            self._noted.add(stage)
            self._note_spent(stage)

    def _note_spent(self, stage: str) -> None:
        """Say that precision is given up in a stage, and where its time went."""
        self.blurred = True
        key = self.context.calls[-1][0] if self.context.calls else ""
        routine = self.program.routines.get(key)
        whose = f"stage {stage}" if stage else "code outside of stages"
        self.findings.warn(
            WarningKind.MERGED,
            routine.spot if routine else Spot("", 0),
            f"{whose} has more paths than the budget can follow: after {self._spent[stage]:,} "
            f"steps they are merged, bounds may be too high",
            "give a larger --budget, or name in [requests] ignore what does not matter",
        )

    @contextmanager
    def as_stage(self, stage: str, calls: list[tuple[str, int]]) -> Iterator[None]:
        """What happens inside belongs to a stage, and was reached through these calls."""
        before = self.context.stage, self.context.calls
        self.context.stage, self.context.calls = stage, calls
        yield
        self.context.stage, self.context.calls = before

    def happens(self, event: Event, routine: Routine, step: int) -> None:
        """Note what the stage that runs does at a step."""
        if self._table.is_active:
            self._table.record(event, routine.key, step)
        else:
            calls = self.context.calls
            self.findings.note(
                event, self.context.stage, lambda: self.evidence(routine, step, calls)
            )

    def note_live(self, stage: str, counts: Counts) -> None:
        """These objects are live together at some point of a stage."""
        self._table.note_live(stage, counts)

    def evidence(self, routine: Routine, step: int, calls: list[tuple[str, int]]) -> Evidence:
        """A step, how we came there through calls, and under which conditions."""
        one = self.program.routines[routine.key].steps[step]
        spot = getattr(one, "spot", routine.spot)
        chain = [*calls, (routine.key, step)]
        guards = [self.graph(self.program.routines[k]).guard(s) for k, s in chain]
        via = [self.program.show(key) for key, _ in calls[1:]]
        return Evidence(
            location=locate(spot),
            function=self.program.show(routine.key),
            via=via,
            guard=" && ".join(dict.fromkeys(g for g in guards if g)),
        )

    # -- routines ----------------------------------------------------------------------------

    def run(self, key: str, arguments: tuple[Value, ...], state: State) -> Results:
        """Run a routine to its ends: the values it returns with the states it leaves."""
        routine = self.program.routines[key]
        facts = {p: v for p, v in state.facts.items() if not self._is_local(p)}
        for parameter, value in zip(routine.parameters, arguments, strict=False):
            if value is not None:
                facts[(("variable", parameter.name, key),)] = value
        own = {p: v for p, v in state.facts.items() if self._is_local(p)}
        if not self._table.is_active:
            self.findings.visited.setdefault(key, set()).add(self.context.stage)
        if key not in self.relevant:
            return self._run_plain(routine, facts, own, state)
        if self.is_spent or len(self.context.calls) > MAX_CALLS:
            results = self._run_merged(routine, facts, state)
        else:
            context = (key, self.context.stage, self.context.thread)
            entry = self._merge_contexts(context, State(state.property, facts), routine)
            results = self._summaries.answer(
                (*context, entry.whole()), lambda: self._execute(routine, entry), self._unite
            )
        return [(value, State(s.property, {**s.facts, **own})) for value, s in results]

    def _run_merged(
        self, routine: Routine, facts: dict[AccessPath, Value], state: State
    ) -> Results:
        """Run a routine with the states of all its callers merged."""
        if not self.is_spent:
            self._warn_merged(routine, routine.spot, f"is called more than {MAX_CALLS} calls deep")
        self.blurred = True
        return self._table.run(routine, facts, state)

    def _merge_contexts(self, context: object, entry: State, routine: Routine) -> State:
        """The state to run a routine in: this one, or one that it is merged into."""
        point = self._contexts.setdefault(context, Point(self.merger))
        whole = entry.whole()
        if whole in point.exact:
            return entry
        if len(point.exact) < self.limit(MAX_CONTEXTS):
            point.exact[whole] = entry
            return entry
        self._warn_merged(
            routine, routine.spot, "is called in too many states", point.exact.values()
        )
        return point.widen(entry)

    def _unite(self, old: Results, new: Results) -> Results:
        """The results of two rounds of a recursion; equal to ``old`` if ``new`` adds nothing."""
        known = {(value, state.whole()) for value, state in old}
        fresh = [(v, s) for v, s in new if (v, s.whole()) not in known]
        if not fresh:
            return old
        if len(old) + len(fresh) <= self.limit(MAX_STATES):
            return [*old, *fresh]
        point = Point(self.merger)
        point.add((s for _, s in old), 0)
        point.add((s for _, s in fresh), 0)
        self.blurred = True
        return [(None, s) for s in point.coarse.values()]

    def _run_plain(
        self,
        routine: Routine,
        facts: dict[AccessPath, Value],
        own: dict[AccessPath, Value],
        state: State,
    ) -> Results:
        """A routine that reaches no construct depends on what it touches alone."""
        seen: dict[AccessPath, Value] = {}
        for place, value in facts.items():
            if self.footprints.concerns(routine.key, place):
                seen[place] = value
            else:
                own[place] = value
        counts = frozenset(
            c for c in state.property.live if c[2] is None or c[2] > 1
        )  # fields of an object that is live more than once are not followed
        question = (routine.key, counts, frozenset(seen.items()))
        if self.is_spent or question in self._summaries:
            self._table.visit(routine.key)  # what is remembered was seen in another stage
        if self.is_spent and question not in self._summaries:
            kept = {p: v for p, v in seen.items() if not self.footprints.may_write(routine.key, p)}
            return [(None, State(state.property, {**kept, **own}))]
        bare = State(Property(live=tuple(sorted(counts, key=lambda c: c[0]))), seen)
        results = self._summaries.answer(
            question, lambda: self._execute(routine, bare), self._unite
        )
        return [(value, State(state.property, {**s.facts, **own})) for value, s in results]

    def _is_local(self, place: AccessPath) -> bool:
        """Whether a place is a local that callees cannot reach."""
        base = place[0]
        if base[0] != "variable" or not base[2]:
            return False
        return (base[1], base[2]) not in self.memory._addressed

    def _execute(self, routine: Routine, entry: State) -> Results:
        graph = self.graph(routine)
        waiting: dict[int, list[State]] = {0: [entry]}
        seen: dict[int, Point] = {}
        heap = [(0, 0)]
        ends: list[State] = []
        while heap:
            _, step = heapq.heappop(heap)
            states = waiting.pop(step, None)
            if not states:
                continue
            fresh = self._unseen(seen.setdefault(step, Point(self.merger)), states, routine, step)
            for join, state in self._advance(routine, graph, step, fresh, ends):
                if join not in waiting:
                    heapq.heappush(heap, (graph.order[join], join))
                waiting.setdefault(join, []).append(state)
        return self._finish(routine, ends)

    def _advance(
        self, routine: Routine, graph: FlowGraph, step: int, states: list[State], ends: list[State]
    ) -> Iterator[tuple[int, State]]:
        """Go on from a step to where paths meet again, or where there are too many of them; what
        returns is added to ``ends``."""
        work = [(step, state) for state in states]
        while work:
            number, state = work.pop()
            self.count_step()
            for after in self.step(routine, number, state):
                if isinstance(routine.steps[number], Return):
                    ends.append(after)
                    continue
                for follower in routine.successors[number]:
                    if follower in graph.endless:
                        ends.append(after)  # a loop for ever: each round is an end
                    if follower in graph.joins or len(work) > self.limit(MAX_STATES):
                        yield follower, self.without_dead(after, graph.live[follower], routine)
                    else:
                        work.append((follower, after))

    def _unseen(self, seen: Point, states: list[State], routine: Routine, step: int) -> list[State]:
        """The states that are new at a step, merged with those of equal property."""
        limit = self.limit(MAX_STATES)
        spot = self._spot(routine, step)
        new = seen.add(self._collect(states, routine, spot), limit)
        if seen.groups:
            self._warn_merged(routine, spot, "has too many paths", states)
        return new

    def _spot(self, routine: Routine, step: int) -> Spot:
        """The spot of a step, or of the first after it that has one."""
        for _ in range(len(routine.steps)):
            spot = getattr(routine.steps[step], "spot", None)
            if isinstance(spot, Spot) or not routine.successors[step]:
                return spot or routine.spot
            step = routine.successors[step][0]
        return routine.spot

    def _warn_merged(
        self, routine: Routine, spot: Spot, why: str, states: Iterable[State] = ()
    ) -> None:
        self.blurred = True
        if self.is_spent or (routine.key, why) in self._noted:
            return  # said once
        self._noted.add((routine.key, why))
        self.findings.warn(
            WarningKind.MERGED,
            spot,
            f"{routine.name} {why}: they are merged, bounds may be too high",
            describe_difference(states),
        )

    def _collect(
        self, states: Iterable[State], routine: Routine, spot: Spot | None = None
    ) -> list[State]:
        states = list(states)
        merged, many = self.merger.collect(states, self.limit(MAX_STATES))
        if many:
            self._warn_merged(routine, spot or routine.spot, "has too many paths", states)
        return merged

    def without_dead(self, state: State, live: frozenset[str], routine: Routine) -> State:
        """Without what is known of locals that are not read any more."""
        key = routine.key
        addressed = routine.addressed
        dead = [
            p
            for p in state.facts
            if p[0][0] == "variable"
            and p[0][2] == key
            and p[0][1] not in live
            and p[0][1] not in addressed
        ]
        if not dead:
            return state
        facts = dict(state.facts)
        for place in dead:
            del facts[place]
        return State(state.property, facts)

    def _finish(self, routine: Routine, ends: list[State]) -> Results:
        place: AccessPath = ((RESULT, "", routine.key),)
        results: Results = []
        for state in self._collect(ends, routine):
            facts = {
                p: v
                for p, v in state.facts.items()
                if p != place and not (p[0][0] == "variable" and p[0][2] == routine.key)
            }
            results.append((state.get(place), State(state.property, facts)))
        return results

    # -- steps -------------------------------------------------------------------------------

    def step(self, routine: Routine, number: int, state: State) -> list[State]:
        """The states after one step."""
        step: Step = routine.steps[number]
        match step:
            case Assume(condition=condition, truth=wanted):
                after = self.memory.assume(condition, wanted, self.at_test(self, condition, state))
                return [after] if after is not None else []
            case Assign():
                return self._assign(routine, number, step, state)
            case Call():
                return self._call(routine, number, step, state)
            case Return(value=value):
                known = self.memory.value(value, state) if value is not None else None
                return [state.learn(((RESULT, "", routine.key),), known)]
        return [state]

    def _assign(self, routine: Routine, number: int, step: Assign, state: State) -> list[State]:
        states = self._constructs_at_store(routine, number, step, state)
        record = record_type(step.place)
        if record in self.program.records:
            if isinstance(step.value, Const):
                place = self.memory.place(step.place, state)
                if place is None:
                    return states
                return [self.memory.clear(place, record, None, s) for s in states]
            return [self.memory.copy(step.place, step.value, s) for s in states]
        value = self.memory.value(step.value, state)
        result = [self.memory.store(step.place, value, s) for s in states]
        object_ = held_object(value)
        if object_ and not isinstance(step.place, Var):
            place = self.memory.place(step.place, state)
            if place is None or place[0][0] == "other":
                result = [s.escape(object_) for s in result]
        if object_ and isinstance(step.place, Var) and not step.place.function:
            result = [s.escape(object_) for s in result]
        return result

    def _constructs_at_store(
        self, routine: Routine, number: int, step: Assign, state: State
    ) -> list[State]:
        nowhere = Var("", routine.key)
        text = node_name(step.place)
        call = Call(nowhere, (), nowhere, "", step.spot, text, "")
        return self.at_store(Occurrence(self, routine, number, call, ""), step, state)

    def _call(self, routine: Routine, number: int, call: Call, state: State) -> list[State]:
        after: list[State] = []
        for key in self.callees(routine, number, call, state):
            at = Occurrence(self, routine, number, call, key)
            results = self.at_call(at, state)
            if results is None:
                results = self.enter(at, state)
            after += [self.memory.store(call.result, v, s) for v, s in results]
        return after

    def callees(self, routine: Routine, number: int, call: Call, state: State) -> list[str]:
        """What a call may call: one function if it is known on this path."""
        if isinstance(call.callee, Func):
            return [call.callee.key]
        value = self.memory.value(call.callee, state)
        if isinstance(value, Function):
            return [value.key]
        return sorted(self.pointers.called_at(routine.key, number)) or [""]

    def enter(self, at: Occurrence, state: State) -> Results:
        """Call a function: run its body, or say what the outside may do."""
        key = at.key
        if key not in self.program.routines:
            return after_outside(self.memory, at.call, key, state)
        arguments = tuple(self.memory.value(a, state) for a in at.call.arguments)
        if self._table.is_active:
            return self.run(key, arguments, state)
        depth = sum(1 for k, _ in self.context.calls if k == key) + (at.routine.key == key)
        if depth >= MAX_RECURSION:
            if depth > MAX_RECURSION and not self.is_spent:
                return [(None, self._unknown_effects(key, state))]
            arguments = tuple(a if held_object(a) else None for a in arguments)
        with self.as_stage(self.context.stage, [*self.context.calls, (at.routine.key, at.step)]):
            return self.run(key, arguments, state)

    def _unknown_effects(self, key: str, state: State) -> State:
        """A recursion is not followed for ever: what it allocates has no bound."""
        allocated = {u.object for u in self.findings.sites.values() if u.action == "allocate"}
        self.findings.warn(
            WarningKind.MERGED,
            self.program.routines[key].spot,
            f"{self.program.show(key)} is recursive: it is followed {MAX_RECURSION} levels deep",
        )
        for object_, low, high in state.property.live:
            if object_ in allocated and high is not None and high > 1:
                state = state.with_count(object_, low, None)
        return state
