# SPDX-License-Identifier: MIT
"""The program as the analysis sees it: functions as graphs of small steps.

Lowering turns C into this form once per translation unit; every later pass reads only this.
Expressions are pure: calls, assignments and short-circuit operators have become steps.

A *place* is where in memory a value is: a variable, a field, what a pointer points to (C's lvalue).
A *record* is a struct or union.  A *frame* is what a function has on the stack.  A *spot* is where
in the sources something stands.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field


class _Value:
    """Something that is equal to whatever has equal fields.

    It is pickled as the call that makes it: units are read from the cache by the thousand, and
    what dataclasses do for themselves takes three times as long.
    """

    __slots__: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), tuple(getattr(self, name) for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class Spot(_Value):
    """Where in the sources something stands: the file, relative to the server's root; line and
    column from 1."""

    file: str
    line: int
    column: int = 0


@dataclass(frozen=True, slots=True)
class Const(_Value):
    """An integer constant (NULL is 0)."""

    value: int


@dataclass(frozen=True, slots=True)
class Text(_Value):
    """A string literal."""


@dataclass(frozen=True, slots=True)
class Unknown(_Value):
    """A value of which nothing is known but its parts."""

    parts: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Var(_Value):
    """A variable; ``function`` is the key of the function it is local to, "" for globals."""

    name: str
    function: str = ""
    type: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Func(_Value):
    """A function, by its key."""

    key: str


@dataclass(frozen=True, slots=True)
class Field(_Value):
    """Field ``name`` of the aggregate ``base``, whose type is ``record``."""

    base: Expr
    record: str
    name: str
    type: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Deref(_Value):
    """What the pointer points to."""

    pointer: Expr


@dataclass(frozen=True, slots=True)
class Index(_Value):
    """An element of an array (not of a pointer: that is a Deref)."""

    base: Expr
    index: Expr


@dataclass(frozen=True, slots=True)
class Addr(_Value):
    """The address of a place."""

    place: Expr


@dataclass(frozen=True, slots=True)
class Op(_Value):
    """A pure operator."""

    operator: str
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Cast(_Value):
    """A pointer cast as written; ``type`` is canonical."""

    type: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class SizeOf(_Value):
    """The size of ``type``, with the text as written."""

    type: str
    bytes: int
    text: str


Expr = Const | Text | Unknown | Var | Func | Field | Deref | Index | Addr | Op | Cast | SizeOf


@dataclass(frozen=True, slots=True)
class Nop(_Value):
    """A join point or a label."""


@dataclass(frozen=True, slots=True)
class Assume(_Value):
    """Execution goes on only where ``condition`` has this truth; ``text`` as written."""

    condition: Expr
    truth: bool
    text: str


@dataclass(frozen=True, slots=True)
class Assign(_Value):
    """``place = value``."""

    place: Expr
    value: Expr
    spot: Spot


@dataclass(frozen=True, slots=True)
class Call(_Value):
    """``result = callee(arguments)``; ``signature`` is the callee's canonical function type."""

    callee: Expr
    arguments: tuple[Expr, ...]
    result: Var
    signature: str
    spot: Spot
    text: str
    callee_text: str


@dataclass(frozen=True, slots=True)
class Return(_Value):
    """The end of the function."""

    value: Expr | None
    spot: Spot


Step = Nop | Assume | Assign | Call | Return


@dataclass(slots=True)
class Routine:
    """A function with a body: steps and their successors; step 0 is the entry.

    ``dynamic`` names variable-length arrays, ``notes`` what lowering could not follow.
    """

    key: str
    name: str
    spot: Spot
    signature: str
    parameters: tuple[Var, ...]
    static: bool
    steps: list[Step] = field(default_factory=list)
    successors: list[list[int]] = field(default_factory=list)
    dynamic: list[str] = field(default_factory=list)
    notes: list[tuple[Spot, str]] = field(default_factory=list)
    annotations: list[str] = field(default_factory=list)
    addressed: set[str] = field(default_factory=set)  # locals whose address is taken
    end_line: int = 0

    def calls(self) -> Iterator[Call]:
        """All calls in the body."""
        return (step for step in self.steps if isinstance(step, Call))


@dataclass(frozen=True, slots=True)
class Member(_Value):
    """A field of a record's layout; ``type`` is canonical."""

    name: str
    offset: int
    bytes: int
    type: str


@dataclass(frozen=True, slots=True)
class Record(_Value):
    """The layout of a struct or union; ``local`` if it is defined below the server's root."""

    name: str
    bytes: int
    alignment: int
    members: tuple[Member, ...]
    union: bool
    local: bool


