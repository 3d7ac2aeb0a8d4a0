# SPDX-License-Identifier: MIT
"""Evaluation on a path: which place an expression names, what is known of it, what a store does."""

from __future__ import annotations

from dataclasses import dataclass, field

from stingy.flow.pointers import Pointers, place_node
from stingy.flow.values import (
    OTHER,
    AccessPath,
    Function,
    Instance,
    Other,
    Perhaps,
    Reference,
    Signs,
    Value,
    compare,
    is_comparison,
    mirror_operator,
    negate_operator,
    operate,
    refine,
    truth,
)
from stingy.lower.linking import Program
from stingy.memwalk.states import State
from stingy.model.program import (
    Addr,
    Cast,
    Const,
    Deref,
    Expr,
    Field,
    Func,
    Index,
    Op,
    SizeOf,
    Text,
    Var,
    is_array,
    overlaps,
    pointee,
)

_MAX_FIELDS = 64
ELEMENT = ("[]", "")


def has_element(place: AccessPath) -> bool:
    """Whether a place is in an array (what is stored there is not followed)."""
    return len(place) > 1 and "[]" in (step[0] for step in place)


def _element(index: Value) -> tuple[str, str]:
    return ("[]", str(index)) if isinstance(index, int) else ELEMENT


ANOTHER: AccessPath = (("other", "", ""),)


