# SPDX-License-Identifier: MIT
"""Frames and calls as compiled: gcc's own call graph (-fcallgraph-info=su)."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ground import process
from stingy.program import Frame
from stingy.sources import Source

INDIRECT = "__indirect_call"
_NODE = re.compile(r'^node: \{ title: "([^"]+)" label: "([^"]*)"')
_EDGE = re.compile(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"(?: label: "([^"]*)")?')
_SIZE = re.compile(r"(\d+) bytes \(([a-z,]+)\)")
_CLONE = re.compile(r"\.(part|constprop|isra|cold|lto_priv|localalias)(\.\d+)?")
# What the C library's headers make of names: "*__isoc99_sscanf" is sscanf, "__memcpy_chk" memcpy.
_LIBRARY_NAME = re.compile(r"^\*?(?:__isoc\d+_(\w+)|__(\w+)_chk)$")
_NOT_FOR_US = ("-MD", "-MMD", "-MP", "-Wp,-M", "-Werror", "-fsanitize", "-flto", "-pipe")
_TIME_LIMIT_S = 300


def compile_frames(source: Source) -> tuple[dict[str, Frame], str]:
    """Compile a file as its flags say; its frames, or why gcc does not compile it."""
    flags = [f for f in source.flags if not f.startswith(_NOT_FOR_US)]
    with tempfile.TemporaryDirectory(prefix="memwalk-") as folder:
        output = Path(folder) / "unit.o"
        argv = [source.compiler, *flags, "-w", "-c", "-fcallgraph-info=su"]
        result = process.run(
            [*argv, str(source.path), "-o", output],
            cwd=source.directory,
            check=False,
            timeout_s=_TIME_LIMIT_S,
        )
        if result.returncode:
            lines = [line for line in result.stderr.splitlines() if "error" in line]
            return {}, (lines or result.stderr.splitlines() or ["it failed"])[0]
        listing = output.with_suffix(".ci")
        text = listing.read_text(errors="replace") if listing.exists() else ""
    return parse_callgraph(text, _make_keys(source)), ""


class _Keys:
    """Turns titles of gcc's call graph into keys: ``/x/loop.c:tick.part.0`` -> ``loop.c:tick``."""

    def __init__(self, root: Path, directory: Path):
        self.root = root
        self.directory = directory

    def __call__(self, title: str) -> str:
        file, colon, name = title.rpartition(":")
        name = _CLONE.sub("", name)
        if not colon:
            return _LIBRARY_NAME.sub(r"\1\2", name)
        relative = self.relative(file)
        return f"{relative}:{name}" if relative else name

    def relative(self, file: str) -> str:
        """The file relative to the server's root; "" if it is not below it."""
        path = (self.directory / file).resolve()
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else ""

    def place(self, label: str | None) -> tuple[str, int]:
        """The file and line in an edge's label."""
        parts = (label or "").rsplit(":", 2)
        if len(parts) == 3 and parts[1].isdigit():
            return self.relative(parts[0]), int(parts[1])
        return "", 0


def _make_keys(source: Source) -> _Keys:
    depth = len(Path(source.file).parts)
    inside = not Path(source.file).is_absolute()
    return _Keys(source.path.parents[depth - 1] if inside else source.path.parent, source.directory)


def parse_callgraph(text: str, make_key: _Keys | None = None) -> dict[str, Frame]:
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
                calls.setdefault(caller, set()).add((callee, *keys.place(edge[3])))
    for key, extra in parts.items():
        bytes_, kind = sizes.get(key, (0, "static"))
        sizes[key] = (bytes_ + extra, kind)
    return dict(_make_frames(sizes, calls))


def _make_frames(
    sizes: dict[str, tuple[int, str]], calls: dict[str, set[tuple[str, str, int]]]
) -> Iterator[tuple[str, Frame]]:
    for key, (bytes_, kind) in sorted(sizes.items()):
        yield key, Frame(bytes_, kind, tuple(sorted(calls.get(key, ()))))
