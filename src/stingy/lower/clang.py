# SPDX-License-Identifier: MIT
"""The one door to libclang: typed, and only what lowering needs."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from clang import cindex

_lib: Any = cindex.conf.lib

BINARY = (
    "", "ptrmem", "ptrmem", "*", "/", "%", "+", "-", "<<", ">>", "<=>", "<", ">", "<=", ">=",
    "==", "!=", "&", "^", "|", "&&", "||", "=", "*=", "/=", "%=", "+=", "-=", "<<=", ">>=",
    "&=", "^=", "|=", ",",
)  # fmt: skip
UNARY = ("", "x++", "x--", "++x", "--x", "&", "*", "+", "-", "~", "!", "real", "imag", "ext")
_EVALUATED_INTEGER = 1
_ERROR = 3


class File(Protocol):
    """A file as libclang names it."""

    name: str


class Position(Protocol):
    """Where in a file something stands; macro expansions stand where the macro is used."""

    file: File | None
    line: int
    column: int
    offset: int


class Extent(Protocol):
    """A range in a file."""

    start: Position
    end: Position


class Kind(Protocol):
    """The kind of a cursor or type, by name."""

    name: str


class Type(Protocol):
    """A C type."""

    kind: Kind
    spelling: str

    def get_canonical(self) -> Type: ...
    def get_pointee(self) -> Type: ...
    def get_declaration(self) -> Cursor: ...
    def get_array_element_type(self) -> Type: ...
    def get_result(self) -> Type: ...
    def get_size(self) -> int: ...
    def get_align(self) -> int: ...
    def get_fields(self) -> Iterator[Cursor]: ...
    def is_const_qualified(self) -> bool: ...


class Cursor(Protocol):
    """A node of the syntax tree."""

    spelling: str
    type: Type
    referenced: Cursor | None
    semantic_parent: Cursor
    extent: Extent
    location: Position
    hash: int
    enum_value: int
    storage_class: Kind
    linkage: Kind
    result_type: Type
    underlying_typedef_type: Type

    def is_definition(self) -> bool: ...
    def get_field_offsetof(self) -> int: ...
    def get_arguments(self) -> Iterator[Cursor]: ...


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """An error that libclang reports."""

    file: str
    line: int
    message: str
    fatal: bool


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parsed file."""

    root: Cursor
    files: tuple[Path, ...]  # everything that was read, the file itself first
    errors: tuple[Diagnosis, ...]
    target: str
    handle: object  # keeps libclang's memory alive
    warnings: tuple[Diagnosis, ...] = ()


def _declare(name: str, result: object, *arguments: object) -> Callable[..., Any]:
    function = getattr(_lib, name)
    function.restype = result
    function.argtypes = list(arguments)
    return cast("Callable[..., Any]", function)


_binary = _declare("clang_getCursorBinaryOperatorKind", ctypes.c_int, cindex.Cursor)
_unary = _declare("clang_getCursorUnaryOperatorKind", ctypes.c_int, cindex.Cursor)
_evaluate = _declare("clang_Cursor_Evaluate", ctypes.c_void_p, cindex.Cursor)
_eval_kind = _declare("clang_EvalResult_getKind", ctypes.c_int, ctypes.c_void_p)
_eval_int = _declare("clang_EvalResult_getAsLongLong", ctypes.c_longlong, ctypes.c_void_p)
_eval_dispose = _declare("clang_EvalResult_dispose", None, ctypes.c_void_p)
_anonymous_record = _declare("clang_Cursor_isAnonymousRecordDecl", ctypes.c_uint, cindex.Cursor)

_is_guarded = _declare(
    "clang_isFileMultipleIncludeGuarded", ctypes.c_uint, cindex.TranslationUnit, cindex.c_object_p
)

_sink: list[Any] = []


def _collect(child: Any, _parent: Any, _data: Any) -> int:
    _sink.append(child)
    return 1  # CXChildVisit_Continue


_collector = cindex.callbacks["cursor_visit"](_collect)
_names: dict[int, str] = {}


def parse(path: Path, flags: list[str], precompiled: Path | None = None) -> Parsed | None:
    """Parse one file; None if libclang gives nothing at all (a crash inside, no such file).

    ``precompiled`` is what ``save`` wrote of the header that the file begins with, parsed with
    everything that ``flags`` include; ``root`` and ``files`` then lack what is in there.
    """
    if precompiled is None:
        return _parse(path, flags, 0)
    # Whether it is stale was judged by contents; clang would go by times.
    header = ["-include-pch", str(precompiled), "-Xclang", "-fno-validate-pch"]
    return _parse(path, [*header, *_without_includes(flags)], 0, exclude=True)


def parse_header(path: Path, flags: list[str]) -> Parsed | None:
    """Parse a header on its own, to be precompiled."""
    return _parse(path, ["-x", "c-header", *flags], cindex.TranslationUnit.PARSE_INCOMPLETE)


