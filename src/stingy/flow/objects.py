# SPDX-License-Identifier: MIT
"""Which objects there are: what each allocation site gives, and of what size.

Sites of one struct type give one object; untyped buffers are told apart by who holds them
(``struct conn.header``).
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from stingy.flow.bounds import Bounds
from stingy.flow.constructs import Constructs, size_argument
from stingy.flow.pointers import AllocationSite, Node, Pointers
from stingy.lower.linking import Program
from stingy.model.annotations import Annotations
from stingy.model.program import (
    Assign,
    Cast,
    Const,
    Expr,
    Field,
    Op,
    Return,
    SizeOf,
    Unknown,
    Var,
    name_of,
    pointee,
    strip_casts,
)
from stingy.model.results import Size

_UNTYPED = {"", "void", "char", "unsigned char", "signed char"}


@dataclass(slots=True)
class Kind:
    """One object: its identifier, its type, the sites that give it."""

    id: str
    type: str
    task: bool
    sites: list[AllocationSite] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)
    alignment: int = 1


@dataclass(slots=True)
class Objects:
    """All objects, and the object of each site."""

    kinds: dict[str, Kind] = field(default_factory=dict)
    of_site: dict[Node, str] = field(default_factory=dict)
    task: str = ""  # the id of the task's object, or a name for it if it is never allocated
    task_type: str = ""

    def is_noted(self, kind: Kind, type_: str, program: Program) -> bool:
        """Whether a note about ``type_``, as a user writes it, is about this object."""
        return program.record_of(type_) == kind.type or type_ == kind.id

    def candidates(self, pointers: Pointers, expr: Expr) -> list[str]:
        """The objects that an expression may point to: by flow, else by its type."""
        found = {self.of_site[n] for n in pointers.objects_of(expr) if n in self.of_site}
        if not found:
            type_ = static_pointee(expr)
            found = {k.id for k in self.kinds.values() if type_ and k.type == type_}
            if type_ == self.task_type:
                found.add(self.task)
        return sorted(found)


def static_pointee(expr: Expr) -> str:
    """What an expression points to by its declared type; "" if that says nothing."""
    match expr:
        case Cast(type=type_, operand=operand):
            named = pointee(type_)
            return named if named not in _UNTYPED else static_pointee(operand)
        case Var(type=type_) | Field(type=type_):
            named = pointee(type_)
            return "" if named in _UNTYPED else named
    return ""


def find_objects(
    annotations: Annotations, program: Program, constructs: Constructs, pointers: Pointers
) -> Objects:
    """Name the object of every allocation site."""
    objects = Objects(task_type=program.record_of(annotations.requests.task))
    namer = _Namer(annotations, program, constructs, pointers)
    ignored = {program.record_of(t) for t in annotations.requests.ignore}
    for node, site in sorted(pointers.sites.items()):
        if _is_inside_construct(constructs, site.routine):
            continue
        type_, holder = namer.name(node, site)
        if type_ in ignored:
            continue
        identifier = _identifier(holder or type_) + ("_array" if type_.endswith("[]") else "")
        kind = objects.kinds.setdefault(
            identifier, Kind(identifier, type_ or holder, type_ == objects.task_type)
        )
        kind.sites.append(site)
        kind.sizes.append(namer.size(site, type_))
        record = program.records.get(type_)
        word = 8 if "64" in program.target() else 4
        kind.alignment = max(kind.alignment, record.alignment if record else 2 * word)
        objects.of_site[node] = identifier
    tasks = [k.id for k in objects.kinds.values() if k.task]
    objects.task = tasks[0] if tasks else _identifier(objects.task_type)
    return objects


def _is_inside_construct(constructs: Constructs, routine: str) -> bool:
    """What an annotated allocator allocates itself is what it gives: no object of its own."""
    return constructs.is_allocator(routine)


def _identifier(name: str) -> str:
    words = re.sub(r"^(struct|union) ", "", name).removesuffix("[]")
    identifier = re.sub(r"\W+", "_", words).strip("_")
    return f"_{identifier}" if identifier[:1].isdigit() else identifier or "object"


class _Namer:
    def __init__(
        self,
        annotations: Annotations,
        program: Program,
        constructs: Constructs,
        pointers: Pointers,
    ):
        self.annotations = annotations
        self.program = program
        self.constructs = constructs
        self.pointers = pointers
        self.bounds = Bounds(program, pointers)
        self.holders: dict[Node, list[Node]] = defaultdict(list)
        for node, targets in pointers.targets.items():
            for target in targets:
                if target[0] == "object" and node[0] == "field":
                    self.holders[target].append(node)

    def name(self, node: Node, site: AllocationSite) -> tuple[str, str]:
        """The object's type, and (for untyped memory, and numbers) its holder."""
        if site.construct.object:
            return self.program.record_of(site.construct.object), ""
        size = size_argument(self.constructs, site.construct, site.callee, site.call)
        typed = _type_in(size)
        if typed:
            return typed, ""
        element = _element_in(size)
        if element and not (isinstance(size, Op) and self._is_fixed(size, element)):
            return f"{element}[]", ""
        declared = self._destination_type(site)
        if declared not in _UNTYPED and not _is_scalar(declared):
            return declared, ""
        return "", self._holder(node, site)

    def _is_fixed(self, size: Op, element: str) -> bool:
        """Whether an array has a constant length, so that it is an object like others.

        Requests are told apart one by one: an array of them is not a request.
        """
        constant = any(isinstance(strip_casts(factor), Const) for factor in size.operands)
        return constant and element != self.program.record_of(self.annotations.requests.task)

    def _destination_type(self, site: AllocationSite) -> str:
        for value, place in self._copies(site):
            if isinstance(value, Cast) and pointee(value.type) not in _UNTYPED:
                return pointee(value.type)
            if isinstance(place, Var | Field) and pointee(place.type) not in _UNTYPED:
                return pointee(place.type)
        result = pointee(site.call.result.type)
        return result if result not in _UNTYPED else self._returned_type(site)

    def _returned_type(self, site: AllocationSite) -> str:
        """The type that the routine returns, if it returns the object."""
        routine = self.program.routines[site.routine]
        values = {site.call.result, *(place for _, place in self._copies(site))}
        for step in routine.steps:
            if isinstance(step, Return) and step.value and strip_casts(step.value) in values:
                return pointee(routine.signature.split("(", 1)[0].strip())
        return ""

    def _copies(self, site: AllocationSite) -> list[tuple[Expr, Expr]]:
        """The assignments that take the result of the call, within its routine."""
        values: set[Expr] = {site.call.result}
        found: list[tuple[Expr, Expr]] = []
        position = self.constructs.position(site.construct, site.callee, "O")
        if position is not None and position < len(site.call.arguments):
            argument = strip_casts(site.call.arguments[position])
            place = getattr(argument, "place", None)
            if place is not None:
                found.append((site.call.result, place))
                values.add(place)
        steps = [s for s in self.program.routines[site.routine].steps if isinstance(s, Assign)]
        changed = True
        while changed:
            changed = False
            for step in steps:
                pair = (step.value, step.place)
                if strip_casts(step.value) in values and pair not in found:
                    found.append(pair)
                    values.add(step.place)
                    changed = True
        return found

    def _holder(self, node: Node, site: AllocationSite) -> str:
        fields = [p for _, p in self._copies(site) if isinstance(p, Field)]
        if fields:
            return f"{fields[0].record}.{fields[0].name}"
        holders = sorted(self.holders[node])
        if holders:
            return f"{holders[0][1]}.{holders[0][2]}"
        for _, place in self._copies(site):
            if isinstance(place, Var) and not place.name.startswith("%"):
                return f"{name_of(site.routine)}.{place.name.split('@')[0]}"
        return f"{name_of(site.routine)}.{site.call.spot.line}"

    def size(self, site: AllocationSite, type_: str) -> Size:
        """The size at a site: constant, bounded, or unknown."""
        construct = site.construct
        record = self.program.records.get(type_)
        if construct.bytes is not None:
            return Size(kind="constant", bytes=construct.bytes, source="annotation")
        expression = size_argument(self.constructs, construct, site.callee, site.call)
        if isinstance(expression, Unknown) and record:
            return Size(kind="constant", bytes=record.bytes, expression=type_, source="type")
        where = f"{site.call.spot.file}:{site.call.spot.line}"
        text = site.call.text
        value, exact = self._bound(expression, site)
        if value is not None:
            kind = "constant" if exact else "bound"
            return Size(kind=kind, bytes=value, expression=text, source=where)
        note = next((n for n in self.annotations.objects if self._is_noted(n.type, site)), None)
        limit = construct.max_bytes if construct.max_bytes is not None else None
        reason = construct.reason or "annotation"
        if note and note.max_bytes is not None:
            limit, reason = note.max_bytes, note.reason
        if limit is not None:
            return Size(kind="bound", bytes=limit, expression=text, source=reason)
        return Size(kind="unknown", bytes=None, expression=text, source=where)

    def _is_noted(self, type_: str, site: AllocationSite) -> bool:
        own, holder = self.name(site.node, site)
        return self.program.record_of(type_) in {own, holder} or type_ in {
            _identifier(own),
            _identifier(holder),
        }

    def _bound(self, size: Expr, site: AllocationSite) -> tuple[int | None, bool]:
        routine = self.program.routines[site.routine]
        step = next((n for n, s in enumerate(routine.steps) if s is site.call), 0)
        return self.bounds.upper(size, routine, step)


def _type_in(size: Expr) -> str:
    """The type whose sizeof a size is made of; "" if there is none or several."""
    match size:
        case SizeOf(type=type_):
            return "" if type_ in _UNTYPED or _is_scalar(type_) else type_
        case Op(operator="+", operands=operands):
            types = {t for o in operands if (t := _type_in(o))}
            return types.pop() if len(types) == 1 else ""
        case Cast(operand=operand):
            return _type_in(operand)
    return ""


def _element_in(size: Expr) -> str:
    """The record in ``n * sizeof(record)``; "" for other sizes."""
    size = strip_casts(size)
    if not isinstance(size, Op) or size.operator != "*":
        return ""
    types = [one.type for one in map(strip_casts, size.operands) if isinstance(one, SizeOf)]
    return types[0] if len(types) == 1 and types[0].startswith(("struct ", "union ")) else ""


def _is_scalar(type_: str) -> bool:
    return not type_.startswith(("struct ", "union ")) and (
        type_.endswith("*")
        or type_.rsplit(maxsplit=1)[-1] in {"int", "long", "short", "char", "float"}
    )
