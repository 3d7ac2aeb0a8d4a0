# SPDX-License-Identifier: MIT
"""Which fields and variables a routine may read or write, with all that it calls."""

from __future__ import annotations

from dataclasses import dataclass, field

from stingy.linking import Program
from stingy.pointers import Pointers
from stingy.program import Call, Deref, Field, Var, expressions_of, walk
from stingy.values import Place


@dataclass(slots=True)
class Footprints:
    """Computes footprints, each once: sets of (record, field) and ("", variable)."""

    program: Program
    pointers: Pointers
    _own: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    _all: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

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

    def of(self, key: str) -> set[tuple[str, str]]:
        """The footprint of a routine and of all that it calls."""
        if key not in self._all:
            found: set[tuple[str, str]] = set()
            waiting, seen = [key], {key}
            while waiting:
                one = waiting.pop()
                found |= self._own_footprint(one)
                for callee in self._callees(one):
                    if callee in self.program.routines and callee not in seen:
                        seen.add(callee)
                        waiting.append(callee)
            self._all[key] = found
        return self._all[key]

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