@dataclass(frozen=True, slots=True)
class Storage(_Value):
    """A variable with static storage."""

    key: str
    name: str
    type: str
    bytes: int
    constant: bool
    defined: bool
    spot: Spot


@dataclass(frozen=True, slots=True)
class CompiledFunction(_Value):
    """A function as compiled: its frame in bytes and what it calls (with file and line).

    ``kind``: static, dynamic (grows at run time) or bounded (grows, but not beyond ``bytes``).
    """

    bytes: int
    kind: str
    calls: tuple[tuple[str, str, int], ...]


@dataclass(slots=True)
class Unit:
    """One lowered translation unit; ``problem`` says why it was refused.

    Where the file begins with a header that others begin with too, ``header`` is that one's unit,
    and what comes from there is not repeated; ``header_digest`` says which content it had.
    """

    file: str
    digest: str = ""
    problem: str = ""
    inputs: dict[str, str] = field(default_factory=dict)  # file -> digest
    routines: dict[str, Routine] = field(default_factory=dict)
    declared: dict[str, str] = field(default_factory=dict)  # function key -> signature
    records: dict[str, Record] = field(default_factory=dict)
    typedefs: dict[str, str] = field(default_factory=dict)
    storage: dict[str, Storage] = field(default_factory=dict)
    initialisers: list[Assign] = field(default_factory=list)
    constants: dict[str, int] = field(default_factory=dict)  # enumerators
    warnings: list[tuple[Spot, str]] = field(default_factory=list)
    target: str = ""
    outside: frozenset[str] = frozenset()  # functions declared outside of the server
    compiled: dict[str, CompiledFunction] = field(default_factory=dict)  # empty: it was not
    header_digest: str = ""
    header: Unit | None = None

    def functions(self) -> set[str]:
        """The keys of all functions with a body, those of its headers too."""
        return {*self.routines, *(self.header.routines if self.header else ())}


def parts_of(expr: Expr) -> tuple[Expr, ...]:
    """The direct operands of an expression."""
    match expr:
        case Field(base=inner) | Deref(pointer=inner) | Addr(place=inner) | Cast(operand=inner):
            return (inner,)
        case Index(base=base, index=index):
            return (base, index)
        case Op(operands=operands):
            return operands
        case Unknown(parts=parts):
            return parts
    return ()


def walk(expr: Expr) -> Iterator[Expr]:
    """``expr`` and everything in it."""
    yield expr
    for part in parts_of(expr):
        yield from walk(part)


def expressions_of(step: Step) -> tuple[Expr, ...]:
    """The expressions that a step reads or writes."""
    match step:
        case Assume(condition=condition):
            return (condition,)
        case Assign(place=place, value=value):
            return (place, value)
        case Call(callee=callee, arguments=arguments, result=result):
            return (callee, *arguments, result)
        case Return(value=value) if value is not None:
            return (value,)
    return ()


def strip_casts(expr: Expr) -> Expr:
    """``expr`` without the casts around it."""
    while isinstance(expr, Cast):
        expr = expr.operand
    return expr


def pointee(type_: str) -> str:
    """What a canonical pointer type points to, without qualifiers; "" for other types."""
    if not type_.endswith("*"):
        return ""
    return bare_type(type_[:-1])


def bare_type(type_: str) -> str:
    """A canonical type without qualifiers at its ends."""
    words = type_.strip()
    changed = True
    while changed:
        changed = False
        for qualifier in ("const", "volatile", "restrict", "__restrict", "_Atomic"):
            if words.startswith(qualifier + " "):
                words, changed = words[len(qualifier) + 1 :].strip(), True
            if words.endswith((" " + qualifier, "*" + qualifier)):
                words, changed = words[: -len(qualifier)].strip(), True
    return words


_ARRAY_OF_POINTERS = re.compile(r"\(\*[\w ]*\[")


@functools.cache
def is_array(type_: str) -> bool:
    """Whether a canonical type is an array (``int (*)[3]`` is a pointer)."""
    return bool(_ARRAY_OF_POINTERS.search(type_)) or (type_.endswith("]") and "(*)" not in type_)


def name_of(key: str) -> str:
    """The name in a key: without the file of internal linkage."""
    return key.rsplit(":", 1)[-1]


def overlaps(layout: Record | None) -> dict[str, list[str]]:
    """For each member of a struct the others that share its memory."""
    if layout is None or layout.union:
        return {}
    found: dict[str, list[str]] = {}
    ordered = sorted(layout.members, key=lambda m: m.offset)
    for position, one in enumerate(ordered):
        for other in ordered[position + 1 :]:
            if other.offset >= one.offset + max(one.bytes, 1):
                break
            if one.bytes and other.bytes:
                found.setdefault(one.name, []).append(other.name)
                found.setdefault(other.name, []).append(one.name)
    return found
