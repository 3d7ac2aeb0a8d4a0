# SPDX-License-Identifier: MIT
"""Who calls whom, and in which order summaries are made: callees before their callers."""

from __future__ import annotations

from dataclasses import dataclass, field

import networkx as nx

from stingy.flow.pointers import Pointers
from stingy.lower.linking import Program
from stingy.model.program import Call, Func, Routine


@dataclass(slots=True)
class CallGraph:
    """The calls between routines with a body.

    ``components`` are sets of routines that call each other, callees first; ``order`` numbers the
    routines so that callers come before what they call.
    """

    callees: dict[str, frozenset[str]] = field(default_factory=dict)
    components: list[list[str]] = field(default_factory=list)
    order: dict[str, int] = field(default_factory=dict)


def find_call_graph(program: Program, pointers: Pointers) -> CallGraph:
    """The call graph; functions that are given to the outside count as called."""
    found = CallGraph()
    for key, routine in program.routines.items():
        found.callees[key] = frozenset(_callees(program, pointers, routine))
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(program.routines)
    for key, callees in found.callees.items():
        graph.add_edges_from((key, callee) for callee in sorted(callees))
    condensed = nx.condensation(graph)
    for number in nx.topological_sort(condensed):
        found.components.append(sorted(condensed.nodes[number]["members"]))
    for members in found.components:
        for key in members:
            found.order[key] = len(found.order)
    found.components.reverse()
    return found


def _callees(program: Program, pointers: Pointers, routine: Routine) -> set[str]:
    found: set[str] = set()
    for number, step in enumerate(routine.steps):
        if isinstance(step, Call):
            found |= pointers.called_at(routine.key, number)
            found |= {a.key for a in step.arguments if isinstance(a, Func)}
    return found & program.routines.keys()
