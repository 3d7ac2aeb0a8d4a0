# SPDX-License-Identifier: MIT
"""Lowering of initialisers: each stands for some assignments."""

from __future__ import annotations

from stingy import clang
from stingy.clang import Cursor
from stingy.conditions import Conditions
from stingy.expressions import TRANSPARENT
from stingy.names import canonical
from stingy.program import Const, Expr, Field, Index, Unknown


class Initialisers(Conditions):
    """Lowers ``= x``, ``= { ... }`` and ``.a.b[2] = x``."""

    def initialise(self, place: Expr, cursor: Cursor) -> None:
        """Add the assignments that an initialiser stands for."""
        inner = cursor
        while clang.kind(inner) in TRANSPARENT and len(clang.children(inner)) == 1:
            inner = clang.children(inner)[0]
        if clang.kind(inner) != "INIT_LIST_EXPR":
            self.assign(place, self.value(cursor), cursor)
            return
        type_ = inner.type.get_canonical()
        if type_.kind.name == "RECORD":
            self._initialise_record(place, inner)
            return
        self._initialise_array(place, inner, is_array=type_.kind.name.endswith("ARRAY"))

    def _initialise_array(self, place: Expr, cursor: Cursor, *, is_array: bool) -> None:
        position = 0
        for part in clang.children(cursor):
            if _is_designated(part):
                parts = clang.children(part)
                number = clang.evaluate(parts[0]) if len(parts) == 2 else None
                position = number if number is not None else -1
                element = parts
            else:
                element = [part]
            target = place
            if is_array:
                target = Index(place, Const(position) if position >= 0 else Unknown())
            self._initialise_designated(target, element, ())
            position = position + 1 if position >= 0 else -1

    def _initialise_record(self, place: Expr, cursor: Cursor) -> None:
        decl = cursor.type.get_canonical().get_declaration()
        self.names.record(decl)
        self.assign(place, Const(0), cursor)  # what is not named is zero
        fields = list(decl.type.get_canonical().get_fields())
        position = 0
        for part in clang.children(cursor):
            if _is_designated(part):
                parts = clang.children(part)
                self._initialise_designated(place, parts, ())
                name = parts[0].spelling
                position = next((i for i, f in enumerate(fields) if f.spelling == name), -1) + 1
                continue
            if position < len(fields):
                self._initialise_member(place, fields[position], part)
            position += 1

    def _initialise_member(self, place: Expr, field: Cursor, part: Cursor) -> None:
        inner = field.type.get_canonical().get_declaration()
        if clang.is_record(inner) and clang.is_unnamed_member(inner):
            self.initialise(place, part)
            return
        record, name, type_ = self.names.field(field)
        self.initialise(Field(place, record, name, type_), part)

    def _initialise_designated(self, place: Expr, parts: list[Cursor], _: tuple[()]) -> None:
        """Follow designators (``.a.b[2] =``) to the place, then initialise it."""
        for part in parts[:-1]:
            referenced = part.referenced if clang.kind(part) == "MEMBER_REF" else None
            if referenced is not None:
                record, name, type_ = self.names.field(referenced)
                inner = referenced.type.get_canonical().get_declaration()
                if clang.is_record(inner) and clang.is_unnamed_member(inner):
                    continue
                place = Field(place, record, name, type_)
            elif not isinstance(place, Index):
                place = Index(place, Unknown())
        self.initialise(place, parts[-1])


def _is_designated(cursor: Cursor) -> bool:
    return (
        clang.kind(cursor) == "UNEXPOSED_EXPR"
        and canonical(cursor.type) == "void"
        and len(clang.children(cursor)) > 1
    )
