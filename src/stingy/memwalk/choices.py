# SPDX-License-Identifier: MIT
"""The variables that decide what runs: a state or an index on its way to a Queue_Stage, and a
function or a table of functions on its way to a call.

Paths that differ there are told apart: where they were merged, any stage could follow, and a
helper that is given a function would call what all its callers give it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from stingy.flow.constructs import Constructs
from stingy.flow.pointers import Pointers
from stingy.flow.values import AccessPath
from stingy.lower.linking import Program
from stingy.model.annotations import QueueStage
from stingy.model.program import Assign, Call, Expr, Func, Return, Var, walk

RESULT = "%result"


@dataclass(slots=True)
class _Flow:
    """Where values of locals come from, by variable; the values that functions return."""

    values: dict[Var, list[Expr]] = field(default_factory=lambda: defaultdict(list))
    calls: dict[Var, set[str]] = field(default_factory=lambda: defaultdict(set))
    returned: dict[str, list[Expr]] = field(default_factory=lambda: defaultdict(list))


def find_choices(
    program: Program, constructs: Constructs, pointers: Pointers
) -> frozenset[AccessPath]:
    """The places of these variables, and of results of functions that choose a state."""
    return _trace(_collect(program, pointers), _queued(program, constructs, pointers))


def find_called(program: Program, pointers: Pointers, relevant: set[str]) -> frozenset[AccessPath]:
    """The places that decide which function an indirect call calls, where that matters: one of
    them is ``relevant``, and there is another one."""
    return _trace(_collect(program, pointers), _called(program, pointers, relevant))


def _trace(flow: _Flow, expressions: Iterable[Expr]) -> frozenset[AccessPath]:
    """The places of the locals that these expressions depend on, and of results of functions."""
    waiting = list(expressions)
    found: set[AccessPath] = set()
    while waiting:
        for part in _locals_in(waiting.pop()):
            place: AccessPath = (("variable", part.name, part.function),)
            if place in found:
                continue
            found.add(place)
            waiting += flow.values[part]
            for key in flow.calls[part]:
                found.add(((RESULT, "", key),))
                waiting += flow.returned[key]
    return frozenset(found)


def _locals_in(expr: Expr) -> list[Var]:
    """The locals in an expression: a state, or the index of a table of stages."""
    return [part for part in walk(expr) if isinstance(part, Var) and part.function]


def _collect(program: Program, pointers: Pointers) -> _Flow:
    flow = _Flow()
    for routine in program.routines.values():
        for number, step in enumerate(routine.steps):
            match step:
                case Assign(place=Var() as place, value=value):
                    flow.values[place].append(value)
                case Return(value=value) if value is not None:
                    flow.returned[routine.key].append(value)
                case Call(result=result, arguments=arguments):
                    for key in pointers.called_at(routine.key, number):
                        body = program.routines.get(key)
                        if body is not None:
                            flow.calls[result].add(key)
                            for one, value in zip(body.parameters, arguments, strict=False):
                                flow.values[one].append(value)
    return flow


def _queued(program: Program, constructs: Constructs, pointers: Pointers) -> Iterator[Expr]:
    """The expressions that a Queue_Stage is given as S."""
    for routine in program.routines.values():
        for number, step in enumerate(routine.steps):
            match step:
                case Assign(place=place, value=value):
                    kinds = constructs.at_store(routine.key, place)
                    if any(isinstance(kind, QueueStage) for kind in kinds):
                        yield value
                case Call(arguments=arguments):
                    for key in pointers.called_at(routine.key, number):
                        for kind in constructs.at_call(routine.key, key):
                            position = constructs.position(kind, key, "S")
                            if isinstance(kind, QueueStage) and position is not None:
                                yield from arguments[position : position + 1]


def _called(program: Program, pointers: Pointers, relevant: set[str]) -> Iterator[Expr]:
    """The callees of these calls."""
    for routine in program.routines.values():
        for number, step in enumerate(routine.steps):
            if isinstance(step, Call) and not isinstance(step.callee, Func):
                callees = pointers.called_at(routine.key, number)
                if len(callees) > 1 and not callees.isdisjoint(relevant):
                    yield step.callee
