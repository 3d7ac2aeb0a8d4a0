# SPDX-License-Identifier: MIT
"""Which fields and variables a routine may read or write, with all that it calls."""

from __future__ import annotations

from dataclasses import dataclass, field

from stingy.flow.pointers import Pointers
from stingy.flow.values import Place
from stingy.lower.linking import Program
from stingy.model.program import (
    Assign,
    Call,
    Deref,
    Expr,
    Field,
    Step,
    Var,
    expressions_of,
    walk,
)


@dataclass(slots=True)
class Footprints:
    """Computes footprints, each once: sets of (record, field) and ("", variable)."""

    program: Program
    pointers: Pointers
    _own: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    _all: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    _written: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    def concerns(self, key: str, place: Place) -> bool:
        """Whether what is known of a place matters to a routine."""
        touched = self.of(key)
        base = place[0]
        if base[0] == "variable" and (not base[2] or base[2] == key):
            if base[2] or ("", base[1]) in touched:
                return True
        elif base[0] == "variable":
            return True  # a local of a caller that is reached by its address
        return any(step in touched for step in place[1:])

    def may_write(self, key: str, place: Place) -> bool:
        """Whether a routine, with all that it calls, may change what is known of a place."""
        base = place[0]
        if base[0] == "variable" and base[2]:
            return True  # by its address
        written = self._written_by(key)
        if base[0] == "variable" and ("", base[1]) in written:
            return True
        return any(step in written for step in place[1:])

    def _written_by(self, key: str) -> set[tuple[str, str]]:
        if key not in self._written:
            found: set[tuple[str, str]] = set()
            for one in self._reached(key):
                for step in self.program.routines[one].steps:
                    found |= self._written_at(step)
            self._written[key] = found
        return self._written[key]

    def _written_at(self, step: Step) -> set[tuple[str, str]]:
        """What a step may write: the fields on the way to a place count too (a whole record)."""
        found: set[tuple[str, str]] = set()
        match step:
            case Assign(place=place):
                for part in walk(place):
                    found |= self._names_of(part)
            case Call(arguments=arguments):
                for argument in arguments:
                    found |= self._behind(Deref(argument))
        return found

    def _names_of(self, part: Expr) -> set[tuple[str, str]]:
        if isinstance(part, Field):
            return {(part.record, part.name)}
        if isinstance(part, Var) and not part.function:
            return {("", part.name)}
        return self._behind(part) if isinstance(part, Deref) else set()

    def of(self, key: str) -> set[tuple[str, str]]:
        """The footprint of a routine and of all that it calls."""
        if key not in self._all:
            self._all[key] = set().union(*(self._own_footprint(k) for k in self._reached(key)))
        return self._all[key]

    def _reached(self, key: str) -> set[str]:
        """A routine and all that it calls, of those with a body."""
        waiting, seen = [key], {key}
        while waiting:
            for callee in self._callees(waiting.pop()):
                if callee in self.program.routines and callee not in seen:
                    seen.add(callee)
                    waiting.append(callee)
        return seen

    def _callees(self, key: str) -> set[str]:
        found: set[str] = set()
        for number, step in enumerate(self.program.routines[key].steps):
            if isinstance(step, Call):
                found |= self.pointers.callees.get((key, number), set())
        return found

    def _own_footprint(self, key: str) -> set[tuple[str, str]]:
        if key in self._own:
            return self._own[key]
        found: set[tuple[str, str]] = set()
        for step in self.program.routines[key].steps:
            for expression in expressions_of(step):
                for part in walk(expression):
                    if isinstance(part, Field):
                        found.add((part.record, part.name))
                    elif isinstance(part, Var) and not part.function:
                        found.add(("", part.name))
                    elif isinstance(part, Deref):
                        found |= self._behind(part)
            if isinstance(step, Call):
                for argument in step.arguments:
                    found |= self._behind(Deref(argument))
        self._own[key] = found
        return found

    def _behind(self, place: Deref) -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for target in self.pointers.of(place.pointer):
            if target[0] == "address":
                found.add((target[2], target[3]) if target[1] == "field" else ("", target[2]))
        return found
