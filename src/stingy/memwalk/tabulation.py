# SPDX-License-Identifier: MIT
"""How a stage is followed once its budget is spent: by tabulation, near-linear in the code.

Each routine is a node with one state at each step where paths meet or a call is made.  States that
arrive there are merged (``merging``), and only what has changed is looked at again.  A call asks
the node of its callee, which has the states of all its callers merged; when its answer grows, the
calls that rest on it are made again.  That is IFDS's tabulation (Reps, Horwitz, Sagiv: POPL 1995)
on a lattice of finite height.  Three things keep nodes few, and their answers exact:

* what a routine cannot reach is kept aside at the call (``splitting``);
* all stages share the nodes: "the stage that runs" is a name that each puts its own in for, and
  what a node does is noted for each stage that comes to it (``Node.stages``);
* stages and states that are on their way to a Queue_Stage tell nodes and paths apart, and so do
  functions that are on their way to a call, up to ``MAX_APART``.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stingy.flow.flowgraph import FlowGraph
from stingy.flow.stages import SOME_ENTRY, SOME_STAGE
from stingy.flow.values import (
    AccessPath,
    Function,
    Reference,
    Signs,
    Value,
    held_object,
    sign_mask,
)
from stingy.memwalk.choices import RESULT
from stingy.memwalk.findings import Event
from stingy.memwalk.merging import Merger
from stingy.memwalk.peaks import Peaks
from stingy.memwalk.splitting import Aside, Splitter
from stingy.memwalk.states import Counts, State, grow, widen
from stingy.memwalk.summaries import Results
from stingy.model.program import Assign, Call, Func, Return, Routine, Step

if TYPE_CHECKING:
    from stingy.memwalk.interpreter import Interpreter

THRESHOLDS = (1, 2)  # a count that grows beyond them has no bound
MAX_CHANGES = 64  # of what is known at one step; then whatever may still grow has no bound
MAX_CHANGES_OUTSIDE = 6  # the same for code outside of stages
MAX_APART = 24  # states at one step that differ in what comes next
_END = -1  # the step of answers
_SHARED = (SOME_STAGE, SOME_ENTRY, "")
Chain = list[tuple[str, int]]
Group = tuple[object, object]


@dataclass(frozen=True, slots=True)
class Parent:
    """How a stage came to a node: from a call in another one, or from ``calls``."""

    node: Node | None
    step: int
    label: str
    calls: Chain


@dataclass(slots=True, eq=False)
class Node:
    """A routine with all that is known of it: states at its steps, answers, who asked.

    ``label`` is what states call the stage that runs; ``stages`` are those that come here.
    """

    routine: Routine
    graph: FlowGraph
    label: str
    thread: str
    order: tuple[int, int]
    cuts: frozenset[int]
    points: dict[int, dict[Group, State]] = field(default_factory=dict)
    results: dict[Group, State] = field(default_factory=dict)
    changes: dict[tuple[int, Group], int] = field(default_factory=dict)
    waiting: list[tuple[int, int, int, Group]] = field(default_factory=list)
    marked: set[tuple[int, Group]] = field(default_factory=set)
    callers: dict[tuple[Node, int, Group], Aside] = field(default_factory=dict)
    events: dict[tuple[Event, str, int], None] = field(default_factory=dict)
    children: dict[tuple[Node, int], None] = field(default_factory=dict)
    plain: set[str] = field(default_factory=set)
    peaks: Peaks = field(default_factory=Peaks)
    stages: dict[str, Parent] = field(default_factory=dict)
    queued: bool = False


@dataclass(slots=True)
class Tabulation:
    """Nodes, and those of them that have something to do."""

    i: Interpreter
    splitter: Splitter
    merger: Merger
    nodes: dict[object, Node] = field(default_factory=dict)
    heap: list[tuple[tuple[int, int], Node]] = field(default_factory=list)
    current: tuple[Node, int, Group] | None = None
    rising: dict[Node, None] = field(default_factory=dict)  # nodes with new peaks, or callers
    numbers: int = 0
    _cuts: dict[str, frozenset[int]] = field(default_factory=dict)

    @property
    def is_active(self) -> bool:
        """Whether the code that is looked at belongs to a node."""
        return self.current is not None

    # -- questions ---------------------------------------------------------------------------

    def run(self, routine: Routine, facts: dict[AccessPath, Value], state: State) -> Results:
        """What a routine leaves, as far as that is known; ``facts`` are those it may see."""
        stage, asked = self.i.context.stage, self.current
        label = stage if asked or not stage else self._label(stage)
        shown = State(state.property, facts)
        if label != stage:
            shown = _rename(shown, stage, label)
        aside = self.splitter.split(routine.key, shown, outside=not stage)
        entry = self.merger.coarsen(_without_numbers(aside.inside, self.merger.choices))
        node = self._node(routine, label, entry)
        self._arrive(node, 0, entry)
        if asked:
            node.callers[asked] = aside
            self.rising[node] = None
            self._adopt(asked[0], asked[1], node)
        else:
            self._attribute(node, stage, Parent(None, 0, "", list(self.i.context.calls)))
            self._drain()
        if not asked:
            for name, counts in node.peaks.all():
                whole = self.splitter.add_live(aside, counts)
                self.note_live(stage if name == label else name, whole)
        results = [self._result(node, aside, state) for state in node.results.values()]
        if label != stage:
            results = [(value, _rename(state, label, stage)) for value, state in results]
        return results

    def _label(self, stage: str) -> str:
        return SOME_STAGE if self.splitter.reaches.stages.takes_task(stage) else SOME_ENTRY

    def _node(self, routine: Routine, label: str, entry: State) -> Node:
        thread = self.i.context.thread
        question = (routine.key, label, thread, self._group(entry))
        node = self.nodes.get(question)
        if node is None:
            order = self.splitter.reaches.footprints.calls.order[routine.key]
            node = Node(
                routine, self.i.graph(routine), label, thread, (order, len(self.nodes)),
                self._cuts_of(routine),
            )  # fmt: skip
            self.nodes[question] = node
        return node

    def _result(self, node: Node, aside: Aside, state: State) -> tuple[Value, State]:
        place: AccessPath = ((RESULT, "", node.routine.key),)
        value = state.get(place)
        return value, self.splitter.join(aside, state.learn(place, None))

    def note_live(self, stage: str, counts: Counts) -> None:
        """These are live together at some point of a stage."""
        if self.current is None:
            self.i.findings.note_live(stage, counts)
        elif self.current[0].peaks.add(stage, counts):
            self.rising[self.current[0]] = None

    def _raise_peaks(self) -> None:
        """What is live in a node is live with what its callers kept aside; callees first."""
        heap = [(-node.order[0], node.order[1], node) for node in self.rising]
        heapq.heapify(heap)
        while heap:
            node = heapq.heappop(heap)[-1]
            if node not in self.rising:
                continue
            del self.rising[node]
            for (caller, _, _), aside in node.callers.items():
                for name, counts in node.peaks.all():
                    grown = caller.peaks.add(name, self.splitter.add_live(aside, counts))
                    if grown and caller not in self.rising:
                        self.rising[caller] = None
                        heapq.heappush(heap, (-caller.order[0], caller.order[1], caller))

    # -- work --------------------------------------------------------------------------------

    def _drain(self) -> None:
        context = self.i.context
        before = context.stage, context.thread, context.calls
        while self.heap:
            _, node = heapq.heappop(self.heap)
            node.queued = False
            self._run(node)
        self._raise_peaks()
        self.current = None
        context.stage, context.thread, context.calls = before

    def _run(self, node: Node) -> None:
        context = self.i.context
        changed = False
        while node.waiting:
            _, _, step, group = heapq.heappop(node.waiting)
            node.marked.discard((step, group))
            self.current = (node, step, group)
            context.stage, context.thread, context.calls = node.label, node.thread, []
            for follower, after in self._advance(node, step, node.points[step][group]):
                if follower is None:
                    changed |= self._leave(node, after)
                else:
                    self._arrive(node, follower, after)
        if changed:
            for caller, step, group in node.callers:
                self._mark(caller, step, group)
        if node.waiting:
            self._queue(node)  # it calls itself

    def _advance(self, node: Node, step: int, state: State) -> Iterator[tuple[int | None, State]]:
        """Go on from a step to the next cuts; None is the end."""
        routine, graph, i = node.routine, node.graph, self.i
        work = [(step, state)]
        while work:
            number, state = work.pop()
            i.count_step()
            for after in i.step(routine, number, state):
                if isinstance(routine.steps[number], Return):
                    yield None, after
                    continue
                for follower in routine.successors[number]:
                    if follower in graph.endless:
                        yield None, after  # a loop for ever: each round is an end
                    if follower in node.cuts:
                        yield follower, i.without_dead(after, graph.live[follower], routine)
                    else:
                        work.append((follower, after))

    def _arrive(self, node: Node, step: int, state: State) -> None:
        state = self.merger.coarsen(state)
        point = node.points.setdefault(step, {})
        group, changed = self._add(node, step, point, self._group(state), state)
        if changed:
            self._mark(node, step, group)

    def _leave(self, node: Node, state: State) -> bool:
        """A path of a node is at its end: whether that changes its answer.

        Answers are told apart by what they say of the value: 0, an object, a negative number.
        """
        value = state.get(((RESULT, "", node.routine.key),))
        state = self._without_locals(node, self.merger.coarsen(state))
        coarse, chosen = self._group(state)
        group = (coarse, (chosen, held_object(value) or sign_mask(value)))
        return self._add(node, _END, node.results, group, state)[1]

    def _add(
        self, node: Node, step: int, point: dict[Group, State], group: Group, state: State
    ) -> tuple[Group, bool]:
        """Merge a state into those of a point: its group, and whether that has changed."""
        if group not in point and len(point) >= MAX_APART:
            group = (group[0], None)
        old = point.get(group)
        if old is None:
            point[group] = state
            return group, True
        if old.property == state.property and old.facts == state.facts:
            return group, False
        now = grow(old, widen([old, state]), THRESHOLDS)
        if now.property == old.property and now.facts == old.facts:
            return group, False
        changes = node.changes[step, group] = node.changes.get((step, group), 0) + 1
        if changes > (MAX_CHANGES if node.label else MAX_CHANGES_OUTSIDE):
            now = self._without_bounds(node, now)
            if now.property == old.property and now.facts == old.facts:
                return group, False
        point[group] = now
        return group, True

    def _without_bounds(self, node: Node, state: State) -> State:
        """The state with any number of what the node may allocate, and of what has grown."""
        reaches = self.splitter.reaches
        changed = reaches.of(node.routine.key).changed & ~reaches.bit(reaches.objects.task)
        free = {o for o, bit in reaches.bits.items() if bit & changed}
        free |= {o for o, _, high in state.property.live if high is None or high > 1}
        return state.without_bounds(free)

    def _group(self, state: State) -> Group:
        """States of equal groups are merged."""
        choices, called = self.merger.choices, self.merger.called
        chosen = [
            (place, value)
            for place, value in state.facts.items()
            if (place in choices and isinstance(value, int | Function | Reference))
            or (place in called and _is_code(value))
        ]
        return self.merger.coarse_group(state), frozenset(chosen)

    def _mark(self, node: Node, step: int, group: Group) -> None:
        if (step, group) not in node.marked:
            node.marked.add((step, group))
            self.numbers += 1
            heapq.heappush(node.waiting, (node.graph.order[step], self.numbers, step, group))
        if self.current is None or self.current[0] is not node:
            self._queue(node)

    def _queue(self, node: Node) -> None:
        if not node.queued:
            node.queued = True
            heapq.heappush(self.heap, (node.order, node))

    def _cuts_of(self, routine: Routine) -> frozenset[int]:
        """Where paths meet, the calls that have nodes of their own, and the constructs."""
        if routine.key not in self._cuts:
            cuts = {n for n, step in enumerate(routine.steps) if self._is_cut(routine, step)}
            self._cuts[routine.key] = self.i.graph(routine).joins | cuts | {0}
        return self._cuts[routine.key]

    def _is_cut(self, routine: Routine, step: Step) -> bool:
        """Whether states are merged before a step: it may make several of each."""
        constructs = self.splitter.reaches.constructs
        if isinstance(step, Assign):
            return bool(constructs.at_store(routine.key, step.place))
        if not isinstance(step, Call):
            return False
        if not isinstance(step.callee, Func):
            return True
        named = {step.callee.key, *(a.key for a in step.arguments if isinstance(a, Func))}
        if not named.isdisjoint(self.i.relevant):
            return True
        return bool(constructs.at_call(routine.key, step.callee.key))

    def _without_locals(self, node: Node, state: State) -> State:
        key = node.routine.key
        facts = {
            place: value
            for place, value in state.facts.items()
            if place[0][0] != "variable" or place[0][2] != key
        }
        return State(state.property, facts)

    # -- what stages do ----------------------------------------------------------------------

    def record(self, event: Event, routine: str, step: int) -> None:
        """The node that is looked at does something: all stages that come to it do."""
        assert self.current is not None
        node = self.current[0]
        if (event, routine, step) not in node.events:
            node.events[event, routine, step] = None
            for stage in node.stages:
                self._replay(node, stage, event, routine, step)

    def visit(self, key: str) -> None:
        """A routine is called that reaches no construct: so are all that it calls."""
        if self.current is None:
            self._visit_plain(key, self.i.context.stage)
        elif key not in self.current[0].plain:
            self.current[0].plain.add(key)
            for stage in self.current[0].stages:
                self._visit_plain(key, stage)

    def _visit_plain(self, key: str, stage: str) -> None:
        visited = self.i.findings.visited
        callees = self.splitter.reaches.footprints.calls.callees
        waiting = [key]
        while waiting:
            one = waiting.pop()
            stages = visited.setdefault(one, set())
            if stage not in stages or one == key:
                stages.add(stage)
                waiting += [c for c in callees[one] if stage not in visited.get(c, ())]

    def _adopt(self, caller: Node, step: int, node: Node) -> None:
        if (node, step) not in caller.children:
            caller.children[node, step] = None
            for stage in list(caller.stages):
                self._attribute_from(caller, step, stage, node)

    def _attribute_from(self, caller: Node, step: int, stage: str, node: Node) -> None:
        name = stage if node.label in _SHARED else node.label
        self._attribute(node, name, Parent(caller, step, stage, []))

    def _attribute(self, node: Node, stage: str, parent: Parent) -> None:
        """A stage comes to a node, and so to all that this calls."""
        waiting = [(node, stage, parent)]
        while waiting:
            one, name, origin = waiting.pop()
            if name in one.stages:
                continue
            one.stages[name] = origin
            self.i.findings.visited.setdefault(one.routine.key, set()).add(name)
            for event, routine, step in one.events:
                self._replay(one, name, event, routine, step)
            for key in one.plain:
                self._visit_plain(key, name)
            for child, step in one.children:
                inner = name if child.label in _SHARED else child.label
                waiting.append((child, inner, Parent(one, step, name, [])))

    def _replay(self, node: Node, stage: str, event: Event, routine: str, step: int) -> None:
        calls = self._chain(node, stage)
        where = self.i.program.routines[routine]
        self.i.findings.note(event, stage, lambda: self.i.evidence(where, step, calls))

    def _chain(self, node: Node, stage: str) -> Chain:
        """The calls that led a stage to a node."""
        found: Chain = []
        parent = node.stages[stage]
        while parent.node is not None:
            found.append((parent.node.routine.key, parent.step))
            parent = parent.node.stages[parent.label]
        return [*parent.calls, *reversed(found)]


def _rename(state: State, old: str, new: str) -> State:
    """The state with another name of the stage that runs."""
    p = state.property
    by = new if p.by == old else p.by
    pending = tuple(replace(q, pusher=new) if q.pusher == old else q for q in p.pending)
    if by == p.by and pending == p.pending:
        return state
    return state.change(by=by, pending=pending)


def _is_code(value: Value) -> bool:
    """Whether a value is a function, or the address of a table that may have some."""
    if isinstance(value, Reference):
        return value.place[0][0] == "variable" and not value.place[0][2]
    return isinstance(value, Function)


def _without_numbers(state: State, choices: frozenset[AccessPath]) -> State:
    """The state that keeps what is known of pointers alone: numbers differ from call to call."""
    facts = {
        place: value
        for place, value in state.facts.items()
        if value == 0 or place in choices or not isinstance(value, Signs | int)
    }
    return State(state.property, facts)
