# SPDX-License-Identifier: MIT
"""Which functions never return, and which never return NULL for want of memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from stingy.lower.linking import Program
from stingy.model.program import (
    Assume,
    Call,
    Const,
    Expr,
    Func,
    Op,
    Return,
    Routine,
    name_of,
    strip_casts,
)

NO_RETURN = {
    "abort", "exit", "_exit", "_Exit", "quick_exit", "__assert_fail", "__builtin_unreachable",
    "__builtin_trap", "longjmp", "siglongjmp", "err", "errx", "verr", "verrx", "panic",
    "pthread_exit", "thrd_exit", "__builtin_abort", "make_task_dead", "do_exit",
}  # fmt: skip


@dataclass(slots=True)
class Returning:
    """Follows the paths of routines to their ends, each question once."""

    program: Program
    _known: dict[str, bool] = field(default_factory=dict)

    def never_returns(self, key: str) -> bool:
        """Whether every path of a function ends in one that does not return."""
        if key not in self.program.routines:
            return name_of(key) in NO_RETURN
        if key not in self._known:
            self._known[key] = False  # what a recursion says of itself
            routine = self.program.routines[key]
            self._known[key] = not any(True for _ in self._find_returns(routine, None, set()))
        return self._known[key]

    def can_fail(self, routine: Routine, call: Call, copies: set[Expr]) -> bool:
        """Whether a routine comes back where ``call``, or whatever else ``copies`` hold, gave NULL,
        or without that call."""
        return any(True for _ in self._find_returns(routine, call, copies))

    def _find_returns(
        self, routine: Routine, call: Call | None, copies: set[Expr]
    ) -> Iterator[int]:
        """The returns that paths come to; from ``call`` on, ``copies`` are NULL."""
        waiting, seen = [(0, call is None)], {(0, call is None)}
        while waiting:
            number, is_null = waiting.pop()
            step = routine.steps[number]
            if isinstance(step, Return):
                yield number
            if isinstance(step, Call) and isinstance(step.callee, Func):
                if self.never_returns(step.callee.key):
                    continue
                is_null = is_null or step is call
            if isinstance(step, Assume) and is_null:
                known = _test_null(step.condition, copies)
                if known is not None and known != step.truth:
                    continue
            for follower in routine.successors[number]:
                if (follower, is_null) not in seen:
                    seen.add((follower, is_null))
                    waiting.append((follower, is_null))


def _test_null(condition: Expr, pointers: set[Expr]) -> bool | None:
    """The truth of a condition where ``pointers`` are NULL; None if it is about others."""
    condition = strip_casts(condition)
    if condition in pointers:
        return False
    match condition:
        case Op(operator="!", operands=(operand,)):
            inner = _test_null(operand, pointers)
            return None if inner is None else not inner
        case Op(operator="==" | "!=" as operator, operands=(left, right)):
            sides = {strip_casts(left), strip_casts(right)}
            if sides & pointers and Const(0) in sides:
                return operator == "=="
    return None