def _without_includes(flags: list[str]) -> list[str]:
    words = iter(flags)
    kept: list[str] = []
    for word in words:
        if word in {"-include", "-imacros"}:
            next(words, None)
        else:
            kept.append(word)
    return kept


def _parse(path: Path, flags: list[str], options: int, *, exclude: bool = False) -> Parsed | None:
    index = cindex.Index.create(exclude)
    try:
        unit = index.parse(str(path), args=flags, options=options)
    except cindex.TranslationUnitLoadError:
        return None
    found = [
        (d.severity, Diagnosis(str(d.location.file or path), d.location.line, d.spelling,
                               d.severity > _ERROR))
        for d in unit.diagnostics
    ]  # fmt: skip
    errors = tuple(diagnosis for severity, diagnosis in found if severity >= _ERROR)
    warnings = tuple(diagnosis for severity, diagnosis in found if severity < _ERROR)
    included = sorted({Path(str(i.include.name)) for i in unit.get_includes()})
    files = (path, *included)
    return Parsed(unit.cursor, files, errors, _target(unit), (index, unit), warnings)


def evaluate_constant(path: Path, flags: list[str], name: str) -> int | None:
    """The value that ``name`` has at the end of a file; None if it is not an integer constant."""
    marker = "memwalk_constant"
    text = path.read_text(errors="replace") + f"\nenum {{ {marker} = ({name}) }};\n"
    index = cindex.Index.create()
    try:
        unit = index.parse(str(path), args=flags, unsaved_files=[(str(path), text)])
    except cindex.TranslationUnitLoadError:
        return None
    last = text.count("\n")
    wrong = any(d.severity >= _ERROR and d.location.line >= last for d in unit.diagnostics)
    declarations = [c for c in unit.cursor.get_children() if c.kind.name == "ENUM_DECL"]
    values = list(declarations[-1].get_children()) if declarations and not wrong else []
    return values[0].enum_value if values and values[0].spelling == marker else None


def is_guarded(header: Parsed) -> bool:
    """Whether a header is empty where it is included once more."""
    unit = cast("Any", header.handle)[1]
    return bool(_is_guarded(unit, cindex.File.from_name(unit, str(header.files[0]))))


def save(header: Parsed, path: Path) -> bool:
    """Write a parsed header, for ``parse``; whether that succeeded."""
    try:
        cast("Any", header.handle)[1].save(str(path))
    except cindex.TranslationUnitSaveError:
        return False
    return True


def _target(unit: Any) -> str:
    get = _declare("clang_getTranslationUnitTargetInfo", ctypes.c_void_p, ctypes.c_void_p)
    text = _declare("clang_TargetInfo_getTriple", cindex._CXString, ctypes.c_void_p)
    release = _declare("clang_TargetInfo_dispose", None, ctypes.c_void_p)
    info = get(unit.obj if hasattr(unit, "obj") else unit)
    if not info:
        return ""
    value = text(info)
    name = str(_lib.clang_getCString(value) or "")
    release(info)
    return name


def children(cursor: Cursor) -> list[Cursor]:
    """The direct children of a node."""
    _sink.clear()
    _lib.clang_visitChildren(cursor, _collector, None)
    found = list(_sink)
    unit = cast("Any", cursor)._tu
    for child in found:
        child._tu = unit
    return found


def kind(cursor: Cursor) -> str:
    """The kind of a node, by libclang's name; "UNEXPOSED_EXPR" for those without one."""
    number: int = cast("Any", cursor)._kind_id
    name = _names.get(number)
    if name is None:
        try:
            name = str(cindex.CursorKind.from_id(number).name)
        except ValueError:
            name = "UNEXPOSED_EXPR"
        _names[number] = name
    return name


def binary_operator(cursor: Cursor) -> str:
    """The operator of a binary or compound assignment node."""
    return BINARY[_binary(cursor)]


def unary_operator(cursor: Cursor) -> str:
    """The operator of a unary node (x++ and ++x are told apart)."""
    return UNARY[_unary(cursor)]


def evaluate(cursor: Cursor) -> int | None:
    """The value of an integer constant expression."""
    result = _evaluate(cursor)
    if not result:
        return None
    try:
        return int(_eval_int(result)) if _eval_kind(result) == _EVALUATED_INTEGER else None
    finally:
        _eval_dispose(result)


def is_record(decl: Cursor) -> bool:
    """Whether a declaration is a struct or union."""
    return kind(decl) in {"STRUCT_DECL", "UNION_DECL"}


def is_unnamed_member(record: Cursor) -> bool:
    """Whether a record's members are reached without naming it (``struct { union { ... }; }``)."""
    return bool(_anonymous_record(record))
