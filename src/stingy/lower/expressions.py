# SPDX-License-Identifier: MIT
"""Lowering of expressions: side effects and control flow become steps, the rest stays pure."""

from __future__ import annotations

from stingy.lower import clang
from stingy.lower.clang import Cursor
from stingy.lower.graph import Graph
from stingy.lower.names import Names, canonical
from stingy.model.arithmetic import fold_integers
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
    Routine,
    SizeOf,
    Text,
    Unknown,
    Var,
    is_array,
    walk,
)

EXPECT = {"__builtin_expect", "__builtin_expect_with_probability"}
TRANSPARENT = {"UNEXPOSED_EXPR", "PAREN_EXPR", "CXX_STATIC_CAST_EXPR"}
_ELVIS_PARTS, _CHOOSE_PARTS = 4, 3
_ARRAYS = ("CONSTANTARRAY", "INCOMPLETEARRAY", "VARIABLEARRAY")
_MAX_TEXT = 160


class Expressions:
    """Lowers the expressions of one routine into its graph."""

    def __init__(self, names: Names, routine: Routine, source: bytes):
        self.names = names
        self.routine = routine
        self.graph = Graph(routine)
        self.source = source
        self._temporaries = 0

    # -- provided by the layers above --------------------------------------------------------

    def truth(self, cursor: Cursor) -> Expr:
        """Lower a condition to 0 or 1 (``conditions``)."""
        raise NotImplementedError

    def elvis(self, cursor: Cursor, parts: list[Cursor]) -> Expr:
        """Lower ``x ?: y`` (``conditions``)."""
        raise NotImplementedError

    def initialise(self, place: Expr, cursor: Cursor) -> None:
        """Add the assignments that an initialiser stands for (``initialisers``)."""
        raise NotImplementedError

    def statement_expression(self, body: Cursor) -> Expr:
        """Lower ``({ ... })`` (``statements``)."""
        raise NotImplementedError

    # -- what all layers use -----------------------------------------------------------------

    def text(self, cursor: Cursor) -> str:
        """The source of a node as written, on one line."""
        extent = cursor.extent
        words = self.source[extent.start.offset : extent.end.offset].decode(errors="replace")
        line = " ".join(words.split())
        return line if len(line) <= _MAX_TEXT else line[: _MAX_TEXT - 3] + "..."

    def temporary(self, type_: str) -> Var:
        """A new variable for an intermediate result."""
        self._temporaries += 1
        return Var(f"%{self._temporaries}", self.routine.key, type_)

    def assign(self, place: Expr, value: Expr, cursor: Cursor) -> None:
        """Add ``place = value``."""
        self.graph.add(Assign(place, value, self.names.spot(cursor)))

    # -- values ------------------------------------------------------------------------------

    def value(self, cursor: Cursor) -> Expr:
        """Lower an expression; its value."""
        kind = clang.kind(cursor)
        lower = getattr(self, f"_lower_{kind.lower()}", None)
        if lower is not None:
            result: Expr = lower(cursor)
            return result
        return Unknown(tuple(self.value(c) for c in self.operands(cursor)))

    def operands(self, cursor: Cursor) -> list[Cursor]:
        """The children of a node that are not references to types or labels."""
        return [c for c in clang.children(cursor) if not clang.kind(c).endswith("_REF")]

    def _lower_integer_literal(self, cursor: Cursor) -> Expr:
        value = clang.evaluate(cursor)
        return Const(value) if value is not None else Unknown()

    _lower_character_literal = _lower_integer_literal
    _lower_cxx_bool_literal_expr = _lower_integer_literal

    def _lower_string_literal(self, _: Cursor) -> Expr:
        return Text()

    def _lower_addr_label_expr(self, _: Cursor) -> Expr:
        return Unknown()

    def _lower_unexposed_expr(self, cursor: Cursor) -> Expr:
        parts = clang.children(cursor)
        if len(parts) == 1 and not clang.kind(parts[0]).endswith("_REF"):
            return self.value(parts[0])
        if len(parts) == _ELVIS_PARTS:
            return self.elvis(cursor, parts)
        if len(parts) == _CHOOSE_PARTS and canonical(cursor.type) != "void":
            chosen = clang.evaluate(parts[0])
            if chosen is not None:
                return self.value(parts[1] if chosen else parts[2])
        value = clang.evaluate(cursor)
        if value is not None:
            return Const(value)
        return Unknown(tuple(self.value(c) for c in self.operands(cursor)))

    def _lower_paren_expr(self, cursor: Cursor) -> Expr:
        return self.value(clang.children(cursor)[0])

    def _lower_decl_ref_expr(self, cursor: Cursor) -> Expr:
        target = cursor.referenced
        resolved = self.names.resolve(target, self.routine.key) if target else None
        if isinstance(resolved, int):
            return Const(resolved)
        return resolved if resolved is not None else Unknown()

    def _lower_member_ref_expr(self, cursor: Cursor) -> Expr:
        parts = self.operands(cursor)
        target = cursor.referenced
        if not parts or target is None or clang.kind(target) != "FIELD_DECL":
            return Unknown(tuple(self.value(c) for c in parts))
        record, name, type_ = self.names.field(target)
        inner = self._skip_unnamed(parts[0])
        base = self.value(inner)
        if inner.type.get_canonical().kind.name in {"POINTER", *_ARRAYS}:
            base = _dereference(base)
        return Field(base, record, name, type_)

    def _skip_unnamed(self, cursor: Cursor) -> Cursor:
        """The members of an unnamed member count as those of what it is in."""
        while clang.kind(cursor) == "MEMBER_REF_EXPR":
            target = cursor.referenced
            record = target.type.get_canonical().get_declaration() if target else None
            if record is None or not clang.is_record(record):
                break
            parts = self.operands(cursor)
            if not clang.is_unnamed_member(record) or not parts:
                break
            cursor = parts[0]
        return cursor

    def _lower_array_subscript_expr(self, cursor: Cursor) -> Expr:
        base_cursor, index_cursor = clang.children(cursor)[:2]
        base, index = self.value(base_cursor), self.value(index_cursor)
        if canonical(base_cursor.type).rstrip().endswith(("int", "long", "char", "short")):
            base, index = index, base  # the old 3[array]
        if _is_array(base):
            return Index(base, index)
        return Deref(Op("+", (base, index)))

    def _lower_cstyle_cast_expr(self, cursor: Cursor) -> Expr:
        parts = self.operands(cursor)
        operand = self.value(parts[-1]) if parts else Unknown()
        type_ = canonical(cursor.type)
        if type_.endswith("*") and not isinstance(operand, Const):
            self.names.note_type(cursor.type)
            return Cast(type_, operand)
        return operand

    def _lower_cxx_unary_expr(self, cursor: Cursor) -> Expr:
        bytes_ = clang.evaluate(cursor)
        parts = clang.children(cursor)
        type_ = ""
        if parts:
            self.names.note_type(parts[0].type)
            type_ = canonical(parts[0].type)
        if bytes_ is None:
            return Unknown()
        return SizeOf(type_, bytes_, self.text(cursor))

    def _lower_generic_selection_expr(self, cursor: Cursor) -> Expr:
        # Only the chosen branch is evaluated, and libclang does not say which: take all.
        branches = [self.value(c) for c in self.operands(cursor)[1:]]
        return self._any_of(branches, cursor)

    def _any_of(self, values: list[Expr], cursor: Cursor) -> Expr:
        if len(values) == 1:
            return values[0]
        result = self.temporary(canonical(cursor.type))
        before = list(self.graph.open)
        ends: list[int] = []
        for value in values:
            self.graph.open = list(before)
            self.assign(result, value, cursor)
            ends += self.graph.open
        self.graph.open = ends or before
        return result

    def _lower_compound_literal_expr(self, cursor: Cursor) -> Expr:
        parts = self.operands(cursor)
        self.names.note_type(cursor.type)
        place = self.temporary(canonical(cursor.type))
        if parts:
            self.initialise(place, parts[-1])
        return place

    def _lower_init_list_expr(self, cursor: Cursor) -> Expr:
        place = self.temporary(canonical(cursor.type))
        self.initialise(place, cursor)
        return place

    def _lower_stmtexpr(self, cursor: Cursor) -> Expr:
        return self.statement_expression(clang.children(cursor)[0])

    # -- operators ---------------------------------------------------------------------------

    def _lower_unary_operator(self, cursor: Cursor) -> Expr:  # noqa: PLR0911 - one a case
        symbol = clang.unary_operator(cursor)
        child = clang.children(cursor)[0]
        if symbol == "!":
            return self.truth(cursor)
        operand = self.value(child)
        match symbol:
            case "&":
                return self.address(operand)
            case "*":
                return _dereference(operand)
            case "x++" | "x--":
                before = self.temporary(canonical(cursor.type))
                self.assign(before, operand, cursor)
                self.assign(operand, Op(symbol[-1], (operand, Const(1))), cursor)
                return before
            case "++x" | "--x":
                self.assign(operand, Op(symbol[0], (operand, Const(1))), cursor)
                return operand
            case "+" | "ext":
                return operand
        if isinstance(operand, Const) and symbol in {"-", "~"}:
            return Const(-operand.value if symbol == "-" else ~operand.value)
        return Op(symbol, (operand,))

    def address(self, place: Expr) -> Expr:
        """``&place``; the locals in it count as addressed."""
        if isinstance(place, Func):
            return place
        if isinstance(place, Deref):
            return place.pointer
        for part in walk(place):
            if isinstance(part, Deref):
                break
            if isinstance(part, Var) and part.function:
                self.routine.addressed.add(part.name)
        return Addr(place)

    def _lower_binary_operator(self, cursor: Cursor) -> Expr:
        symbol = clang.binary_operator(cursor)
        left, right = clang.children(cursor)[:2]
        if symbol in {"&&", "||"}:
            return self.truth(cursor)
        if symbol == ",":
            self.value(left)
            return self.value(right)
        if symbol == "=":
            value = self.value(right)
            place = self.value(left)
            self.assign(place, value, cursor)
            return place if isinstance(place, Var) else self.copy(value, cursor)
        return _fold(symbol, self.value(left), self.value(right))

    def copy(self, value: Expr, cursor: Cursor) -> Expr:
        """A value that is used again keeps what it was when it was stored."""
        if isinstance(value, Const | Func | Var | Text):
            return value
        copy = self.temporary(canonical(cursor.type))
        self.assign(copy, value, cursor)
        return copy

    def _lower_compound_assignment_operator(self, cursor: Cursor) -> Expr:
        symbol = clang.binary_operator(cursor)[:-1]
        left, right = clang.children(cursor)[:2]
        value, place = self.value(right), self.value(left)
        self.assign(place, _count_on(symbol, place, value), cursor)
        return place

    # -- calls -------------------------------------------------------------------------------

    def _lower_call_expr(self, cursor: Cursor) -> Expr:
        parts = clang.children(cursor)
        if not parts:
            return Unknown()
        callee = self.value(parts[0])
        if isinstance(callee, Deref):
            callee = callee.pointer  # (*f)(...) is f(...)
        if isinstance(callee, Func) and callee.key in EXPECT and len(parts) > 1:
            return self.value(parts[1])
        if isinstance(callee, Func) and callee.key == "__builtin_constant_p":
            return Unknown()
        arguments = tuple(self.value(part) for part in parts[1:])
        self.names.note_type(cursor.type)
        signature = canonical(parts[0].type).replace("(*)", "", 1).strip()
        result = self.temporary(canonical(cursor.type))
        self.graph.add(
            Call(
                callee,
                arguments,
                result,
                signature,
                self.names.spot(cursor),
                self.text(cursor),
                self.text(parts[0]),
            )
        )
        return result


def _count_on(symbol: str, place: Expr, value: Expr) -> Expr:
    """``place += value``; in memory that is a level, whose exact height decides nothing.

    How full a buffer or an arena is depends on what a client sends: a bound that rests on the
    amounts of one path would be one for these amounts alone.
    """
    if symbol in {"+", "-"} and not isinstance(place, Var):
        return Op("level", (place, value)) if symbol == "+" else Unknown((place, value))
    return Op(symbol, (place, value))


def _is_array(expr: Expr) -> bool:
    return isinstance(expr, Var | Field) and is_array(expr.type)


def _dereference(pointer: Expr) -> Expr:
    if isinstance(pointer, Addr):
        return pointer.place
    if isinstance(pointer, Func):
        return pointer
    if _is_array(pointer):
        return Index(pointer, Const(0))
    return Deref(pointer)


def _fold(symbol: str, left: Expr, right: Expr) -> Expr:
    if isinstance(left, Const) and isinstance(right, Const):
        value = fold_integers(symbol, left.value, right.value)
        if value is not None:
            return Const(value)
    return Op(symbol, (left, right))
