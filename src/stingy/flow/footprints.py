# SPDX-License-Identifier: MIT
"""Which fields and variables a routine may read or write, with all that it calls.

Footprints are sets of (record, field) and ("", variable), kept as bits of integers: there is one
for each routine, and most of a large server is in most of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from stingy.flow.callgraph import CallGraph
from stingy.flow.pointers import Pointers
from stingy.flow.values import AccessPath
from stingy.lower.linking import Program
from stingy.model.program import (
    Assign,
    Call,
    Deref,
    Expr,
    Field,
    Routine,
    Step,
    Var,
    expressions_of,
    walk,
)

Name = tuple[str, str]


@dataclass(slots=True)
class Footprints:
    """Footprints of all routines, computed when the first is asked for."""

    program: Program
    pointers: Pointers
    calls: CallGraph
    names: dict[tuple[str, ...], int] = field(default_factory=dict)  # the bit of each
    _touched: dict[str, int] = field(default_factory=dict)
    _written: dict[str, int] = field(default_factory=dict)
    _behind_pointer: dict[Expr, int] = field(default_factory=dict)

    def concerns(self, key: str, place: AccessPath) -> bool:
        """Whether what is known of a place matters to a routine."""
        touched = self.of(key)
        base = place[0]
        if base[0] == "variable" and (base[2] == key or touched & self.names.get(("", base[1]), 0)):
            return True
        return any(touched & self.names.get(step, 0) for step in place[1:])

    def may_write(self, key: str, place: AccessPath) -> bool:
        """Whether a routine, with all that it calls, may change what is known of a place."""
        base = place[0]
        if base[0] == "variable" and base[2]:
            return True  # by its address
        self.prepare()
        written = self._written[key]
        if base[0] == "variable" and written & self.names.get(("", base[1]), 0):
            return True
        return any(written & self.names.get(step, 0) for step in place[1:])

    def of(self, key: str) -> int:
        """The footprint of a routine and of all that it calls."""
        self.prepare()
        return self._touched[key]

    def prepare(self) -> None:
        """Compute them."""
        if self._touched:
            return
        for members in self.calls.components:
            touched = written = 0
            for key in members:
                routine = self.program.routines[key]
                touched |= self._own_footprint(routine)
                for step in routine.steps:
                    written |= self._written_at(step)
                for callee in self.calls.callees[key]:
                    touched |= self._touched.get(callee, 0)
                    written |= self._written.get(callee, 0)
            for key in members:
                self._touched[key], self._written[key] = touched, written

    def _own_footprint(self, routine: Routine) -> int:
        found = 0
        for step in routine.steps:
            for expression in expressions_of(step):
                for part in walk(expression):
                    found |= self._names_of(part)
            if isinstance(step, Call):
                for argument in step.arguments:
                    found |= self._behind(argument)
        return found

    def _written_at(self, step: Step) -> int:
        """What a step may write: the fields on the way to a place count too (a whole record)."""
        found = 0
        match step:
            case Assign(place=place):
                for part in walk(place):
                    found |= self._names_of(part)
            case Call(arguments=arguments):
                for argument in arguments:
                    found |= self._behind(argument)
        return found

    def _names_of(self, part: Expr) -> int:
        if isinstance(part, Field):
            return self._bit((part.record, part.name))
        if isinstance(part, Var) and not part.function:
            return self._bit(("", part.name))
        return self._behind(part.pointer) if isinstance(part, Deref) else 0

    def _behind(self, pointer: Expr) -> int:
        """What a pointer may point to."""
        if pointer not in self._behind_pointer:
            found = 0
            for target in self.pointers.of(pointer):
                if target[0] == "address":
                    is_field = target[1] == "field"
                    found |= self._bit((target[2], target[3]) if is_field else ("", target[2]))
            self._behind_pointer[pointer] = found
        return self._behind_pointer[pointer]

    def _bit(self, name: Name) -> int:
        return self.names.setdefault(name, 1 << len(self.names))
