# SPDX-License-Identifier: MIT
"""What the guest emits through port 0xe9: named frames of bytes, `@@ NAME LENGTH`."""

from __future__ import annotations

import re
from pathlib import Path

from ground.errors import ArtifactError

HEADER = re.compile(rb"@@ ([A-Za-z0-9_.-]+) (\d+)\n")


class EmissionError(ArtifactError):
    """The guest's frames are cut off, mixed up, or one is missing."""


class Emissions:
    """The frames that one guest emitted, by name; a name may be used once."""

    def __init__(self, path: Path, frames: dict[str, bytes]):
        self.path = path
        self._frames = frames

    def __contains__(self, name: str) -> bool:
        return name in self._frames

    def names(self, prefix: str = "") -> list[str]:
        """Names that begin with ``prefix``, in the order in which they were emitted."""
        return [name for name in self._frames if name.startswith(prefix)]

    def text(self, name: str) -> str:
        """The frame ``name`` as text; EmissionError if the guest did not emit it."""
        if name not in self._frames:
            raise EmissionError(
                f"{self.path}: the guest did not emit {name!r}",
                hint=f"its job ended early: read {self.path.parent / 'console.txt'}",
            )
        return self._frames[name].decode(errors="replace")


def read_emissions(path: Path) -> Emissions:
    """The frames in the file ``path``; EmissionError if they are not whole."""
    data = path.read_bytes() if path.exists() else b""
    frames: dict[str, bytes] = {}
    position = 0
    while position < len(data):
        match = HEADER.match(data, position)
        if match is None:
            raise EmissionError(f"{path}: byte {position} is not the head of a frame")
        name, length = match[1].decode(), int(match[2])
        body = data[match.end() : match.end() + length]
        if len(body) < length or data[match.end() + length : match.end() + length + 1] != b"\n":
            raise EmissionError(
                f"{path}: the frame {name!r} is cut off",
                hint=f"the guest died while it spoke: read {path.parent / 'console.txt'}",
            )
        if name in frames:
            raise EmissionError(f"{path}: the frame {name!r} comes twice")
        frames[name] = body
        position = match.end() + length + 1
    return Emissions(path, frames)
