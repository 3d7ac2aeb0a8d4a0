# SPDX-License-Identifier: MIT
"""Pass 8: which stages read and write which globals and which fields of objects."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from stingy.linking import Program
from stingy.pointers import Pointers
from stingy.program import Addr, Assign, Call, Deref, Expr, Field, Index, Step, Var, parts_of
from stingy.program import expressions_of

Touched = tuple[str, str]  # ("", variable), or (record, field)


@dataclass(slots=True)
class Accesses:
    """For each variable and field the stages that read and write it."""

    read: dict[Touched, set[str]] = field(default_factory=lambda: defaultdict(set))
    written: dict[Touched, set[str]] = field(default_factory=lambda: defaultdict(set))


def find_accesses(
    program: Program, pointers: Pointers, visited: dict[str, set[str]]
) -> Accesses:
    """Look at every routine that a stage runs through (``visited``: routine -> stages)."""
    accesses = Accesses()
    for key, stages in visited.items():
        names = {s for s in stages if s}
        if not names:
            continue
        for step in program.routines[key].steps:
            for touched in _reads(step, pointers):
                accesses.read[touched] |= names
            for touched in _writes(step, pointers):
                accesses.written[touched] |= names
    return accesses


def _writes(step: Step, pointers: Pointers) -> set[Touched]:
    found: set[Touched] = set()
    if isinstance(step, Assign):
        _touch_place(step.place, pointers, found)
    if isinstance(step, Call):  # what is passed by address may be written
        for argument in step.arguments:
            if isinstance(argument, Addr):
                _touch_place(argument.place, pointers, found)
    return found


def _reads(step: Step, pointers: Pointers) -> set[Touched]:
    found: set[Touched] = set()
    expressions = expressions_of(step)
    if isinstance(step, Assign):
        _touch_all(step.value, pointers, found)
        for part in _pointers_in(step.place):
            _touch_all(part, pointers, found)
        return found
    for expression in expressions:
        _touch_all(expression, pointers, found)
    return found


def _pointers_in(place: Expr) -> list[Expr]:
    """What has to be read to find a place."""
    match place:
        case Deref(pointer=pointer):
            return [pointer]
        case Field(base=base):
            return _pointers_in(base)
        case Index(base=base, index=index):
            return [index, *_pointers_in(base)]
    return []


def _touch_all(expression: Expr, pointers: Pointers, found: set[Touched]) -> None:
    _touch_place(expression, pointers, found)
    for part in parts_of(expression):
        _touch_all(part, pointers, found)


def _touch_place(place: Expr, pointers: Pointers, found: set[Touched]) -> None:
    match place:
        case Var(name=name, function=""):
            found.add(("", name))
        case Field(base=base, record=record, name=name):
            found.add((record, name))
            _touch_place(base, pointers, found)
        case Index(base=base):
            _touch_place(base, pointers, found)
        case Deref(pointer=pointer):
            for target in pointers.of(pointer):
                if target[:2] == ("address", "variable") and not target[3]:
                    found.add(("", target[2]))