@dataclass(slots=True)
class Memory:
    """Evaluates expressions of the program in a state."""

    program: Program
    pointers: Pointers
    constants: dict[AccessPath, Value] = field(default_factory=dict)
    _unions: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    _addressed: set[tuple[str, str]] = field(default_factory=set)

    def prepare(self) -> None:
        """Note the constant variables and the locals whose address is taken."""
        for key, routine in self.program.routines.items():
            self._addressed |= {(name, key) for name in routine.addressed}
        for initialiser in self.program.initialisers:
            place = self._static_place(initialiser.place)
            if place is None or ELEMENT in place:
                continue
            base = place[0]
            storage = self.program.storage.get(base[1])
            if storage is None or not storage.constant:
                continue
            value = self._static_value(initialiser.value)
            if value is not None:
                self.constants[place] = value

    def _static_place(self, expr: Expr) -> AccessPath | None:
        match expr:
            case Var(name=name, function=""):
                return (("variable", name, ""),)
            case Field(base=base, record=record, name=name):
                inner = self._static_place(base)
                return (*inner, (record, name)) if inner else None
            case Index(base=base, index=index):
                inner = self._static_place(base)
                return (*inner, _element(self._static_value(index))) if inner else None
        return None

    def _static_value(self, expr: Expr) -> Value:
        match expr:
            case Const(value=value):
                return value
            case SizeOf(bytes=bytes_):
                return bytes_
            case Func(key=key):
                return Function(key)
            case Cast(operand=operand):
                return self._static_value(operand)
            case Addr(place=place):
                where = self._static_place(place)
                return Reference(where) if where else None
        return None

    # -- reading -----------------------------------------------------------------------------

    def place(self, expr: Expr, state: State) -> AccessPath | None:
        """The place that an lvalue names; None if it is not known."""
        match expr:
            case Var(name=name, function=function):
                return (("variable", name, function),)
            case Field(base=base, record=record, name=name):
                inner = self.place(base, state)
                return (*inner, (record, name)) if inner else None
            case Index(base=base, index=index):
                inner = self.place(base, state)
                return (*inner, _element(self.value(index, state))) if inner else None
            case Deref(pointer=pointer):
                return self._behind(self.value(pointer, state))
            case Cast(operand=operand):
                return self.place(operand, state)
        return None

    def _behind(self, value: Value) -> AccessPath | None:
        match value:
            case Instance(object=object_) | Perhaps(object=object_):
                return (("object", object_, ""),)
            case Reference(place=place):
                return place
            case Other():
                return ANOTHER
        return None

    def value(self, expr: Expr, state: State) -> Value:  # noqa: PLR0911 - one a case
        """What is known of an expression's value."""
        match expr:
            case Const(value=value):
                return value
            case SizeOf(bytes=bytes_):
                return bytes_
            case Func(key=key):
                return Function(key)
            case Text():
                return Signs(4)
            case Cast(type=type_, operand=operand):
                return self._cast(type_, operand, state)
            case Addr(place=place):
                return self._address(self.place(place, state))
            case Op(operator=operator, operands=operands):
                return operate(operator, tuple(self.value(o, state) for o in operands))
            case Var() | Field() | Deref() | Index():
                return self._read(expr, state)
        return None

    def _address(self, place: AccessPath | None) -> Value:
        if place is None:
            return Signs(4)
        if place[0][0] == "other":
            return OTHER
        if len(place) == 1 and place[0][0] == "object":
            return Instance(place[0][1])
        return Reference(place)

    def _read(self, expr: Expr, state: State) -> Value:
        place = self.place(expr, state)
        if isinstance(expr, Var | Field) and is_array(expr.type):
            return self._address(place)
        if place is None or place[0][0] == "other":
            return None
        if has_element(place):
            return self.constants.get(place)
        known = state.get(place)
        return known if known is not None else self.constants.get(place)

    def _cast(self, type_: str, operand: Expr, state: State) -> Value:
        """A cast; ``container_of`` leads from a field back to what it is in."""
        if isinstance(operand, Op) and operand.operator == "-":
            inner = self.value(operand.operands[0], state)
            if isinstance(inner, Reference):
                place = inner.place
                while len(place) > 1:
                    last = place[-1]
                    place = place[:-1]
                    if last[0] == pointee(type_):
                        return self._address(place)
            if isinstance(inner, Other):
                return OTHER
        return self.value(operand, state)

    # -- conditions --------------------------------------------------------------------------

    def assume(self, condition: Expr, wanted: bool, state: State) -> State | None:
        """The state where the condition has this truth; None if it cannot have it."""
        if isinstance(condition, Cast):
            return self.assume(condition.operand, wanted, state)
        if isinstance(condition, Op) and is_comparison(condition.operator):
            operator = condition.operator if wanted else negate_operator(condition.operator)
            left, right = condition.operands
            return self._compare(operator, left, right, state)
        value = self.value(condition, state)
        if isinstance(value, Function) and value.key not in self.program.routines:
            return state  # it may be weak, and missing
        known = truth(value)
        if known is not None:
            return state if known == wanted else None
        return self._learn(condition, "!=" if wanted else "==", 0, state)

    def _compare(self, operator: str, left: Expr, right: Expr, state: State) -> State | None:
        one, two = self.value(left, state), self.value(right, state)
        known = compare(operator, one, two)
        if known is not None:
            return state if known else None
        learned = self._learn(left, operator, two, state)
        return self._learn(right, mirror_operator(operator), one, learned)

    def _learn(self, expr: Expr, operator: str, other: Value, state: State) -> State:
        while isinstance(expr, Cast):
            expr = expr.operand
        if not isinstance(expr, Var | Field | Deref):
            return state
        place = self.place(expr, state)
        if place is None or has_element(place) or place[0][0] == "other":
            return state
        if self.is_shared(place, state):
            return state
        known = state.get(place)
        if isinstance(known, Perhaps):
            return _decide(known, operator, other, state)
        return state.learn(place, refine(known, operator, other))

    def is_shared(self, place: AccessPath, state: State) -> bool:
        """Whether a place stands for several (fields of an object of which several are live)."""
        if place[0][0] != "object":
            return False
        high = state.count(place[0][1])[1]
        return high is None or high > 1

    # -- writing -----------------------------------------------------------------------------

    def store(self, target: Expr, value: Value, state: State) -> State:
        """The state after a store; a place that is not known may be any of its kind."""
        place = self.place(target, state)
        if place is None:
            return self._store_somewhere(target, state)
        if place[0][0] == "other":
            return state
        if has_element(place):
            size = next(n for n, step in enumerate(place) if step[0] == "[]")
            return state.set(place[:size], None)
        for other in self._overlapping(place):
            state = state.set(other, None)
        return state.set(place, None if self.is_shared(place, state) else value)

    def _overlapping(self, place: AccessPath) -> list[AccessPath]:
        """Places in the same memory: members of unnamed unions."""
        if len(place) < 2:
            return []
        last = place[-1]
        if last[0] not in self._unions:
            self._unions[last[0]] = overlaps(self.program.records.get(last[0]))
        return [(*place[:-1], (last[0], n)) for n in self._unions[last[0]].get(last[1], ())]

    def _store_somewhere(self, target: Expr, state: State) -> State:
        inner = target
        while isinstance(inner, Index | Cast):
            inner = inner.base if isinstance(inner, Index) else inner.operand
        if isinstance(inner, Field):
            return self._forget_field(inner.record, inner.name, state)
        if isinstance(inner, Deref):
            return self.forget_behind(inner.pointer, state)
        return state

    def _forget_field(self, record: str, name: str, state: State) -> State:
        doomed = [p for p in state.facts if (record, name) in p[1:]]
        for place in doomed:
            state = state.learn(place, None)
        return state

    def forget_behind(self, pointer: Expr, state: State) -> State:
        """Forget what may have been written through a pointer."""
        place = self._behind(self.value(pointer, state))
        if place is not None:
            return state if place[0][0] == "other" else state.set(place, None)
        for target in self.pointers.of(pointer):
            if target[0] != "address":
                continue
            if target[1] == "field":
                state = self._forget_field(target[2], target[3], state)
            elif target[1] == "variable":
                state = state.set((("variable", target[2], target[3]),), None)
        return state

    def copy(self, target: Expr, source: Expr, state: State) -> State:
        """The state after one record is assigned to another."""
        to, from_ = self.place(target, state), self.place(source, state)
        result = self.store(target, None, state)
        if to is None or from_ is None or has_element(to) or self.is_shared(to, state):
            return result
        size = len(from_)
        for place, value in state.facts.items():
            if len(place) > size and place[:size] == from_:
                result = result.learn((*to, *place[size:]), value)
        return result

    def clear(self, place: AccessPath, record: str, limit: int | None, state: State) -> State:
        """The state after the first ``limit`` bytes (None: all) of a record were set to 0."""
        if place[0][0] == "other":
            return state
        state = state.set(place, None) if limit is None else state
        if self.is_shared(place, state):
            return state
        for field_, offset in self.fields_of(record):
            if limit is None or offset < limit:
                state = state.set((*place, *field_), 0)
        return self._clear_overlapping(place, whole=limit is None, state=state)

    def _clear_overlapping(self, place: AccessPath, *, whole: bool, state: State) -> State:
        """A member that was cleared may be another view of members around it."""
        for other in self._overlapping(place):
            state = state.set(other, None)
            if whole and self.pointers.targets.get(("field", *other[-1])):
                state = state.set(other, 0)
        return state

    def fields_of(self, record: str) -> list[tuple[AccessPath, int]]:
        """The scalar fields of a record worth following: those that ever point to something."""
        found: list[tuple[AccessPath, int]] = []
        self._add_fields(record, (), 0, found)
        return found[:_MAX_FIELDS]

    def _add_fields(
        self, record: str, prefix: AccessPath, offset: int, found: list[tuple[AccessPath, int]]
    ) -> None:
        layout = self.program.records.get(record)
        if layout is None or len(prefix) > 4:
            return
        for member in layout.members:
            inner = self.program.inner_record(record, member)
            name = "*" if layout.union else member.name
            step = (record, name)
            here = offset + member.offset
            if inner:
                self._add_fields(inner, (*prefix, step), here, found)
            elif self.pointers.targets.get(("field", record, name)):
                found.append(((*prefix, step), here))


def _decide(known: Perhaps, operator: str, other: Value, state: State) -> State:
    """The state where a pointer that perhaps holds an object compares like this."""
    null = compare(operator, 0, other)
    held = compare(operator, Instance(known.object), other)
    if null is False and held is not False:
        return state.decide(known.object, live=True)
    if held is False and null is not False:
        return state.decide(known.object, live=False)
    return state


def node_name(expr: Expr) -> str:
    """A place as shown: ``struct conn.header``, ``free_conns``; "" for others."""
    node = place_node(expr)
    if node is None:
        return ""
    return f"{node[1]}.{node[2]}" if node[0] == "field" else node[1].split("@")[0]
