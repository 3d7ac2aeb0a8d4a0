# SPDX-License-Identifier: MIT
"""Frames and calls as compiled: gcc's own call graph (-fcallgraph-info=su)."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ground import process
from ground.files import write_atomically
from stingy.lower.sources import Source
from stingy.model.program import CompiledFunction

INDIRECT = "__indirect_call"
_NODE = re.compile(r'^node: \{ title: "([^"]+)" label: "([^"]*)"')
_EDGE = re.compile(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"(?: label: "([^"]*)")?')
_SIZE = re.compile(r"(\d+) bytes \(([a-z,]+)\)")
_CLONE = re.compile(r"\.(part|constprop|isra|cold|lto_priv|localalias)(\.\d+)?")
# What the C library's headers make of names: "*__isoc99_sscanf" is sscanf, "__memcpy_chk" memcpy.
_LIBRARY_NAME = re.compile(r"^(?:__isoc\d+_(\w+)|__(\w+)_chk)$")
_NOT_FOR_US = ("-MD", "-MMD", "-MP", "-Wp,-M", "-Werror", "-fsanitize", "-fasan", "-flto", "-pipe")
_MACRO = re.compile(r"-D(\w+)(?:=(.*))?$", re.DOTALL)
_TIME_LIMIT_S = 300


@dataclass(frozen=True)
class CommonHeader:
    """What several files begin with, for gcc: everything that their flags include and a header.

    gcc precompiles it to ``path``.gch, and reads ``path`` where it cannot use that.  ``macros``
    are those that the files define differently.
    """

    path: Path
    macros: frozenset[str]

    def precompile(self, header: Source) -> bool:
        """Have gcc read ``header`` once for all files; whether that succeeded.

        What it writes is large and is made for one run.  gcc's own tests hold it to the same
        code with a precompiled header as without.
        """
        included, flags = _split_includes(header)
        if included is None:
            return False
        lines = [f'#include "{path}"\n' for path in (*included, header.path)]
        write_atomically(self.path, "".join(lines).encode())
        made = process.run(
            [header.compiler, *flags, "-w", "-x", "c-header", self.path, "-o", self._made()],
            cwd=header.directory,
            check=False,
            timeout_s=_TIME_LIMIT_S,
        )
        return made.returncode == 0

    def is_made(self) -> bool:
        """Whether gcc has precompiled it."""
        return self._made().exists()

    def _made(self) -> Path:
        return self.path.with_name(self.path.name + ".gch")

    def flags_for(self, source: Source, own: Path) -> list[str]:
        """The flags of a file that begins with it; its own macros go to the header ``own``."""
        _, flags = _split_includes(source)
        found = {flag: match for flag in flags if (match := _MACRO.match(flag))}
        mine = [flag for flag, match in found.items() if match[1] in self.macros]
        lines = [f"#define {found[flag][1]} {found[flag][2] or 1}\n" for flag in mine]
        write_atomically(own, "".join(lines).encode())
        common = [flag for flag in flags if flag not in mine]
        return [*common, "-include", str(self.path), "-include", str(own)]


def _keep_flags(source: Source) -> list[str]:
    """The flags that shape the code of the server itself."""
    return [flag for flag in source.flags if not flag.startswith(_NOT_FOR_US)]


def _split_includes(source: Source) -> tuple[list[Path] | None, list[str]]:
    """The files that flags include (None: not all are known), and the other flags."""
    included: list[Path] | None = []
    others: list[str] = []
    words = iter(_keep_flags(source))
    for word in words:
        if word == "-include":
            path = source.directory / next(words, "")
            included = None if included is None or not path.is_file() else [*included, path]
        else:
            others.append(word)
            included = None if word == "-imacros" else included
    return included, others


def compile_frames(
    source: Source, common: CommonHeader | None = None
) -> tuple[dict[str, CompiledFunction], str]:
    """Compile a file as its flags say; its frames, or why gcc does not compile it."""
    with tempfile.TemporaryDirectory(prefix="memwalk-") as name:
        folder = Path(name)
        if common is not None:
            short = common.flags_for(source, folder / "own.h")
            text, complaint = _compile(source, short, folder)
        if common is None or complaint:  # what is wrong must be so for the file's own flags
            text, complaint = _compile(source, _keep_flags(source), folder)
    return ({}, complaint) if complaint else (parse_callgraph(text, _make_keys(source)), "")


def _compile(source: Source, flags: list[str], folder: Path) -> tuple[str, str]:
    """Compile a file; gcc's call graph, or its first complaint."""
    output = folder / "unit.s"
    argv = [source.compiler, *flags, "-w", "-S", "-fcallgraph-info=su"]
    result = process.run(
        [*argv, str(source.path), "-o", output],
        cwd=source.directory,
        check=False,
        timeout_s=_TIME_LIMIT_S,
    )
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if "error" in line]
        return "", (lines or result.stderr.splitlines() or ["it failed"])[0]
    listing = output.with_suffix(".ci")
    return (listing.read_text(errors="replace") if listing.exists() else ""), ""


