# SPDX-License-Identifier: MIT
"""Wrappers that only check: ``void *xmalloc(size_t n)`` ends the server where memory is short.

On every path that comes back, such a function does nothing that its caller would miss: it calls one
allocator and returns what that gave.  What it does on the paths that do not come back is its own
way to end the server.  Stingy asks for that way by a size that nobody has.
"""

from __future__ import annotations

from stingy.flow.constructs import Constructs
from stingy.flow.returning import Returning
from stingy.lower.linking import Program
from stingy.model.annotations import Free, Malloc, Role
from stingy.model.program import Assign, Call, Expr, Func, Return, Routine, Var, strip_casts

ROLES: tuple[Role, ...] = ("O", "count", "size")


class Wrappers:
    """Answers what the wrappers of a program do besides, each question once."""

    def __init__(self, program: Program, constructs: Constructs):
        self.program = program
        self.constructs = constructs
        self.returning = Returning(program)

    def is_checking(self, key: str) -> bool:
        """Whether a function passes on an allocator, and never comes back without memory."""
        own = self.constructs.wrappers.get(key, ())
        makes = [one for one in own if isinstance(one.inner, Malloc)]
        return bool(makes) and not any(one.can_fail for one in makes)

    def find_extra(self, key: str) -> str:
        """What a wrapper does besides to check, on a way that comes back; "" if nothing."""
        routine = self.program.routines[key]
        inner = self._find_inner(routine)
        for number in sorted(self._find_returning(routine)):
            match routine.steps[number]:
                case Call() as call if call is not inner:
                    return f"calls {call.text}"
                case Assign(place=place, spot=spot) if not _is_local(place, routine):
                    return f"writes a variable in line {spot.line}"
        return "" if inner is not None else "calls no allocator of its own"

    def roles(self, key: str) -> dict[Role, int]:
        """Which parameter has which role of the allocator inside; what is computed has none."""
        routine = self.program.routines[key]
        inner = self._find_inner(routine)
        if inner is None or not isinstance(inner.callee, Func):
            return {}
        callee = inner.callee.key
        deeper = self.roles(callee) if callee in self.constructs.wrappers else None
        found: dict[Role, int] = {}
        for role in ROLES:
            position = self._position(routine, callee, role) if deeper is None else deeper.get(role)
            if position is None or position >= len(inner.arguments):
                continue
            argument = strip_casts(inner.arguments[position])
            if argument in routine.parameters:
                found[role] = routine.parameters.index(argument)
            else:
                return {}
        return found

    def base_name(self, key: str) -> str:
        """The plain allocator at the bottom."""
        inner = self._find_inner(self.program.routines[key])
        assert inner is not None
        assert isinstance(inner.callee, Func)
        callee = inner.callee.key
        return self.base_name(callee) if callee in self.constructs.wrappers else inner.callee_text

    def _position(self, routine: Routine, callee: str, role: Role) -> int | None:
        for kind in self.constructs.at_call(routine.key, callee):
            if isinstance(kind, Malloc | Free):
                position = self.constructs.position(kind, callee, role)
                if position is not None:
                    return position
        return None

    def _find_inner(self, routine: Routine) -> Call | None:
        """The only allocator that is called on a way that comes back."""
        found = [
            step
            for number in self._find_returning(routine)
            if isinstance(step := routine.steps[number], Call)
            and isinstance(step.callee, Func)
            and any(
                isinstance(kind, Malloc)
                for kind in self.constructs.at_call(routine.key, step.callee.key)
            )
        ]
        return found[0] if len(found) == 1 else None

    def _find_returning(self, routine: Routine) -> set[int]:
        """The steps from which the function may come back."""
        before: dict[int, list[int]] = {}
        for number, followers in enumerate(routine.successors):
            step = routine.steps[number]
            ends = (
                isinstance(step, Call)
                and isinstance(step.callee, Func)
                and self.returning.never_returns(step.callee.key)
            )
            for follower in () if ends else followers:
                before.setdefault(follower, []).append(number)
        waiting = [n for n, step in enumerate(routine.steps) if isinstance(step, Return)]
        found = set(waiting)
        while waiting:
            for number in before.get(waiting.pop(), ()):
                if number not in found:
                    found.add(number)
                    waiting.append(number)
        return found


def _is_local(place: Expr, routine: Routine) -> bool:
    """A variable of the function itself that nobody else can see."""
    return isinstance(place, Var) and bool(place.function) and place.name not in routine.addressed
