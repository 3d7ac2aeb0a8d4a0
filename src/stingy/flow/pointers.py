# SPDX-License-Identifier: MIT
"""What pointers may point to (functions, objects, variables), for the whole program.

Inclusion-based (Andersen), insensitive to order, one node for each variable and one for each
field of a record type, whichever instance it belongs to.  So operation tables, function pointers
in per-connection objects and pointers that travel through ``void *`` are followed.
"""

# DEVIATIONS.md: [type punning]

from __future__ import annotations

from collections import defaultdict
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from stingy.flow.constructs import Constructs, Kind
from stingy.lower.linking import Program
from stingy.model.annotations import Malloc
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
    Member,
    Op,
    Return,
    Routine,
    Spot,
    Text,
    Unknown,
    Var,
    is_array,
    overlaps,
)

Node = tuple[str, ...]
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AllocationSite:
    """A call that allocates."""

    routine: str
    call: Call
    construct: Malloc
    callee: str

    @property
    def node(self) -> Node:
        """The site as a target of pointers."""
        spot = self.call.spot
        return ("object", spot.file, str(spot.line), str(spot.column), self.callee)


@dataclass(slots=True)
class Pointers:
    """The result: targets of each node, callees of each call, allocation sites."""

    targets: dict[Node, set[Node]] = field(default_factory=lambda: defaultdict(set))
    sites: dict[Node, AllocationSite] = field(default_factory=dict)
    callees: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    escaping: set[str] = field(default_factory=set)  # functions given to the outside
    callbacks: list[tuple[str, Call, str]] = field(default_factory=list)
    addressed: set[str] = field(default_factory=set)  # functions whose address is taken
    copies: dict[Node, set[Node]] = field(default_factory=lambda: defaultdict(set))
    loads: dict[Node, set[Node]] = field(default_factory=lambda: defaultdict(set))
    opaque: set[Node] = field(default_factory=set)  # values of which not all origins are known
    _aux: dict[Expr, Node] = field(default_factory=dict)

    def called_at(self, routine: str, step: int) -> AbstractSet[str]:
        """All functions that a call may call, those outside of the server too; none for what is no
        call, or calls what nothing is known of."""
        return self.callees.get((routine, step), _NONE)

    def is_open(self, expr: Expr) -> bool:
        """Whether an expression may point to a function that the outside gave."""
        return ("unknown",) in self.of(expr)

    def functions_of(self, expr: Expr) -> set[str]:
        """The functions that an expression may point to."""
        if isinstance(expr, Func):
            return {expr.key}
        return {t[1] for t in self.of(expr) if t[0] == "function"}

    def objects_of(self, expr: Expr) -> set[Node]:
        """The allocation sites of the objects that an expression may point to."""
        return {t for t in self.of(expr) if t[0] == "object"}

    def of(self, expr: Expr) -> set[Node]:  # noqa: PLR0911 - one a case
        """Everything that an expression may point to."""
        match expr:
            case Cast(operand=operand):
                return self.of(operand)
            case Op(operands=operands) | Unknown(parts=operands):
                return set().union(*(self.of(o) for o in operands))
            case Func(key=key):
                return {("function", key)}
            case Addr(place=place):
                node = place_node(place)
                return {("address", *node)} if node else set()
            case Deref(pointer=pointer):
                return set().union(*(self.targets[n] for n in self._pointed(pointer)))
        node = place_node(expr)
        if node is None:
            return set()
        if isinstance(expr, Var | Field) and is_array(expr.type):
            return {("address", *node)}
        return self.targets.get(node, set())

    def _pointed(self, pointer: Expr) -> list[Node]:
        return [contents(t) for t in self.of(pointer)]


def contents(target: Node) -> Node:
    """The node of what is stored where a pointer points to."""
    if target[0] == "address":
        return target[1:]
    return ("content", *target) if target[0] == "object" else target


def place_node(place: Expr) -> Node | None:
    """The node of a variable, a field or an array's elements; None for what is behind a pointer."""
    match place:
        case Var(name=name, function=function):
            return ("variable", name, function)
        case Field(record=record, name=name):
            return ("field", record, name)
        case Index(base=base):
            return place_node(base)
    return None


def resolve_pointers(program: Program, constructs: Constructs) -> Pointers:
    """Solve the whole program."""
    solver = _Solver(program, constructs)
    solver.collect()
    solver.solve()
    return solver.finish()