class _Keys:
    """Turns titles of gcc's call graph into keys: ``/x/loop.c:tick.part.0`` -> ``loop.c:tick``."""

    def __init__(self, root: Path, directory: Path):
        self.root = root
        self.directory = directory

    def __call__(self, title: str) -> str:
        file, colon, name = title.rpartition(":")
        name = _CLONE.sub("", name).removeprefix("*")  # the name in assembly that a header gives
        if not colon:
            return _LIBRARY_NAME.sub(r"\1\2", name)
        relative = self.relative(file)
        return f"{relative}:{name}" if relative else name

    def relative(self, file: str) -> str:
        """The file relative to the server's root; "" if it is not below it."""
        path = (self.directory / file).resolve()
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else ""

    def locate(self, label: str | None) -> tuple[str, int]:
        """The file and line in an edge's label."""
        parts = (label or "").rsplit(":", 2)
        if len(parts) == 3 and parts[1].isdigit():
            return self.relative(parts[0]), int(parts[1])
        return "", 0


def _make_keys(source: Source) -> _Keys:
    depth = len(Path(source.file).parts)
    inside = not Path(source.file).is_absolute()
    return _Keys(source.path.parents[depth - 1] if inside else source.path.parent, source.directory)


def parse_callgraph(text: str, make_key: _Keys | None = None) -> dict[str, CompiledFunction]:
    """The frames in a call-graph file of gcc.

    Clones of a function (``.part``, ``.constprop``) count as the function: the larger frame,
    plus what a part adds when the function calls it.
    """
    sizes: dict[str, tuple[int, str]] = {}
    calls: dict[str, set[tuple[str, str, int]]] = {}
    keys = make_key or _Keys(Path("/nonexistent"), Path("/"))
    parts: dict[str, int] = {}
    for line in text.splitlines():
        if node := _NODE.match(line):
            size = _SIZE.search(node[2])
            if not size:
                continue
            key, bytes_ = keys(node[1]), int(size[1])
            if _CLONE.search(node[1]):  # it may be on the stack above the rest of the function
                parts[key] = parts.get(key, 0) + bytes_
            else:
                sizes[key] = (bytes_, size[2].replace("dynamic,bounded", "bounded"))
        elif edge := _EDGE.match(line):
            caller, callee = keys(edge[1]), keys(edge[2])
            if caller != callee or _CLONE.search(edge[1]) or not _CLONE.search(edge[2]):
                calls.setdefault(caller, set()).add((callee, *keys.locate(edge[3])))
    for key, extra in parts.items():
        bytes_, kind = sizes.get(key, (0, "static"))
        sizes[key] = (bytes_ + extra, kind)
    return dict(_make_frames(sizes, calls))


def _make_frames(
    sizes: dict[str, tuple[int, str]], calls: dict[str, set[tuple[str, str, int]]]
) -> Iterator[tuple[str, CompiledFunction]]:
    for key, (bytes_, kind) in sorted(sizes.items()):
        yield key, CompiledFunction(bytes_, kind, tuple(sorted(calls.get(key, ()))))
