# SPDX-License-Identifier: MIT
"""Lowering of initialisers: each stands for some assignments."""

from __future__ import annotations

from stingy.lower import clang
from stingy.lower.clang import Cursor
from stingy.lower.conditions import Conditions
from stingy.lower.expressions import TRANSPARENT
from stingy.lower.names import canonical
from stingy.model.program import Const, Expr, Field, Index, Unknown

_MAX_RANGE = 64  # elements of one range that are told apart


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
        position: int | None = 0
        for part in clang.children(cursor):
            if _is_designated(part):
                last = self._initialise_designated(place, part)
                position = None if last is None else last + 1
                continue
            index = Const(position) if position is not None else Unknown()
            self.initialise(Index(place, index) if is_array else place, part)
            position = None if position is None else position + 1

    def _initialise_record(self, place: Expr, cursor: Cursor) -> None:
        decl = cursor.type.get_canonical().get_declaration()
        self.names.record(decl)
        self.assign(place, Const(0), cursor)  # what is not named is zero
        fields = list(decl.type.get_canonical().get_fields())
        position = 0
        for part in clang.children(cursor):
            if _is_designated(part):
                self._initialise_designated(place, part)
                name = clang.children(part)[0].spelling
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

    def _initialise_designated(self, place: Expr, cursor: Cursor) -> int | None:
        """Follow designators (``.a.b[2] =``) to their places and initialise these.

        Returns the last index that the first designator names, if it names a known one.
        """
        *designators, value = clang.children(cursor)
        places, first = [place], True
        last: int | None = None
        while designators:
            part = designators.pop(0)
            if clang.kind(part) == "MEMBER_REF":
                places = [self._member(one, part) for one in places]
            else:
                indices = self._indices(part, designators)
                last = indices[-1] if indices and first else last
                names: list[Expr] = [Const(number) for number in indices] or [Unknown()]
                places = [Index(one, name) for one in places for name in names]
            first = False
        for one in places:
            self.initialise(one, value)
        return last

    def _member(self, place: Expr, designator: Cursor) -> Expr:
        referenced = designator.referenced
        if referenced is None:
            return place
        inner = referenced.type.get_canonical().get_declaration()
        if clang.is_record(inner) and clang.is_unnamed_member(inner):
            return place
        record, name, type_ = self.names.field(referenced)
        return Field(place, record, name, type_)

    def _indices(self, low: Cursor, following: list[Cursor]) -> list[int]:
        """The indices of ``[low]`` or ``[low ... high]``; none if they are not known, or too many.

        libclang gives both bounds of a range as if they were designators one after the other.
        """
        first = last = clang.evaluate(low)
        if following and self._is_range(low, following[0]):
            last = clang.evaluate(following.pop(0))
        if first is None or last is None or not first <= last < first + _MAX_RANGE:
            return []
        return [*range(first, last + 1)]

    def _is_range(self, low: Cursor, high: Cursor) -> bool:
        between = self.source[low.extent.end.offset : high.extent.start.offset]
        return b"..." in between


def _is_designated(cursor: Cursor) -> bool:
    return (
        clang.kind(cursor) == "UNEXPOSED_EXPR"
        and canonical(cursor.type) == "void"
        and len(clang.children(cursor)) > 1
    )
