# SPDX-License-Identifier: MIT
"""What the graph of a routine says: order of steps, guards of a step, live variables."""

from __future__ import annotations

from functools import cached_property

import networkx as nx

from stingy.model.program import Assign, Assume, Call, Return, Routine, Var, expressions_of, walk


class FlowGraph:
    """Derived facts of one routine, computed when they are asked for."""

    def __init__(self, routine: Routine):
        self.routine = routine

    @cached_property
    def order(self) -> dict[int, int]:
        """Reverse postorder numbers of the steps that can be reached."""
        successors = self.routine.successors
        seen = {0}
        finished: list[int] = []
        stack: list[tuple[int, int]] = [(0, 0)]
        while stack:
            step, position = stack.pop()
            if position < len(successors[step]):
                stack.append((step, position + 1))
                follower = successors[step][position]
                if follower not in seen:
                    seen.add(follower)
                    stack.append((follower, 0))
            else:
                finished.append(step)
        return {step: number for number, step in enumerate(reversed(finished))}

    @cached_property
    def joins(self) -> frozenset[int]:
        """The steps that can be reached from several others."""
        count: dict[int, int] = {}
        for step in self.order:
            for follower in self.routine.successors[step]:
                count[follower] = count.get(follower, 0) + 1
        return frozenset(step for step, number in count.items() if number > 1)

    @cached_property
    def endless(self) -> frozenset[int]:
        """The joins of loops that are never left: no return can be reached from them."""
        before: dict[int, list[int]] = {}
        for step in self.order:
            for follower in self.routine.successors[step]:
                before.setdefault(follower, []).append(step)
        waiting = [step for step in self.order if isinstance(self.routine.steps[step], Return)]
        leaving = set(waiting)
        while waiting:
            for step in before.get(waiting.pop(), ()):
                if step not in leaving:
                    leaving.add(step)
                    waiting.append(step)
        return self.joins - leaving

    def is_in_loop(self, step: int) -> bool:
        """Whether a step can be reached from itself."""
        seen: set[int] = set()
        waiting = list(self.routine.successors[step])
        while waiting:
            one = waiting.pop()
            if one == step:
                return True
            if one not in seen:
                seen.add(one)
                waiting += self.routine.successors[one]
        return False

    @cached_property
    def _dominators(self) -> dict[int, int]:
        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_node(0)
        for step in self.order:
            graph.add_edges_from((step, follower) for follower in self.routine.successors[step])
        return dict(nx.immediate_dominators(graph, 0))

    def assumptions(self, step: int) -> list[Assume]:
        """The conditions that hold whenever ``step`` is reached, outermost first."""
        found: list[Assume] = []
        dominators = self._dominators
        while step in dominators:
            one = self.routine.steps[step]
            if isinstance(one, Assume):
                found.append(one)
            parent = dominators[step]
            if parent == step:
                break
            step = parent
        return found[::-1]

    def guard(self, step: int) -> str:
        """The conditions of ``assumptions`` as written, joined by &&."""
        texts = [a.text if a.truth else f"!({a.text})" for a in self.assumptions(step)]
        return " && ".join(dict.fromkeys(texts))

    @cached_property
    def live(self) -> list[frozenset[str]]:
        """For each step the locals that may still be read from there on."""
        steps = self.routine.steps
        reads = [_reads(step, self.routine.key) for step in steps]
        writes = [_written(step, self.routine.key) for step in steps]
        live: list[frozenset[str]] = [frozenset()] * len(steps)
        changed = True
        backwards = sorted(self.order, key=lambda s: -self.order[s])
        while changed:
            changed = False
            for number in backwards:
                after: frozenset[str] = frozenset().union(
                    *(live[f] for f in self.routine.successors[number])
                )
                now = (after - writes[number]) | reads[number]
                if now != live[number]:
                    live[number] = now
                    changed = True
        return live


def _reads(step: object, key: str) -> frozenset[str]:
    names: set[str] = set()
    expressions = expressions_of(step)  # type: ignore[arg-type]
    if isinstance(step, Assign) and isinstance(step.place, Var):
        expressions = expressions[1:]
    if isinstance(step, Call):
        expressions = expressions[:-1]
    for expression in expressions:
        for part in walk(expression):
            if isinstance(part, Var) and part.function == key:
                names.add(part.name)
    return frozenset(names)


def _written(step: object, key: str) -> frozenset[str]:
    place = step.place if isinstance(step, Assign) else None
    if isinstance(step, Call):
        place = step.result
    if isinstance(place, Var) and place.function == key:
        return frozenset({place.name})
    return frozenset()
