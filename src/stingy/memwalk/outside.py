# SPDX-License-Identifier: MIT
"""What functions without a body do to what is known of memory."""

from __future__ import annotations

from stingy.flow.returning import NO_RETURN
from stingy.flow.values import Instance, held_object
from stingy.flow.zeroing import CLEARS, is_zero
from stingy.memwalk.memory import Memory
from stingy.memwalk.states import State
from stingy.memwalk.summaries import Results
from stingy.model.program import Call, Cast, Deref, Expr, Field, SizeOf, Var, pointee, strip_casts

_ERROR_TESTS = {"IS_ERR", "IS_ERR_OR_NULL", "IS_ERR_VALUE"}  # never true of an object
_COPIES = {"memcpy", "__builtin_memcpy", "memmove", "__builtin_memmove"}


def after_outside(memory: Memory, call: Call, key: str, state: State) -> Results:
    """The results of a call of such a function."""
    if key in NO_RETURN:
        return []
    if key in CLEARS and call.arguments:
        return [(None, _clear(memory, call, state))]
    if key in _COPIES and call.arguments:
        pointer = call.arguments[0]
        return [(memory.value(pointer, state), memory.forget_behind(pointer, state))]
    if key in _ERROR_TESTS and call.arguments:
        tested = memory.value(call.arguments[0], state)
        return [(0 if isinstance(tested, Instance) else None, state)]
    for argument in call.arguments:
        if not held_object(memory.value(argument, state)):
            state = memory.forget_behind(argument, state)
    return [(None, state)]


def _clear(memory: Memory, call: Call, state: State) -> State:
    pointer = call.arguments[0]
    place = memory.place(Deref(pointer), state)
    record = pointee_record(pointer)
    if place is None or not is_zero(call) or record not in memory.program.records:
        return memory.forget_behind(pointer, state)
    size = call.arguments[-1]
    whole = memory.program.records[record].bytes
    bytes_ = size.bytes if isinstance(size, SizeOf) else memory.value(size, state)
    if not isinstance(bytes_, int):
        return memory.forget_behind(pointer, state)
    return memory.clear(place, record, None if bytes_ >= whole else bytes_, state)


def pointee_record(pointer: Expr) -> str:
    """The record that a pointer points to, by its declared type."""
    inner = strip_casts(pointer)
    if isinstance(inner, Var | Field):
        return pointee(inner.type)
    place = getattr(inner, "place", None)
    return record_type(place) if place is not None else ""


def record_type(place: Expr) -> str:
    """The declared type of a place that may be a record."""
    match place:
        case Var(type=type_) | Field(type=type_):
            return type_.removeprefix("const ")
        case Deref(pointer=pointer):
            return pointee_record(pointer)
        case Cast(operand=operand):
            return record_type(operand)
    return ""
