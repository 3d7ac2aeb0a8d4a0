# SPDX-License-Identifier: MIT
"""Where the annotated constructs are in the program.

Functions that only pass on an untyped allocation or release (``void *xmalloc(size_t)``) are
found and count as constructs themselves, so that an object is told apart by who asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from stingy.flow.returning import Returning
from stingy.lower.linking import Program
from stingy.model.annotations import (
    Annotations,
    Construct,
    Free,
    Handoff,
    Malloc,
    QueueStage,
    Requeue,
    Role,
    ScheduleStage,
)
from stingy.model.program import (
    Addr,
    Assign,
    Call,
    Cast,
    Const,
    Deref,
    Expr,
    Field,
    Func,
    Index,
    Op,
    Return,
    Routine,
    Unknown,
    Var,
    name_of,
    pointee,
    strip_casts,
)


@dataclass(frozen=True, slots=True)
class Clear:
    """A construct that empties a request's stages."""

    construct: Construct


Kind = QueueStage | ScheduleStage | Malloc | Free | Requeue | Handoff | Clear
_UNTYPED = ("void", "char", "unsigned char")


@dataclass(frozen=True, slots=True)
class Wrapper:
    """A function that passes on the construct ``inner``.

    ``roles`` maps a role to the wrapper's parameter; ``size`` is the size it asks for, in terms
    of its parameters.  ``can_fail``: it comes back without memory too.
    """

    key: str
    inner: Malloc | Free
    roles: dict[Role, int]
    size: Expr | None = None
    can_fail: bool = True


@dataclass(slots=True)
class Constructs:
    """Finds constructs at calls and stores."""

    program: Program
    calls: dict[str, list[Kind]] = field(default_factory=dict)  # by the callee's key
    stores: dict[tuple[str, str], list[Kind]] = field(default_factory=dict)
    wrappers: dict[str, tuple[Wrapper, ...]] = field(default_factory=dict)
    _within: dict[int, frozenset[str]] = field(default_factory=dict)

    def at_call(self, routine: str, callee: str) -> list[Kind]:
        """The constructs that a call of ``callee`` in ``routine`` is."""
        found = self.calls.get(callee)
        return [k for k in found if self._applies(k, routine)] if found else []

    def at_store(self, routine: str, place: Expr) -> list[Kind]:
        """The constructs that a store into ``place`` in ``routine`` is."""
        found = self.stores.get(place_key(place)) if self.stores else None
        return [k for k in found if self._applies(k, routine)] if found else []

    def _applies(self, kind: Kind, routine: str) -> bool:
        within = plain(kind).within
        return not within or name_of(routine) in within

    def position(self, kind: Kind, callee: str, role: Role) -> int | None:
        """The argument of ``callee`` that has ``role``."""
        wrapper = self.wrapper(kind, callee)
        return wrapper.roles.get(role) if wrapper else plain(kind).position(role)

    def wrapper(self, kind: Kind, callee: str) -> Wrapper | None:
        """How ``callee`` passes ``kind`` on, if that is what it does."""
        return next((w for w in self.wrappers.get(callee, ()) if w.inner is kind), None)

    def is_allocator(self, callee: str) -> bool:
        """Whether ``callee`` is annotated as a Malloc or Free: what it does itself is its own."""
        return any(
            isinstance(k, Malloc | Free) and not k.within for k in self.calls.get(callee, ())
        )

    def has_own_effect(self, callee: str) -> bool:
        """Whether a call of ``callee`` is a construct whose body is not looked into."""
        return any(
            isinstance(k, Malloc | Free | ScheduleStage) and not plain(k).within
            for k in self.calls.get(callee, ())
        )


def plain(kind: Kind) -> Construct:
    """The annotated construct."""
    return kind.construct if isinstance(kind, Clear) else kind


def place_key(place: Expr) -> tuple[str, str]:
    """What a place is called: ("struct conn", "handler"), or ("", "free_conns") for variables."""
    inner = place
    while isinstance(inner, Index):
        inner = inner.base
    if isinstance(inner, Deref):
        pointer = strip_casts(inner.pointer)
        while isinstance(pointer, Op) and pointer.operands:
            pointer = strip_casts(pointer.operands[0])
        if isinstance(pointer, Field | Var) and _is_array_place(pointer):
            inner = pointer
    match inner:
        case Field(record=record, name=name):
            return (record, name)
        case Var(name=name, function=""):
            return ("", name_of(name))
    return ("", "")


def _is_array_place(place: Field | Var) -> bool:
    return "[" in place.type


def find_constructs(annotations: Annotations, program: Program) -> Constructs:
    """Look the annotated functions and places up, then find what only passes them on."""
    constructs = Constructs(program)
    c = annotations.constructs
    everything: list[Kind] = [
        *c.queue_stage,
        *c.schedule_stage,
        *c.malloc,
        *c.free,
        *annotations.dispatch.requeue,
        *annotations.handoff,
        *(Clear(one) for one in annotations.dispatch.clear),
    ]
    for kind in everything:
        construct = plain(kind)
        if construct.function:
            for key in program.find(construct.function) or [construct.function]:
                constructs.calls.setdefault(key, []).append(kind)
        elif construct.store:
            place = resolve_place(construct.store, program)
            constructs.stores.setdefault(place, []).append(kind)
    _find_wrappers(constructs, program)
    return constructs


