# SPDX-License-Identifier: MIT
"""What an allocator of the server leaves at zero in the objects that it gives."""

from __future__ import annotations

from stingy.flow.values import AccessPath
from stingy.lower.linking import Program
from stingy.model.program import (
    Addr,
    Call,
    Const,
    Deref,
    Expr,
    Field,
    Func,
    SizeOf,
    Var,
    name_of,
    pointee,
)

CLEARS = {"memset", "__builtin_memset", "bzero", "explicit_bzero"}
_ZEROING = ("zalloc", "calloc")


def find_zeroed(key: str, type_: str, program: Program) -> list[tuple[AccessPath, str]]:
    """The parts (paths of fields, with their records) that are zero in a new object."""
    if any(word in name_of(key) for word in _ZEROING):
        return [((), type_)]
    routine = program.routines.get(key)
    if routine is None:
        return []
    found: list[tuple[AccessPath, str]] = []
    for call in routine.calls():
        if not isinstance(call.callee, Func):
            continue
        if any(word in name_of(call.callee.key) for word in _ZEROING):
            continue  # only new memory, not what comes from a free list
        if call.callee.key in CLEARS and is_zero(call):
            part = _part(call.arguments[0], call.arguments[-1], type_, program)
            if part is not None:
                found.append(part)
    return found


def is_zero(call: Call) -> bool:
    """Whether a call that sets memory sets it to 0."""
    return len(call.arguments) < 3 or call.arguments[1] == Const(0)


def _part(pointer: Expr, size: Expr, type_: str, program: Program) -> tuple[AccessPath, str] | None:
    """The part of an object that is set, if it is set as a whole."""
    match pointer:
        case Var() if pointee(pointer.type) == type_:
            path: AccessPath = ()
            record = type_
        case Addr(place=Field(base=Deref(), record=outer, name=name)) if outer == type_:
            layout = program.records.get(outer)
            member = next((m for m in layout.members if m.name == name), None) if layout else None
            if member is None:
                return None
            path = ((outer, name),)
            record = program.inner_record(outer, member)
        case _:
            return None
    known = program.records.get(record)
    whole = known is not None and isinstance(size, SizeOf) and size.bytes >= known.bytes
    return (path, record) if whole else None
