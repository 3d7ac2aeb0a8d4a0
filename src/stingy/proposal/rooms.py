# SPDX-License-Identifier: MIT
"""How much room in the slabs an object may want whose size has no bound, as the source shows it.

A buffer that grows has a first size, and a size that is a variable is often set to a constant.
Neither is a bound: what is larger comes from the system's memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from stingy.flow.constructs import Constructs, find_constructs, size_argument
from stingy.flow.objects import Kind, find_objects
from stingy.flow.pointers import resolve_pointers
from stingy.flow.startup import find_held_by_tasks
from stingy.lower.linking import Program
from stingy.model.annotations import Annotations
from stingy.model.program import Assign, Const, Expr, Field, Spot, Var, walk
from stingy.proposal.candidates import Seen

MIN_ROOM, MAX_ROOM = 16, 16384  # bytes: less is no buffer, more would leave room for few requests
Constants = dict[tuple[str, str], list[tuple[int, Spot]]]  # by record or function, and name


@dataclass(frozen=True, slots=True)
class Room:
    """An object without a bound, so many bytes that it often has, and where that is seen."""

    type: str
    bytes: int
    seen: Seen


def find_rooms(annotations: Annotations, program: Program) -> list[Room]:
    """Of the objects that requests hold, those without a bound whose usual size is seen."""
    constructs = find_constructs(annotations, program)
    pointers = resolve_pointers(program, constructs)
    objects = find_objects(annotations, program, constructs, pointers)
    constants = _find_constants(program)
    rooms: list[Room] = []
    for name in sorted(find_held_by_tasks(program, objects, pointers)):
        kind = objects.kinds[name]
        if all(size.bytes is not None for size in kind.sizes):
            continue
        fitting = [
            room for room in _usual_sizes(kind, constructs, constants)
            if MIN_ROOM <= room.bytes <= MAX_ROOM
        ]  # fmt: skip
        if fitting:
            rooms.append(max(fitting, key=lambda room: room.bytes))
    return rooms


def _find_constants(program: Program) -> Constants:
    """The constants that fields and variables are set to."""
    found: Constants = defaultdict(list)
    for routine in program.routines.values():
        for step in routine.steps:
            if isinstance(step, Assign) and isinstance(step.value, Const):
                name = _name_of(step.place)
                if name is not None:
                    found[name].append((step.value.value, step.spot))
    return found


def _name_of(place: Expr) -> tuple[str, str] | None:
    match place:
        case Field(record=record, name=name):
            return record, name
        case Var(name=name, function=function):
            return function, name
    return None


def _usual_sizes(kind: Kind, constructs: Constructs, constants: Constants) -> Iterator[Room]:
    for site, size in zip(kind.sites, kind.sizes, strict=True):
        if size.bytes is not None:
            yield Room(kind.type, size.bytes, Seen(site.call.spot, site.call.text))
            continue
        asked = size_argument(constructs, site.construct, site.callee, site.call)
        for part in walk(asked):
            name = _name_of(part)
            if name is None:
                continue
            for value, spot in constants.get(name, ()):
                text = f"{name[1]} = {value}, of which {site.call.text} takes its size"
                yield Room(kind.type, value, Seen(spot, text))
