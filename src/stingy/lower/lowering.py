# SPDX-License-Identifier: MIT
"""From a parsed file to a lowered unit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ground.files import digest_bytes
from stingy.lower import clang
from stingy.lower.clang import Cursor, Parsed
from stingy.lower.names import Names, canonical
from stingy.lower.statements import Statements
from stingy.model.program import Assign, Routine, Spot, Unit, Var

_NOT_A_VALUE = ("_REF", "_ATTR", "_DECL")


@dataclass(frozen=True, slots=True)
class Precompiled:
    """A header that was lowered already, as the files that begin with it need it.

    ``path`` is its syntax tree on disk; ``declared`` and ``routines`` are those of its unit.
    """

    path: Path
    digest: str
    declared: dict[str, str]
    routines: tuple[str, ...]


def lower(
    path: Path, file: str, root: Path, flags: list[str], header: Precompiled | None = None
) -> Unit:
    """Parse ``path`` and lower it; a file that clang does not accept gives a unit with a
    ``problem``, never an exception.  What comes from ``header`` is not repeated in the unit."""
    parsed = clang.parse(path, flags, header.path if header else None)
    if header is None:
        return lower_parsed(parsed, path, file, root)
    unit = lower_parsed(parsed, path, file, root, header)
    if unit.problem or unit.warnings:  # what is wrong must not come from how it was parsed
        return lower(path, file, root, flags)
    unit.header_digest = header.digest
    return unit


def lower_parsed(
    parsed: Parsed | None, path: Path, file: str, root: Path, header: Precompiled | None = None
) -> Unit:
    """Lower a file that was parsed."""
    unit = Unit(file)
    if parsed is None:
        unit.problem = "clang cannot read it at all"
        return unit
    unit.target = parsed.target
    names = Names(unit, root)
    if header is not None:
        unit.declared.update(header.declared)
        names.earlier = header.routines
    _note_inputs(unit, parsed, names)
    if _judge_errors(unit, parsed, names):
        return unit
    try:
        _Lowering(names, path).lower(parsed)
    except RecursionError:
        unit.problem = "it is nested too deeply to be followed"
        unit.routines.clear()
    return unit


def _note_inputs(unit: Unit, parsed: Parsed, names: Names) -> None:
    for file in parsed.files:
        if file.is_file():
            unit.inputs[str(file.resolve())] = digest_bytes(file.read_bytes())
        names.relative(str(file))


def _judge_errors(unit: Unit, parsed: Parsed, names: Names) -> bool:
    """Errors in the server's own files refuse the unit; others are warned of."""
    for error in parsed.errors:
        file = names.relative(error.file)
        if error.fatal or names.is_local(file) or error.line == 0:
            unit.problem = f"{file}:{error.line}: clang: {error.message}"
            return True
        unit.warnings.append((Spot(file, error.line), f"clang: {error.message}"))
    for warning in parsed.warnings:
        file = names.relative(warning.file)
        if names.is_local(file):
            unit.warnings.append((Spot(file, warning.line), f"clang: {warning.message}"))
    return False


class _Lowering:
    def __init__(self, names: Names, path: Path):
        self.names = names
        self.unit = names.unit
        self.main = path.resolve()
        self._sources: dict[str, bytes] = {}

    def lower(self, parsed: Parsed) -> None:
        outside: set[str] = set()
        for cursor in clang.children(parsed.root):
            kind = clang.kind(cursor)
            if kind not in {"FUNCTION_DECL", "VAR_DECL", "TYPEDEF_DECL"}:
                continue
            if not self.names.is_local(self.names.file_of(cursor)):
                if kind == "FUNCTION_DECL":
                    outside.add(cursor.spelling)
                continue
            if kind == "FUNCTION_DECL":
                self._lower_function(cursor)
            elif kind == "VAR_DECL":
                self._lower_variable(cursor)
            else:
                self.names.typedef(cursor)
        self.unit.outside = frozenset(outside)

    def _source(self, cursor: Cursor) -> bytes:
        position = cursor.extent.start
        name = position.file.name if position.file else str(self.main)
        if name not in self._sources:
            self._sources[name] = Path(name).read_bytes()
        return self._sources[name]

    def _lower_function(self, cursor: Cursor) -> None:
        key = self.names.function(cursor).key
        parts = clang.children(cursor)
        body = next((c for c in parts if clang.kind(c) == "COMPOUND_STMT"), None)
        if body is None or key in self.unit.routines:
            return
        routine = self._begin(cursor, key, parts)
        self.unit.routines[key] = routine
        Statements(self.names, routine, self._source(cursor)).lower_body(body)

    def _begin(self, cursor: Cursor, key: str, parts: list[Cursor]) -> Routine:
        parameters: list[Var] = []
        for part in parts:
            if clang.kind(part) == "PARM_DECL":
                self.names.note_type(part.type)
                resolved = self.names.resolve(part, key)
                if isinstance(resolved, Var):
                    parameters.append(resolved)
        position = cursor.location
        return Routine(
            key,
            cursor.spelling,
            Spot(self.names.file_of(cursor), position.line, position.column),
            canonical(cursor.type),
            tuple(parameters),
            cursor.linkage.name == "INTERNAL",
            annotations=[c.spelling for c in parts if clang.kind(c) == "ANNOTATE_ATTR"],
            end_line=cursor.extent.end.line,
        )

    def _lower_variable(self, cursor: Cursor) -> None:
        variable = self.names.resolve(cursor, "")
        parts = [c for c in clang.children(cursor) if not clang.kind(c).endswith(_NOT_A_VALUE)]
        if not isinstance(variable, Var) or not parts:
            return
        initialiser = parts[-1]
        is_array = cursor.type.get_canonical().kind.name == "CONSTANTARRAY"
        if is_array and clang.kind(initialiser) == "INTEGER_LITERAL":
            return
        scratch = Routine("", "", Spot("", 0), "", (), True)
        Statements(self.names, scratch, self._source(cursor)).initialise(variable, initialiser)
        self.unit.initialisers += [s for s in scratch.steps if isinstance(s, Assign)]
