# SPDX-License-Identifier: MIT
"""Which stages read and write which globals and fields.

What a stage does includes the functions that it calls.  Memory whose address is taken counts as
read and written: whoever gets the address may do both.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import PurePath

from stingy.flow.pointers import Pointers
from stingy.lower.linking import Program
from stingy.model.program import (
    Addr,
    Assign,
    Assume,
    Call,
    Cast,
    Deref,
    Expr,
    Field,
    Index,
    Return,
    Routine,
    Var,
    is_array,
    parts_of,
)
from stingy.model.results import Global, Location, ObjectField

Target = tuple[str, str]  # a record and its field; or "" and a global's key


@dataclass
class Accesses:
    """Stages by what they read and write."""

    read: dict[Target, set[str]] = field(default_factory=dict)
    written: dict[Target, set[str]] = field(default_factory=dict)


def find_accesses(
    program: Program,
    reach: Mapping[str, AbstractSet[str]],
    pointers: Pointers | None = None,
) -> Accesses:
    """Accesses on request paths; ``reach`` gives the functions that each stage calls, directly or
    not, and its own.  With ``pointers`` globals that are reached by their address count too."""
    stages_of: dict[str, set[str]] = {}
    for stage, routines in reach.items():
        for key in routines:
            stages_of.setdefault(key, set()).add(stage)
    found = Accesses()
    for key, stages in stages_of.items():
        routine = program.routines.get(key)
        if routine is None:
            continue
        read, written = find_targets(routine, pointers)
        for target in read:
            found.read.setdefault(target, set()).update(stages)
        for target in written:
            found.written.setdefault(target, set()).update(stages)
    return found


def find_targets(
    routine: Routine, pointers: Pointers | None = None
) -> tuple[set[Target], set[Target]]:
    """What a routine itself reads, and what it writes."""
    scan = _Scan(pointers)
    for step in routine.steps:
        match step:
            case Assume(condition=condition):
                scan.read_from(condition)
            case Assign(place=place, value=value):
                scan.write_to(place)
                scan.read_from(value)
            case Call(callee=callee, arguments=arguments):
                for expr in (callee, *arguments):
                    scan.read_from(expr)
            case Return(value=value) if value is not None:
                scan.read_from(value)
    return scan.read, scan.written


def describe_globals(program: Program, accesses: Accesses) -> list[Global]:
    """The server's variables with static storage that are used on request paths."""
    found = []
    for key, storage in sorted(program.storage.items()):
        target = ("", key)
        read, written = (sorted(one.get(target, ())) for one in (accesses.read, accesses.written))
        if not (read or written) or PurePath(storage.spot.file).is_absolute():
            continue
        found.append(
            Global(
                name=storage.name,
                location=Location(
                    file=storage.spot.file, line=storage.spot.line, column=storage.spot.column
                ),
                type=storage.type,
                bytes=storage.bytes if storage.bytes > 0 else None,
                constant=storage.constant,
                read_by=read,
                written_by=[] if storage.constant else written,
            )
        )
    return found


def describe_fields(program: Program, record: str, accesses: Accesses) -> list[ObjectField]:
    """The fields of ``record``, in the order of their offsets."""
    layout = program.records.get(record)
    return [
        ObjectField(
            name=member.name,
            offset=member.offset,
            bytes=member.bytes,
            read_by=sorted(accesses.read.get((record, member.name), ())),
            written_by=sorted(accesses.written.get((record, member.name), ())),
        )
        for member in sorted(layout.members if layout else (), key=lambda m: (m.offset, m.name))
    ]


class _Scan:
    def __init__(self, pointers: Pointers | None) -> None:
        self.pointers = pointers
        self.read: set[Target] = set()
        self.written: set[Target] = set()

    def read_from(self, expr: Expr) -> None:
        """Note what evaluating ``expr`` reads."""
        match expr:
            case Addr(place=place):
                self._touch(place, self.read, self.written)
            case Field(type=type_) | Var(type=type_) if is_array(type_):
                self._touch(expr, self.read, self.written)  # an array stands for its address
            case Field() | Var() | Index():
                self._touch(expr, self.read)
            case Deref():
                self._touch(expr, self.read)
            case Cast(operand=operand):
                self.read_from(operand)
            case _:
                for part in parts_of(expr):
                    self.read_from(part)

    def write_to(self, place: Expr) -> None:
        """Note what storing into ``place`` writes, and what finding the place reads."""
        self._touch(place, self.written)

    def _touch(self, place: Expr, *notes: set[Target]) -> None:
        match place:
            case Field(base=base, record=record, name=name):
                for note in notes:
                    note.add((record, name))
                self._touch(base, *notes)
            case Index(base=base, index=index):
                self.read_from(index)
                self._touch(base, *notes)
            case Var(name=name, function=""):
                for note in notes:
                    note.add(("", name))
            case Var():
                pass
            case Deref(pointer=pointer):
                self.read_from(pointer)
                for key in self._globals_behind(pointer):
                    for note in notes:
                        note.add(("", key))
            case _:
                self.read_from(place)

    def _globals_behind(self, pointer: Expr) -> list[str]:
        """The variables with static storage that a pointer may point to."""
        targets = self.pointers.of(pointer) if self.pointers else set()
        return sorted(t[2] for t in targets if t[:2] == ("address", "variable") and not t[3])
