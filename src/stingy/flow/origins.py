# SPDX-License-Identifier: MIT
"""Which variables and fields may hold a pointer that does not come from the server.

``pointers`` says which objects of the server a field may point to.  Whether it can point to
anything else is asked here: what a function outside returns or writes, what is behind such a
pointer, numbers that were made pointers, arguments that nobody in the server passes.
"""

from __future__ import annotations

from collections.abc import Iterator

from stingy.flow.constructs import Constructs
from stingy.flow.pointers import Node, Pointers, contents, place_node
from stingy.lower.linking import Program
from stingy.model.annotations import Malloc
from stingy.model.program import Call, Func


def find_foreign(program: Program, constructs: Constructs, pointers: Pointers) -> set[Node]:
    """The nodes that may hold a pointer from outside of the server."""
    found: set[Node] = set()
    seeds = {
        *pointers.opaque,
        *_outside_memory(program, pointers),
        *find_known_outside(pointers),
        *_unknown_arguments(program, pointers),
    }
    while seeds:
        _spread(seeds, found, pointers)
        seeds = set(_results(program, constructs, pointers, found)) - found
    return found


def _spread(seeds: set[Node], found: set[Node], pointers: Pointers) -> None:
    """Along assignments, and from a pointer to what is loaded through it."""
    waiting = [seed for seed in seeds if seed not in found]
    found |= seeds
    while waiting:
        node = waiting.pop()
        for follower in (*pointers.copies.get(node, ()), *pointers.loads.get(node, ())):
            if follower not in found:
                found.add(follower)
                waiting.append(follower)


def _outside_memory(program: Program, pointers: Pointers) -> Iterator[Node]:
    """Fields of records, and variables, that the server does not define."""
    for node in {*pointers.targets, *pointers.copies, *pointers.loads}:
        if node[0] == "field":
            record = program.records.get(node[1])
            if record is None or not record.local:
                yield node
        elif node[0] == "variable" and not node[2]:
            storage = program.storage.get(node[1])
            if storage is None or not (storage.defined or "." in node[1]):
                yield node


def find_known_outside(pointers: Pointers) -> set[Node]:
    """What functions outside can reach through the addresses that they are given."""
    found: set[Node] = set()
    waiting: list[Node] = [("outside",)]
    while waiting:
        for target in pointers.targets.get(waiting.pop(), ()):
            inner = contents(target)
            if inner not in found:
                found.add(inner)
                waiting.append(inner)
    return found


def _unknown_arguments(program: Program, pointers: Pointers) -> Iterator[Node]:
    """Parameters of functions that others than the server's own calls may call."""
    called = set().union(*pointers.callees.values())
    for key, routine in program.routines.items():
        if key in pointers.addressed or key not in called:
            for parameter in routine.parameters:
                yield ("variable", parameter.name, parameter.function)


def _results(
    program: Program, constructs: Constructs, pointers: Pointers, foreign: set[Node]
) -> Iterator[Node]:
    """Pointers that functions without a body return."""
    for routine in program.routines.values():
        for number, step in enumerate(routine.steps):
            if not isinstance(step, Call) or not step.result.type.endswith("*"):
                continue
            callees = pointers.called_at(routine.key, number)
            known = bool(callees) and not _may_be_another(step, pointers, foreign)
            for key in callees:
                kinds = constructs.at_call(routine.key, key)
                known &= key in program.routines or any(isinstance(k, Malloc) for k in kinds)
            if not known:
                yield ("variable", step.result.name, step.result.function)


def _may_be_another(call: Call, pointers: Pointers, foreign: set[Node]) -> bool:
    """Whether an indirect call may call a function that the server does not name."""
    if isinstance(call.callee, Func):
        return False
    return pointers.is_open(call.callee) or place_node(call.callee) in foreign
