# SPDX-License-Identifier: MIT
"""What declarations are called in the lowered program: keys of functions and variables, records.

Functions and variables with internal linkage get their file in front (``loop.c:clock_ms``), as
gcc does in its call graphs.  Records are called as in canonical types (``struct conn``); records
without a name inside of another are called after it (``struct conn.body``).
"""

from __future__ import annotations

import re
from pathlib import Path

from stingy.lower import clang
from stingy.lower.clang import Cursor, Type
from stingy.model.program import Func, Member, Record, Spot, Storage, Unit, Var, bare_type

_MAX_MEMBERS = 400
_CONSTANT_POINTERS = re.compile(r"\* ?const ?\[")
_ALIAS = re.compile(r"alias(?:__)?\s*\(\s*\"(\w+)\"")
_PATH = re.compile(r"( at )[^():]*/")  # of a file, in the spelling of a type without a name


class Names:
    """Names and layouts of one translation unit, collected into ``unit`` as they are needed."""

    def __init__(self, unit: Unit, root: Path):
        self.unit = unit
        self.root = root.resolve()
        self.earlier: tuple[str, ...] = ()  # routines of a header that was lowered before
        self._files: dict[str, str] = {}
        self._decls: dict[int, Var | Func | int | None] = {}
        self._fields: dict[int, tuple[str, str, str]] = {}
        self._records: dict[int, str] = {}
        self._aliases: dict[str, str] = {}
        self._texts: dict[str, bytes] = {}

    def file_of(self, cursor: Cursor) -> str:
        """The file of a declaration, relative to the server's root where it is below it."""
        position = cursor.location
        return self.relative(position.file.name) if position.file else ""

    def relative(self, name: str) -> str:
        """The name of a file as shown."""
        if name not in self._files:
            path = Path(name).resolve()
            inside = path.is_relative_to(self.root)
            self._files[name] = str(path.relative_to(self.root) if inside else path)
        return self._files[name]

    def is_local(self, file: str) -> bool:
        """Whether a file (as shown) belongs to the server."""
        return bool(file) and not file.startswith("/")

    def spot(self, cursor: Cursor) -> Spot:
        """Where a node begins (a macro's expansion begins where the macro is used)."""
        start = cursor.extent.start
        file = self.relative(start.file.name) if start.file else self.unit.file
        return Spot(file, start.line, start.column)

    def function(self, cursor: Cursor) -> Func:
        """The function that a declaration declares."""
        name = cursor.spelling
        alias = self._alias(cursor)
        if alias:
            return Func(alias)
        key = name
        if cursor.linkage.name == "INTERNAL":  # its first declaration may alone be static
            file = self.file_of(cursor)
            key = f"{file}:{name}" if self.is_local(file) else name
        self.unit.declared.setdefault(key, canonical(cursor.type))
        return Func(key)

    def _alias(self, cursor: Cursor) -> str:
        """The function that a declaration with attribute alias stands for."""
        name = cursor.spelling
        if name not in self._aliases:
            self._aliases[name] = ""
            text = self.attributes_text(cursor) if self.is_local(self.file_of(cursor)) else ""
            found = _ALIAS.search(text)
            if found:
                keys = (*self.unit.routines, *self.earlier)
                same = (k for k in keys if k.rsplit(":", 1)[-1] == found[1])
                self._aliases[name] = next(same, found[1])
        return self._aliases[name]

    def attributes_text(self, cursor: Cursor) -> str:
        """A declaration as written, with a little of what follows: libclang hides attributes."""
        start = cursor.extent.start
        if start.file is None:
            return ""
        name = start.file.name
        if name not in self._texts:
            self._texts[name] = Path(name).read_bytes()
        end = self._texts[name].find(b";", cursor.extent.end.offset)
        body = self._texts[name].find(b"{", start.offset)
        stop = min(p for p in (end, body, start.offset + 400) if p >= 0)
        return self._texts[name][start.offset : stop].decode(errors="replace")

    def resolve(self, cursor: Cursor, function: str) -> Var | Func | int | None:
        """What a reference to the declaration ``cursor`` stands for."""
        number = cursor.hash
        if number not in self._decls:
            self._decls[number] = self._resolve(cursor, function)
        return self._decls[number]

    def _resolve(self, cursor: Cursor, function: str) -> Var | Func | int | None:
        match clang.kind(cursor):
            case "FUNCTION_DECL":
                return self.function(cursor)
            case "ENUM_CONSTANT_DECL":
                self.unit.constants[cursor.spelling] = cursor.enum_value
                return cursor.enum_value
            case "PARM_DECL":
                return Var(self._unique(cursor), function, canonical(cursor.type))
            case "VAR_DECL":
                return self.variable(cursor, function)
        return None

    def variable(self, cursor: Cursor, function: str) -> Var:
        """A variable: local, or with static storage."""
        self.note_type(cursor.type)
        linkage, storage = cursor.linkage.name, cursor.storage_class.name
        if linkage == "NO_LINKAGE" and storage not in {"STATIC", "EXTERN"}:
            return Var(self._unique(cursor), function, canonical(cursor.type))
        key = cursor.spelling
        file = self.file_of(cursor)
        if linkage == "NO_LINKAGE":
            key = f"{function}.{key}"
        elif linkage == "INTERNAL" and self.is_local(file):
            key = f"{file}:{key}"
        self._note_storage(key, cursor, file)
        return Var(key, "", canonical(cursor.type))

    def _unique(self, cursor: Cursor) -> str:
        position = cursor.location
        return f"{cursor.spelling}@{position.line}:{position.column}"

    def _note_storage(self, key: str, cursor: Cursor, file: str) -> None:
        known = self.unit.storage.get(key)
        if known and known.defined:
            return
        type_ = cursor.type
        size = type_.get_size()
        self.unit.storage[key] = Storage(
            key,
            cursor.spelling,
            canonical(type_),
            max(size, 0),
            is_constant(type_),
            self.is_local(file) and cursor.is_definition(),
            Spot(file, cursor.location.line, cursor.location.column),
        )

    def field(self, cursor: Cursor) -> tuple[str, str, str]:
        """The record, the name and the canonical type of a field declaration."""
        number = cursor.hash
        if number not in self._fields:
            parent = cursor.semantic_parent
            while clang.is_unnamed_member(parent) and clang.is_record(parent.semantic_parent):
                parent = parent.semantic_parent
            record = self.record(parent)
            union = clang.kind(parent) == "UNION_DECL"
            name = "*" if union else cursor.spelling
            self._fields[number] = (record, name, canonical(cursor.type))
        return self._fields[number]

    def record(self, decl: Cursor) -> str:
        """The name of a record; its layout is noted."""
        number = decl.hash
        if number in self._records:
            return self._records[number]
        name = bare_type(decl.type.get_canonical().spelling)
        if "(" in name:
            name = self._inner_name(decl)
        self._records[number] = name
        self._note_record(name, decl)
        return name

    def _inner_name(self, decl: Cursor) -> str:
        position = decl.location
        parent = decl.semantic_parent
        if clang.is_record(parent):
            outer = self.record(parent)
            return f"{outer}.{position.line}:{position.column}"
        return f"{self.file_of(decl)}:{position.line}:{position.column}"

    def _note_record(self, name: str, decl: Cursor) -> None:
        type_ = decl.type
        size = type_.get_size()
        if size < 0 or name in self.unit.records:
            return
        local = self.is_local(self.file_of(decl))
        members: list[Member] = []
        if local:
            self._add_members(type_, 0, members)
        union = clang.kind(decl) == "UNION_DECL"
        self.unit.records[name] = Record(
            name, size, type_.get_align(), tuple(members), union, local
        )

    def _add_members(self, type_: Type, base: int, members: list[Member]) -> None:
        """The members of a record; those of unnamed members count as its own."""
        for one in list(type_.get_fields())[:_MAX_MEMBERS]:
            offset = base + max(one.get_field_offsetof(), 0) // 8
            inner = one.type.get_canonical().get_declaration()
            if clang.is_record(inner) and clang.is_unnamed_member(inner):
                self._add_members(inner.type, offset, members)
                continue
            if clang.is_record(inner):
                self.record(inner)
            bytes_ = max(one.type.get_size(), 0)
            members.append(Member(one.spelling, offset, bytes_, canonical(one.type)))

    def note_type(self, type_: Type) -> None:
        """Note the layout of the record that ``type_`` is, points to, or is an array of."""
        current = type_.get_canonical()
        for _ in range(8):
            match current.kind.name:
                case "POINTER":
                    current = current.get_pointee().get_canonical()
                case "CONSTANTARRAY" | "INCOMPLETEARRAY" | "VARIABLEARRAY":
                    current = current.get_array_element_type().get_canonical()
                case "RECORD":
                    self.record(current.get_declaration())
                    return
                case _:
                    return

    def typedef(self, cursor: Cursor) -> None:
        """Note a typedef of the server."""
        self.unit.typedefs[cursor.spelling] = bare_type(
            cursor.underlying_typedef_type.get_canonical().spelling
        )


def canonical(type_: Type) -> str:
    """The canonical spelling of a type."""
    return _PATH.sub(r"\1", type_.get_canonical().spelling)


def is_constant(type_: Type) -> bool:
    """Whether a variable of this type is never written."""
    if "ARRAY" not in type_.get_canonical().kind.name:
        return type_.get_canonical().is_const_qualified()
    spelling = canonical(type_)  # libclang drops the qualifier of an array's elements
    if "*" in spelling:
        return bool(_CONSTANT_POINTERS.search(spelling))
    return spelling.startswith("const ")
