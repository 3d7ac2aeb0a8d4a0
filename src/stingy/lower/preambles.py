# SPDX-License-Identifier: MIT
"""Headers that several files of a server begin with: parsed once for all of them.

In a kernel a file of 300 lines reads 800 headers, and most files of a module begin with the same
``#include``.  Such a header is precompiled where this cannot be told from reading it in each file:
it must be guarded against a second inclusion, clang must find no error in it, and no ``#if`` in
what it includes may ask for a macro that the files' flags define differently.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stingy.lower import clang
from stingy.lower.lowering import lower_parsed
from stingy.lower.sources import Source, clang_flags, relative_to_root
from stingy.model.program import Unit

_BLANK = re.compile(rb"(?:\s|//[^\n]*\n|/\*.*?\*/)*", re.DOTALL)
_INCLUDE = re.compile(rb'[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"')
_MACRO = re.compile(r"-D(\w+)")
_CONDITION = re.compile(rb"^[ \t]*#[ \t]*(?:el)?if.*?(?:\\\n.*?)*$", re.MULTILINE)


@dataclass(frozen=True)
class Preamble:
    """A header with the flags that all its files have; ``varying`` are macros that they define
    differently, ``files`` is how many there are."""

    header: Source
    varying: frozenset[str]
    files: int


def find_preambles(sources: Sequence[Source], root: Path) -> dict[Path, Preamble]:
    """By source file, the header that it begins with, where another one does so too."""
    groups: dict[tuple[Path, Path, str, tuple[str, ...]], list[Source]] = defaultdict(list)
    for source in sources:
        header = _find_first_include(source.path)
        if header is not None:
            plain = tuple(flag for flag in source.flags if not _MACRO.match(flag))
            groups[header, source.directory, source.compiler, plain].append(source)
    found: dict[Path, Preamble] = {}
    for (path, *_), members in groups.items():
        if len(members) > 1:
            preamble = _make_preamble(path, members, root)
            found |= {source.path: preamble for source in members}
    return found


def _find_first_include(path: Path) -> Path | None:
    """What a file includes before anything else, if that is a file beside it."""
    text = path.read_bytes()
    blank = _BLANK.match(text)
    include = _INCLUDE.match(text, blank.end() if blank else 0)
    if include is None:
        return None
    header = path.parent / include[1].decode(errors="replace")
    return header.resolve() if header.is_file() else None


def _make_preamble(header: Path, members: list[Source], root: Path) -> Preamble:
    first = members[0]
    common = set(first.flags).intersection(*(source.flags for source in members))
    macros = {
        found[1]
        for source in members
        for flag in source.flags
        if flag not in common and (found := _MACRO.match(flag))
    }
    flags = tuple(f for f in first.flags if not ((m := _MACRO.match(f)) and m[1] in macros))
    source = replace(first, path=header, file=relative_to_root(header, root), flags=flags)
    return Preamble(source, frozenset(macros), len(members))


def lower_header(preamble: Preamble, root: Path, tree: Path) -> Unit:
    """Lower the header by itself and write its syntax tree to ``tree``.

    The unit has a ``problem`` where the header cannot be shared.
    """
    header = preamble.header
    parsed = clang.parse_header(header.path, clang_flags(header))
    unit = lower_parsed(parsed, header.path, header.file, root)
    if parsed is None or unit.problem:
        return unit
    tree.parent.mkdir(parents=True, exist_ok=True)
    if unit.warnings:
        unit.problem = unit.warnings[0][1]
    elif not clang.is_guarded(parsed):
        unit.problem = "it is not guarded against a second inclusion"
    elif asked := _find_asked(preamble.varying, unit):
        unit.problem = f"it asks for {asked}, which its files define differently"
    elif not clang.save(parsed, tree):
        unit.problem = "its syntax tree cannot be written"
    return unit


def _find_asked(macros: frozenset[str], unit: Unit) -> str:
    """One of the macros that decides what is compiled in a file that the header includes."""
    for path in unit.inputs:
        text = Path(path).read_bytes()
        present = [name for name in sorted(macros) if name.encode() in text]
        for name in present:
            word = re.compile(rb"\b" + name.encode() + rb"\b")
            if any(word.search(found[0]) for found in _CONDITION.finditer(text)):
                return name
    return ""