def resolve_place(text: str, program: Program) -> tuple[str, str]:
    """What an annotated place (``struct conn.request.next``) is in the program."""
    head, *names = text.split(".")
    if not names:
        return ("", head)
    record = program.record_of(head)
    for name in names[:-1]:
        layout = program.records.get(record)
        member = next((m for m in layout.members if m.name == name), None) if layout else None
        if member is None:
            return (record, names[-1])
        record = member.type
    layout = program.records.get(record)
    return (record, "*" if layout and layout.union else names[-1])


def _find_wrappers(constructs: Constructs, program: Program) -> None:
    """A wrapper of realloc() is two at once."""
    returning = Returning(program)
    changed = True
    while changed:
        changed = False
        for key, routine in program.routines.items():
            if key in constructs.calls:
                continue
            either = (
                _wraps_free(constructs, routine),
                _wraps_malloc(constructs, routine, returning),
            )
            wrappers = tuple(one for one in either if one is not None)
            if wrappers:
                constructs.calls[key] = [one.inner for one in wrappers]
                constructs.wrappers[key] = wrappers
                changed = True


def _own_calls(constructs: Constructs, routine: Routine) -> Iterable[tuple[Call, str, Kind]]:
    for call in routine.calls():
        if isinstance(call.callee, Func):
            for kind in constructs.at_call(routine.key, call.callee.key):
                yield call, call.callee.key, kind


def _wraps_free(constructs: Constructs, routine: Routine) -> Wrapper | None:
    """``void xfree(void *p) { ... free(p); }``: an untyped parameter is released."""
    for call, callee, kind in _own_calls(constructs, routine):
        position = constructs.position(kind, callee, "O")
        if not isinstance(kind, Free) or position is None or position >= len(call.arguments):
            continue
        argument = strip_casts(call.arguments[position])
        for number, parameter in enumerate(routine.parameters):
            if argument == parameter and pointee(parameter.type) in _UNTYPED:
                return Wrapper(routine.key, kind, {"O": number})
    return None


def _wraps_malloc(constructs: Constructs, routine: Routine, returning: Returning) -> Wrapper | None:
    """``void *xmalloc(size_t n) { ... return malloc(n); }``: untyped memory is returned."""
    returned = {strip_casts(s.value) for s in routine.steps if isinstance(s, Return) and s.value}
    result_type = routine.signature.split("(", 1)[0].strip()
    if pointee(result_type) not in _UNTYPED or not returned:
        return None
    copies = _sources_of(routine, returned)
    if any(_moves_on(step, copies) for step in routine.steps):
        return None  # it gives parts of a block that it keeps
    own = list(_own_calls(constructs, routine))
    if any(isinstance(kind, Malloc) and call.result not in copies for call, _, kind in own):
        return None  # it allocates something of its own, too
    for call, callee, kind in own:
        if isinstance(kind, Malloc) and call.result in copies:
            size = size_argument(constructs, kind, callee, call)
            roles: dict[Role, int] = {}
            if isinstance(strip_casts(size), Var) and size in routine.parameters:
                roles["size"] = routine.parameters.index(size)
            can_fail = _can_fail(constructs, kind, callee) and returning.can_fail(
                routine, call, copies
            )
            return Wrapper(routine.key, kind, roles, size, can_fail)
    return None


def _can_fail(constructs: Constructs, kind: Malloc, callee: str) -> bool:
    wrapper = constructs.wrapper(kind, callee)
    return wrapper is None or wrapper.can_fail


def _moves_on(step: object, returned: set[Expr]) -> bool:
    """Whether a place that the result may be read from goes on by what was given: an arena."""
    return (
        isinstance(step, Assign)
        and isinstance(step.place, Field | Deref)
        and step.place in returned
        and isinstance(value := strip_casts(step.value), Op)
        and value.operator in {"+", "level"}
        and step.place in value.operands
    )


def _sources_of(routine: Routine, values: set[Expr]) -> set[Expr]:
    """The variables that a value may be copied from, within the routine."""
    sources = set(values)
    changed = True
    while changed:
        changed = False
        for step in routine.steps:
            if isinstance(step, Assign) and step.place in sources:
                value = strip_casts(step.value)
                if value not in sources:
                    sources.add(value)
                    changed = True
    return sources


def size_argument(constructs: Constructs, kind: Malloc, callee: str, call: Call) -> Expr:
    """The size that a Malloc call asks for; Unknown if it is implicit."""
    wrapper = constructs.wrapper(kind, callee)
    if wrapper is not None and wrapper.size is not None:
        routine = constructs.program.routines[callee]
        bindings = dict(zip(routine.parameters, call.arguments, strict=False))
        return substitute(wrapper.size, bindings)
    size, count = kind.position("size"), kind.position("count")
    result: Expr = Unknown()
    if size is not None and size < len(call.arguments):
        result = call.arguments[size]
        if count is not None and count < len(call.arguments):
            result = multiply(call.arguments[count], result)
    return result


def multiply(left: Expr, right: Expr) -> Expr:
    """The product, folded where one side is 1."""
    if left == Const(1):
        return right
    return Op("*", (left, right))


def substitute(expr: Expr, bindings: dict[Var, Expr]) -> Expr:  # noqa: PLR0911 - one a case
    """``expr`` with variables replaced."""
    match expr:
        case Var():
            return bindings.get(expr, expr)
        case Op(operator=operator, operands=operands):
            return Op(operator, tuple(substitute(o, bindings) for o in operands))
        case Cast(type=type_, operand=operand):
            return Cast(type_, substitute(operand, bindings))
        case Field(base=base, record=record, name=name, type=type_):
            return Field(substitute(base, bindings), record, name, type_)
        case Deref(pointer=pointer):
            return Deref(substitute(pointer, bindings))
        case Addr(place=place):
            return Addr(substitute(place, bindings))
    return expr
