# SPDX-License-Identifier: MIT
"""Upper bounds of sizes: constants, sums, products, what guards say and what callers pass."""

from __future__ import annotations

from collections import defaultdict

from stingy.flow.flowgraph import FlowGraph
from stingy.flow.pointers import Pointers
from stingy.lower.linking import Program
from stingy.model.arithmetic import fold_integers
from stingy.model.program import Assign, Call, Cast, Const, Expr, Field, Op, Routine, SizeOf, Var

_MAX_DEPTH = 12
Bound = tuple[int | None, bool]  # the greatest value, and whether it is the only one
_NONE: Bound = (None, False)

# x OP limit: what is added to the limit to bound x where this is true, and where it is false
_LIMITS: dict[str, tuple[int | None, int | None]] = {
    "<": (-1, None),
    "<=": (0, None),
    ">": (None, 0),
    ">=": (None, -1),
    "==": (0, None),
}
_MIRRORED = {
    "<": _LIMITS[">"],
    "<=": _LIMITS[">="],
    ">": _LIMITS["<"],
    ">=": _LIMITS["<="],
    "==": _LIMITS["=="],
}


class Bounds:
    """Answers for the whole program; each question is answered once.

    A size may come through many callers on many ways: asked anew on each of them, the questions
    would be as many as the ways.
    """

    def __init__(self, program: Program, pointers: Pointers):
        self.program = program
        self.escaping = pointers.escaping
        self._callers: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for call, callees in pointers.callees.items():
            for key in callees:
                self._callers[key].append(call)
        self._graphs: dict[str, FlowGraph] = {}
        self._known: dict[tuple[str, Expr, int, int], Bound] = {}

    def upper(self, size: Expr, routine: Routine, step: int, depth: int = 0) -> Bound:
        """The greatest value that ``size`` can have at a step, and whether it is the only one."""
        if depth > _MAX_DEPTH:
            return _NONE
        question = (routine.key, size, step, depth)
        if question not in self._known:
            self._known[question] = self._upper(size, routine, step, depth)
        return self._known[question]

    def _upper(self, size: Expr, routine: Routine, step: int, depth: int) -> Bound:  # noqa: PLR0911 - one a case
        match size:
            case Const(value=value):
                return value, True
            case SizeOf(bytes=bytes_):
                return bytes_, True
            case Cast(operand=operand):
                return self.upper(operand, routine, step, depth + 1)
            case Op(operator=operator, operands=(left, right)):
                one = self.upper(left, routine, step, depth + 1)
                two = self.upper(right, routine, step, depth + 1)
                if operator in "+*":
                    return _combine(operator, one, two)
                known = _fold(operator, one, two)
                return (known, True) if known is not None else _masked(operator, right)
            case Var() | Field():
                return self._variable(size, routine, step, depth)
        return _NONE

    def _variable(self, place: Expr, routine: Routine, step: int, depth: int) -> Bound:
        guarded = self._guarded(place, routine, step, depth)
        if guarded is not None:
            return guarded, False
        if not isinstance(place, Var) or place.name in routine.addressed or not place.function:
            return _NONE
        assigned = [
            (s.value, number)
            for number, s in enumerate(routine.steps)
            if isinstance(s, Assign) and s.place == place
        ]
        if place in routine.parameters:
            if assigned:
                return _NONE
            return self._argument(routine, routine.parameters.index(place), depth)
        most: list[int] = []
        exact = False
        for value, number in assigned:
            bound, exact = self.upper(value, routine, number, depth + 1)
            if bound is None:
                return _NONE
            most.append(bound)
        return (max(most), len(most) == 1 and exact) if most else _NONE

    def _argument(self, routine: Routine, position: int, depth: int) -> Bound:
        """The bound of a parameter: of what all callers pass."""
        if routine.key in self.escaping:
            return _NONE
        values: set[int] = set()
        exact = True
        for caller, number in self._callers[routine.key]:
            outer = self.program.routines[caller]
            call = outer.steps[number]
            assert isinstance(call, Call)
            if position >= len(call.arguments):
                return _NONE
            value, alone = self.upper(call.arguments[position], outer, number, depth + 1)
            if value is None:
                return _NONE
            values.add(value)
            exact &= alone
        return (max(values), exact and len(values) == 1) if values else _NONE

    def _guarded(self, place: Expr, routine: Routine, step: int, depth: int) -> int | None:
        """The bound that comparisons on the way give, if the variable is not written after."""
        best: int | None = None
        for assume in self._graph(routine).assumptions(step):
            match assume.condition:
                case Op(operator=operator, operands=(left, right)) if operator in _LIMITS:
                    known = _LIMITS[operator] if left == place else _MIRRORED[operator]
                    other = right if left == place else left if right == place else None
                    if other is None or isinstance(other, Var | Field):
                        continue
                    limit, _ = self.upper(other, routine, step, depth + 1)
                    slack = known[0] if assume.truth else known[1]
                    if limit is not None and slack is not None:
                        best = limit + slack if best is None else min(best, limit + slack)
        return best

    def _graph(self, routine: Routine) -> FlowGraph:
        if routine.key not in self._graphs:
            self._graphs[routine.key] = FlowGraph(routine)
        return self._graphs[routine.key]


def _combine(operator: str, one: Bound, two: Bound) -> Bound:
    """The bound of a sum or a product."""
    if one[0] is None or two[0] is None or min(one[0], two[0]) < 0:
        return _NONE
    value = one[0] + two[0] if operator == "+" else one[0] * two[0]
    return value, one[1] and two[1]


def _fold(operator: str, one: Bound, two: Bound) -> int | None:
    """The value of an operation on constants."""
    if one[0] is None or two[0] is None or not (one[1] and two[1]):
        return None
    return fold_integers(operator, one[0], two[0])


def _masked(operator: str, right: Expr) -> Bound:
    """The bound that ``x & mask`` and ``x % modulus`` have."""
    if isinstance(right, Const) and right.value > 0 and operator in {"&", "%"}:
        return right.value - (operator == "%"), False
    return _NONE
