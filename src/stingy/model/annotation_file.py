# SPDX-License-Identifier: MIT
"""Reading an annotation file: what is wrong is named with file, line and remedy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ground.documents import MisfitError, fit, parse_toml, read_text
from ground.errors import UsageError
from stingy.model.annotations import Annotations

EXAMPLE = "the docstring of stingy.model.annotations has a complete example"
_HEADER = re.compile(r"^\s*\[+\s*([^\]]+?)\s*\]+")


@dataclass(frozen=True)
class AnnotationFile:
    """An annotation file that was read: its content, and where each entry is."""

    path: Path
    text: str
    annotations: Annotations

    @property
    def root(self) -> Path:
        """The folder of the server's sources."""
        return (self.path.parent / self.annotations.server.root).resolve()

    def at(self, root: Path) -> AnnotationFile:
        """The same annotations for sources in another folder (a build's copy)."""
        server = self.annotations.server.model_copy(update={"root": root.resolve()})
        return replace(self, annotations=self.annotations.model_copy(update={"server": server}))

    def compiled_by(self, commands: Path) -> AnnotationFile:
        """The same annotations for sources that are compiled as a compile_commands.json says."""
        changes = {"compile_commands": commands.resolve(), "flags": ()}
        sources = self.annotations.sources.model_copy(update=changes)
        changed = self.annotations.model_copy(update={"sources": sources})
        return replace(self, annotations=changed)

    def line(self, location: Sequence[str | int]) -> int:
        """The line of an entry such as ("constructs", "malloc", 1, "function")."""
        return find_line(self.text, location)

    def fail(self, location: Sequence[str | int], message: str, hint: str) -> UsageError:
        """An error at an entry."""
        return UsageError(f"{self.path}:{self.line(location)}: {message}", hint=hint)


def read_annotations(path: Path) -> AnnotationFile:
    """Read and check an annotation file; raises UsageError with line and remedy."""
    text = read_text(path)
    try:
        annotations = fit(Annotations, parse_toml(text, path))
    except MisfitError as misfit:
        wrong = misfit.complaint
        where = f"{path}:{find_line(text, wrong.field)}"
        raise UsageError(f"{where}: {misfit}", hint=f"{wrong.remedy}; {EXAMPLE}") from None
    return AnnotationFile(path, text, annotations)


def find_line(text: str, location: Sequence[str | int]) -> int:
    """The line of an entry; of the nearest table around it if it is not spelled out."""
    names = [part for part in location if isinstance(part, str)]
    lines = text.splitlines()
    for size in range(len(names), 0, -1):
        header = ".".join(names[:size])
        index = _index_after(location, size)
        starts = [n for n, line in enumerate(lines) if _header_of(line) == header]
        if index < len(starts):
            return _line_of_key(lines, starts[index], names[size:]) + 1
    return _line_of_key(lines, -1, names[:1]) + 1 if names else 1


def _index_after(location: Sequence[str | int], size: int) -> int:
    """The list index that follows the ``size``-th name."""
    seen = 0
    for position, part in enumerate(location):
        if isinstance(part, str):
            seen += 1
            if seen == size:
                following = location[position + 1 : position + 2]
                return following[0] if following and isinstance(following[0], int) else 0
    return 0


def _header_of(line: str) -> str:
    match = _HEADER.match(line)
    return re.sub(r"\s*\.\s*", ".", match[1]) if match else ""


def _line_of_key(lines: list[str], start: int, names: Sequence[str]) -> int:
    if names:
        key = re.compile(rf"^\s*[\"']?{re.escape(names[0])}[\"']?\s*[=.]")
        for number in range(start + 1, len(lines)):
            if _header_of(lines[number]):
                break
            if key.match(lines[number]):
                return number
    return max(start, 0)