class _Solver:
    def __init__(self, program: Program, constructs: Constructs):
        self.program = program
        self.constructs = constructs
        self.result = Pointers()
        self.targets = self.result.targets
        self.copies = self.result.copies
        self.loads = self.result.loads
        self.stores: dict[Node, set[Node]] = defaultdict(set)
        self.indirect: dict[Node, list[tuple[str, int, Call]]] = defaultdict(list)
        self.pending: list[tuple[Node, Node]] = []
        self.numbers = 0

    # -- constraints -------------------------------------------------------------------------

    def add(self, node: Node, target: Node) -> None:
        if target not in self.targets[node]:
            self.targets[node].add(target)
            self.pending.append((node, target))

    def copy(self, source: Node | None, destination: Node) -> None:
        if source is None or source == destination or destination in self.copies[source]:
            return
        self.copies[source].add(destination)
        for target in list(self.targets[source]):
            self.add(destination, target)

    def fresh(self) -> Node:
        self.numbers += 1
        return ("aux", str(self.numbers))

    def value(self, expr: Expr) -> Node | None:  # noqa: PLR0911 - one a case
        """A node that holds what the expression may point to."""
        match expr:
            case Cast(operand=operand):
                inner = self.value(operand)
                return inner if _is_pointer(operand) else self._opaque(inner)
            case Func(key=key):
                node = self.fresh()
                self.result.addressed.add(key)
                self.add(node, ("function", key))
                return node
            case Addr(place=place):
                return self._constant(place)
            case Deref(pointer=pointer):
                source = self.value(pointer)
                if source is None:
                    return None
                node = self.fresh()
                self.load(source, node)
                return node
            case Op(operands=operands):
                node = self.fresh()
                for operand in operands:
                    self.copy(self.value(operand), node)
                return node
            case Unknown(parts=parts):
                return self._opaque(*(self.value(part) for part in parts))
            case Var(type=type_) | Field(type=type_) if is_array(type_):
                return self._constant(expr)
        return place_node(expr)

    def _opaque(self, *sources: Node | None) -> Node:
        """What may hold these, and anything else."""
        node = self.fresh()
        self.result.opaque.add(node)
        for source in sources:
            self.copy(source, node)
        return node

    def _constant(self, place: Expr) -> Node | None:
        inner = place_node(place)
        if inner is None:
            return None
        node = self.fresh()
        self.add(node, ("address", *inner))
        return node

    def load(self, pointer: Node, destination: Node) -> None:
        self.loads[pointer].add(destination)
        for target in list(self.targets[pointer]):
            self.copy(contents(target), destination)

    def store(self, source: Node | None, pointer: Node | None) -> None:
        if source is None or pointer is None:
            return
        self.stores[pointer].add(source)
        for target in list(self.targets[pointer]):
            self.copy(source, contents(target))

    def assign(self, place: Expr, source: Node | None) -> None:
        while isinstance(place, Index):
            place = place.base
        if isinstance(place, Deref):
            self.store(source, self.value(place.pointer))
            return
        node = place_node(place)
        if node is not None:
            self.copy(source, node)

    def collect(self) -> None:
        self._collect_overlaps()
        for initialiser in self.program.initialisers:
            self.assign(initialiser.place, self.value(initialiser.value))
        for routine in self.program.routines.values():
            for number, step in enumerate(routine.steps):
                match step:
                    case Assign(place=place, value=value):
                        self.assign(place, self.value(value))
                    case Return(value=value) if value is not None:
                        self.copy(self.value(value), ("result", routine.key))
                    case Call():
                        self._collect_call(routine, number, step)

    def _collect_overlaps(self) -> None:
        """Members in the same memory hold the same pointers."""
        for name, record in self.program.records.items():
            shared = overlaps(record)
            members = {m.name: m for m in record.members}
            for one, others in shared.items():
                inner = self.program.inner_record(name, members[one])
                for other in others:
                    if inner:
                        self._share_inner(inner, members[one].offset, name, members[other])
                    elif not self.program.inner_record(name, members[other]):
                        self.copy(("field", name, one), ("field", name, other))

    def _share_inner(self, inner: str, offset: int, outer: str, member: Member) -> None:
        """The member of a record that is a view of a member around the record."""
        for one in self.program.records[inner].members:
            if one.bytes and offset + one.offset == member.offset and one.bytes == member.bytes:
                self.copy(("field", inner, one.name), ("field", outer, member.name))
                self.copy(("field", outer, member.name), ("field", inner, one.name))

    def _collect_call(self, routine: Routine, number: int, call: Call) -> None:
        callee = call.callee
        if isinstance(callee, Func):
            self.result.callees[routine.key, number] = {callee.key}
            self.connect(routine, call, callee.key)
            return
        self.result.callees[routine.key, number] = set()
        node = self.value(callee)
        if node is None:
            return
        self.indirect[node].append((routine.key, number, call))
        for target in list(self.targets[node]):
            self._connect_indirect(node, target)

    def connect(self, routine: Routine, call: Call, key: str) -> None:
        """Arguments to parameters, the result back; constructs have their own meaning."""
        allocates = [k for k in self.constructs.at_call(routine.key, key) if isinstance(k, Malloc)]
        for construct in allocates:
            self._allocate(routine, call, key, construct)
        body = self.program.routines.get(key)
        if body is None:
            self._connect_outside(routine, call, key)
            return
        for argument, parameter in zip(call.arguments, body.parameters, strict=False):
            self.copy(self.value(argument), ("variable", parameter.name, parameter.function))
        for argument in call.arguments[len(body.parameters) :]:
            self.copy(self.value(argument), ("variadic", key))
        if not allocates:
            self.copy(("result", key), _node_of(call.result))

    def _allocate(self, routine: Routine, call: Call, key: str, construct: Malloc) -> None:
        site = AllocationSite(routine.key, call, construct, key)
        self.result.sites[site.node] = site
        position = self.constructs.position(construct, key, "O")
        if position is None:
            self.add(_node_of(call.result), site.node)
        elif position < len(call.arguments):
            holder = self.fresh()
            self.add(holder, site.node)
            self.store(holder, self.value(call.arguments[position]))

    def _connect_outside(self, routine: Routine, call: Call, key: str) -> None:
        """A function outside may call back what it is given, and return what it is given."""
        constructs: list[Kind] = self.constructs.at_call(routine.key, key)
        if "(*)" in call.result.type and not constructs:
            self.add(_node_of(call.result), ("unknown",))
        returns_pointer = call.result.type.endswith("*") and not constructs
        for argument in call.arguments:
            node = self.value(argument)
            if node is None:
                continue
            if not constructs:
                self.copy(node, ("outside",))
            if returns_pointer:
                self.copy(node, _node_of(call.result))
        for argument in call.arguments:
            for function in sorted(self._functions_now(argument)):
                self.result.callbacks.append((routine.key, call, function))

    def _functions_now(self, argument: Expr) -> set[str]:
        inner = argument
        while isinstance(inner, Cast):
            inner = inner.operand
        return {inner.key} if isinstance(inner, Func) else set()

    def _connect_indirect(self, node: Node, target: Node) -> None:
        if target[0] != "function":
            return
        for caller, number, call in self.indirect[node]:
            known = self.result.callees[caller, number]
            if target[1] not in known:
                known.add(target[1])
                self.connect(self.program.routines[caller], call, target[1])

    # -- solution ----------------------------------------------------------------------------

    def solve(self) -> None:
        while self.pending:
            node, target = self.pending.pop()
            for destination in tuple(self.copies.get(node, ())):
                self.add(destination, target)
            for destination in tuple(self.loads.get(node, ())):
                self.copy(contents(target), destination)
            for source in tuple(self.stores.get(node, ())):
                self.copy(source, contents(target))
            if node in self.indirect:
                self._connect_indirect(node, target)

    def finish(self) -> Pointers:
        """Functions that the outside may call: given to it, or kept in its own records."""
        foreign = {name for name, r in self.program.records.items() if not r.local}
        for node, targets in self.targets.items():
            given = node == ("outside",) or (node[0] == "field" and node[1] in foreign)
            if given:
                self.result.escaping |= {t[1] for t in targets if t[0] == "function"}
        self.result.callbacks.sort(key=lambda c: (_order(c[1].spot), c[2]))
        return self.result


def _is_pointer(expr: Expr) -> bool:
    """Whether an expression that is cast to a pointer is one already, by its declared type."""
    match expr:
        case Var(type=type_) | Field(type=type_) | Cast(type=type_):
            return "*" in type_ or is_array(type_)
        case Op(operands=operands):
            return any(_is_pointer(operand) for operand in operands)
        case Index(base=inner) | Deref(pointer=inner):
            return isinstance(inner, Var | Field | Cast) and "*" in inner.type.rstrip("* ")
    return isinstance(expr, Addr | Func | Const | Text)


def _node_of(variable: Var) -> Node:
    return ("variable", variable.name, variable.function)


def _order(spot: Spot) -> tuple[str, int, int]:
    return (spot.file, spot.line, spot.column)
