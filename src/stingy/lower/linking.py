# SPDX-License-Identifier: MIT
"""The units of a server become one program."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from stingy.model.program import (
    Assign,
    CompiledFunction,
    Member,
    Record,
    Routine,
    Spot,
    Storage,
    Unit,
    name_of,
)


@dataclass(slots=True)
class Program:
    """All routines, records and variables of the server, by their keys."""

    units: list[Unit]
    routines: dict[str, Routine] = field(default_factory=dict)
    declared: dict[str, str] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    typedefs: dict[str, str] = field(default_factory=dict)
    storage: dict[str, Storage] = field(default_factory=dict)
    initialisers: list[Assign] = field(default_factory=list)
    constants: dict[str, int] = field(default_factory=dict)
    compiled: dict[str, CompiledFunction] = field(default_factory=dict)
    clashes: list[tuple[Spot, str]] = field(default_factory=list)
    outside: set[str] = field(default_factory=set)  # functions declared outside of the server
    _by_name: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def find(self, name: str) -> list[str]:
        """The keys of the functions called ``name``: with a body, or only declared."""
        return self._by_name.get(name, [])

    def show(self, key: str) -> str:
        """A function's name; with its file only where two have the same."""
        name = name_of(key)
        return name if len(self._by_name.get(name, ())) <= 1 else key

    def record_of(self, type_: str) -> str:
        """The canonical name of a type as a user writes it (``conn_t``, ``struct conn``)."""
        words = re.sub(r"\s+", " ", type_.strip())
        if words in self.records:
            return words
        if words in self.typedefs:
            return self.typedefs[words]
        return next((r for r in (f"struct {words}", f"union {words}") if r in self.records), words)

    def inner_record(self, record: str, member: Member) -> str:
        """The record that a member is; "" if it is none.  One without a name is called after the
        record around it and its position."""
        if member.type in self.records:
            return member.type
        position = member.type.rsplit(":", 2)
        if len(position) == 3 and position[2].endswith(")"):
            name = f"{record}.{position[1]}:{position[2][:-1]}"
            return name if name in self.records else ""
        return ""

    def target(self) -> str:
        """The target that the units were parsed for."""
        return next((u.target for u in self.units if u.target), "")


def link(units: list[Unit]) -> Program:
    """Put the analysed units together; a function that two units define is a clash."""
    program = Program(units)
    for unit in _in_order(units):
        for key, routine in unit.routines.items():
            known = program.routines.setdefault(key, routine)
            if known.spot != routine.spot:
                where = f"{known.spot.file}:{known.spot.line}"
                text = f"{routine.name} is defined here and in {where}; the latter is used"
                program.clashes.append((routine.spot, text))
        program.declared.update(unit.declared)
        for name, record in unit.records.items():
            if name not in program.records or not program.records[name].members:
                program.records[name] = record
        program.outside |= unit.outside
        program.typedefs.update(unit.typedefs)
        program.initialisers += unit.initialisers
        program.constants.update(unit.constants)
        for key, one in unit.storage.items():
            if key not in program.storage or (one.defined and not program.storage[key].defined):
                program.storage[key] = one
        for key, frame in unit.compiled.items():
            _merge_compiled(program.compiled, key, frame)
    _index(program)
    return program


def _in_order(units: list[Unit]) -> Iterator[Unit]:
    """The units that were analysed, each after the header that it shares with others."""
    headers: set[int] = set()
    for unit in units:
        if unit.problem:
            continue
        if unit.header is not None and id(unit.header) not in headers:
            headers.add(id(unit.header))
            yield unit.header
        yield unit


def _merge_compiled(
    known: dict[str, CompiledFunction], key: str, function: CompiledFunction
) -> None:
    """An inline function of a header is compiled in several units: the worst of all."""
    old = known.get(key)
    if old is None:
        known[key] = function
        return
    kind = next((f.kind for f in (old, function) if f.kind != "static"), "static")
    calls = tuple(sorted({*old.calls, *function.calls}))
    known[key] = CompiledFunction(max(old.bytes, function.bytes), kind, calls)


def _index(program: Program) -> None:
    for key in program.routines:
        program._by_name[name_of(key)].append(key)
    for key in program.declared:
        name = name_of(key)
        if not program._by_name.get(name):
            program._by_name[name].append(key)
