# SPDX-License-Identifier: MIT
"""What may allocate and release in a server: the functions of the C library, and free lists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stingy.model.program import (
    Assign,
    Expr,
    Field,
    Routine,
    Spot,
    Var,
    name_of,
    pointee,
    strip_casts,
)
from stingy.proposal.candidates import MALLOCS, Seen, Survey, callee_name

FREES: dict[str, tuple[str, ...]] = {
    "free": ("O",), "realloc": ("O",), "reallocarray": ("O",), "kfree": ("O",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Allocator:
    """A function that allocates or releases, as an annotation says it."""

    function: str
    roles: tuple[str, ...]
    calls: int
    example: Seen


def find_allocators(survey: Survey) -> tuple[list[Allocator], list[Allocator]]:
    """The known functions that the server calls: those that allocate, those that release."""
    seen: dict[str, list[Seen]] = {}
    for _, _, call in survey.calls():
        name = callee_name(call)
        if name in MALLOCS or name in FREES:
            seen.setdefault(name, []).append(Seen(call.spot, call.text))

    def known(table: dict[str, tuple[str, ...]]) -> list[Allocator]:
        return [Allocator(n, table[n], len(seen[n]), seen[n][0]) for n in table if n in seen]

    return known(MALLOCS), known(FREES)


@dataclass(frozen=True, slots=True)
class FreeList:
    """A list of dead objects: who takes from it, who puts on it."""

    place: str
    record: str
    takers: tuple[str, ...]
    putters: tuple[str, ...]
    example: Seen


def find_free_lists(survey: Survey) -> list[FreeList]:
    """Places from which a function that also allocates returns the head, and where another puts
    its argument; a list of requests that wait looks the same, but nothing is allocated there."""
    takers: dict[tuple[str, str], dict[str, tuple[str, Spot]]] = {}
    putters: dict[tuple[str, str], dict[str, str]] = {}
    for routine, step in survey.assigns():
        place = _list_head(step.place)
        if not place[1]:
            continue
        value, result = strip_casts(step.value), _returned_record(routine)
        if result and place[0] == result:
            continue  # inside of the object: a list or tree of live ones
        if isinstance(value, Field) and result and _calls(routine, MALLOCS):
            takers.setdefault(place, {})[routine.name] = (result, step.spot)
        for parameter in routine.parameters:
            if parameter in _origins(routine, value):
                putters.setdefault(place, {})[routine.name] = pointee(parameter.type)
    found = []
    for place, taking in takers.items():
        record, spot = next(iter(taking.values()))
        putting = sorted(n for n, type_ in putters.get(place, {}).items() if type_ == record)
        if putting:
            name = ".".join(filter(None, place))
            seen = Seen(spot, f"{name} is a list of dead objects")
            found.append(FreeList(name, record, tuple(sorted(taking)), tuple(putting), seen))
    return found


def _list_head(place: Expr) -> tuple[str, str]:
    match place:
        case Var(name=name, function="", type=type_) if pointee(type_):
            return "", name_of(name)
        case Field(record=record, name=name, type=type_) if pointee(type_):
            return record, name
    return "", ""


def _returned_record(routine: Routine) -> str:
    """The record that a function returns a pointer to."""
    type_ = pointee(routine.signature.split("(", 1)[0].strip())
    return type_ if type_.startswith(("struct ", "union ")) else ""


def _calls(routine: Routine, names: Iterable[str]) -> bool:
    return any(callee_name(call) in names for call in routine.calls())


def _origins(routine: Routine, value: Expr) -> set[Expr]:
    """What a variable may be a copy of, within the routine."""
    found = {value}
    for _ in range(2):
        found |= {
            strip_casts(s.value)
            for s in routine.steps
            if isinstance(s, Assign) and isinstance(s.place, Var) and s.place in found
        }
    return found
