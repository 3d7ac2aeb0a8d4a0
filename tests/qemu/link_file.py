# SPDX-License-Identifier: MIT
"""The shared file of a timed link whose other end has sent all that it ever will.

Its clock says that it is closed, so that nobody has to run there, and its ring holds frames with
any times of arrival.  See ``Direction`` and ``Record`` in timedlink.c.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HEADER = struct.Struct("<QIIQQ32xQ56x")  # clock, changes, sleeps, head, pid, tail
RECORD = struct.Struct("<qQ")  # arrival in ns since SYNC, length
RING = 16 << 20
CLOSED = (1 << 64) - 1


@dataclass(frozen=True)
class Frame:
    """A frame and when its last bit arrives, in ns since the SYNC marker."""

    arrival: int
    data: bytes


def write_link_file(path: Path, frames: Sequence[Frame]) -> Path:
    """What the end with side 0 finds; ``frames`` by arrival."""
    ring = b"".join(
        RECORD.pack(frame.arrival, len(frame.data)) + frame.data + b"\0" * (-len(frame.data) % 8)
        for frame in frames
    )
    with path.open("wb") as file:
        file.truncate(2 * (HEADER.size + RING))
        file.seek(HEADER.size + RING)
        file.write(HEADER.pack(CLOSED, 0, 0, len(ring), 0, 0) + ring)
    return path


def read_sent(path: Path) -> list[Frame]:
    """What the end with side 0 has sent."""
    data = path.read_bytes()
    head = HEADER.unpack_from(data)[3]
    at, frames = HEADER.size, []
    while at < HEADER.size + head:
        arrival, length = RECORD.unpack_from(data, at)
        at += RECORD.size
        frames.append(Frame(arrival, data[at : at + length]))
        at += length + -length % 8
    return frames
