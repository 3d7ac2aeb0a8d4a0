# SPDX-License-Identifier: MIT
"""Lowering of conditions: every way through ``&&``, ``||``, ``!`` and ``?:`` is a path."""

from __future__ import annotations

from stingy.lower import clang
from stingy.lower.clang import Cursor
from stingy.lower.expressions import EXPECT, TRANSPARENT, Expressions
from stingy.lower.names import canonical
from stingy.model.program import Assume, Const, Expr, Unknown


class Conditions(Expressions):
    """Lowers what decides between paths."""

    def condition(self, cursor: Cursor) -> tuple[list[int], list[int]]:
        """Lower a condition; the open ends where it is true and where it is false."""
        kind = clang.kind(cursor)
        parts = clang.children(cursor)
        if kind in TRANSPARENT and len(parts) == 1:
            return self.condition(parts[0])
        if kind == "UNARY_OPERATOR" and clang.unary_operator(cursor) == "!":
            yes, no = self.condition(parts[0])
            return no, yes
        if kind == "BINARY_OPERATOR":
            symbol = clang.binary_operator(cursor)
            if symbol == "&&":
                yes, no = self.condition(parts[0])
                self.graph.open = yes
                second = self.condition(parts[1]) if yes else ([], [])
                return second[0], no + second[1]
            if symbol == "||":
                yes, no = self.condition(parts[0])
                self.graph.open = no
                second = self.condition(parts[1]) if no else ([], [])
                return yes + second[0], second[1]
        if kind == "CALL_EXPR" and parts and self.text(parts[0]) in EXPECT:
            return self.condition(parts[1])
        return self._split(self.value(cursor), self.text(cursor))

    def _split(self, value: Expr, text: str) -> tuple[list[int], list[int]]:
        before = list(self.graph.open)
        if isinstance(value, Const):
            return (before, []) if value.value else ([], before)
        self.graph.add(Assume(value, True, text))
        yes = self.graph.open
        self.graph.open = before
        self.graph.add(Assume(value, False, text))
        return yes, self.graph.open

    def truth(self, cursor: Cursor) -> Expr:
        yes, no = self.condition(cursor)
        result = self.temporary("int")
        ends: list[int] = []
        for exits, value in ((yes, 1), (no, 0)):
            self.graph.open = exits
            if exits:
                self.assign(result, Const(value), cursor)
                ends += self.graph.open
        self.graph.open = ends
        return result

    def _lower_conditional_operator(self, cursor: Cursor) -> Expr:
        test, first, second = clang.children(cursor)[:3]
        yes, no = self.condition(test)
        return self._either(cursor, (yes, first, None), (no, second, None))

    def elvis(self, cursor: Cursor, parts: list[Cursor]) -> Expr:
        value = self.copy(self.value(parts[0]), cursor)
        yes, no = self._split(value, self.text(parts[0]))
        return self._either(cursor, (yes, None, value), (no, parts[3], None))

    def _either(
        self, cursor: Cursor, *branches: tuple[list[int], Cursor | None, Expr | None]
    ) -> Expr:
        type_ = canonical(cursor.type)
        result = self.temporary(type_)
        ends: list[int] = []
        for exits, branch, known in branches:
            self.graph.open = exits
            if not exits:
                continue
            value = known if known is not None else Unknown()
            if branch is not None:
                value = self.value(branch)
            if type_ != "void":
                self.assign(result, value, cursor)
            ends += self.graph.open
        self.graph.open = ends
        return result
