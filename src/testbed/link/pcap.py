# SPDX-License-Identifier: MIT
"""Reading the server-side packet capture into columns: one row a TCP/IPv4 frame."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ground.errors import ArtifactError

NANOSECOND_MAGIC = 0xA1B23C4D
GLOBAL_HEADER = 24
RECORD_HEADER = 16
ETHERNET = 14
HEADERS = ETHERNET + 20 + 20  # without options
FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class CaptureError(ArtifactError):
    """A capture is not one, or was cut off (a full disk, a killed machine)."""


@dataclass(frozen=True)
class Frames:
    """TCP frames in order of time; columns of equal length.

    ``time_ns`` is link time; ``sent`` is true for frames that the server sent; ``address`` is the
    client's IPv4 address and ``port`` its port; ``payload`` counts TCP payload bytes, ``wire``
    the bytes of the whole frame without preamble and checksum.  ``link`` counts captures from 0,
    and ``place`` the frames before this one in its capture and direction, whatever they carry.
    ``all_wire`` and ``all_time_ns`` cover every frame, TCP or not, ``all_sent`` its direction.
    """

    time_ns: Ints
    sent: Flags
    address: Ints
    port: Ints
    sequence: Ints
    acknowledged: Ints
    flags: Ints
    payload: Ints
    link: Ints
    place: Ints
    all_time_ns: Ints
    all_wire: Ints
    all_sent: Flags

    def __len__(self) -> int:
        return len(self.time_ns)

    def flag(self, bit: int) -> Flags:
        """Which frames carry the TCP flag ``bit``."""
        carried: Flags = np.not_equal(self.flags & bit, 0)
        return carried


def read_frames(path: Path, server_mac: bytes, ports: range, link: int = 0) -> Frames:
    """The TCP frames to and from the server's ``ports`` in the capture ``path`` of the link
    ``link``.

    ``server_mac`` tells the direction.  Raises CaptureError if the file is not a complete
    nanosecond pcap of Ethernet frames.
    """
    data = path.read_bytes()
    offsets = _find_records(data, path)
    raw = np.frombuffer(data + bytes(HEADERS), dtype=np.uint8)
    head = raw[offsets[:, None] + np.arange(RECORD_HEADER + HEADERS)]
    record = np.ascontiguousarray(head[:, :RECORD_HEADER]).view("<u4").astype(np.int64)
    time_ns = record[:, 0] * 1_000_000_000 + record[:, 1]
    captured, wire = record[:, 2], record[:, 3]
    frame = head[:, RECORD_HEADER:]
    sent = (frame[:, 6:12] == np.frombuffer(server_mac, dtype=np.uint8)).all(axis=1)
    ip_bytes = (frame[:, 14] & 0x0F).astype(np.int64) * 4
    is_tcp = (
        (_big_endian(frame, 12, 2) == 0x0800)
        & (frame[:, 23] == 6)
        & (ip_bytes == 20)  # neither of our kernels sends IP options
        & (captured >= HEADERS)
    )
    source, target = _big_endian(frame, 34, 2), _big_endian(frame, 36, 2)
    server = np.where(sent, source, target)
    keep = is_tcp & (server >= ports.start) & (server < ports.stop)
    tcp_bytes = (frame[:, 46] >> 4).astype(np.int64) * 4
    address = np.where(sent, _big_endian(frame, 30, 4), _big_endian(frame, 26, 4))
    place = np.where(sent, np.cumsum(sent), np.cumsum(~sent)) - 1
    return Frames(
        time_ns=time_ns[keep],
        sent=sent[keep],
        address=address[keep],
        port=np.where(sent, target, source)[keep],
        sequence=_big_endian(frame, 38, 4)[keep],
        acknowledged=_big_endian(frame, 42, 4)[keep],
        flags=frame[keep, 47].astype(np.int64),
        payload=(_big_endian(frame, 16, 2) - ip_bytes - tcp_bytes)[keep],
        link=np.full(int(keep.sum()), link, dtype=np.int64),
        place=place[keep],
        all_time_ns=time_ns,
        all_wire=wire,
        all_sent=sent,
    )


def join_frames(parts: list[Frames]) -> Frames:
    """The frames of several links, merged in order of time (equal times: order of links)."""
    if len(parts) == 1:
        return parts[0]
    names = (
        "time_ns", "sent", "address", "port", "sequence", "acknowledged", "flags", "payload",
        "link", "place",
    )  # fmt: skip
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    order = np.argsort(columns["time_ns"], kind="stable")
    everything = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("all_time_ns", "all_wire", "all_sent")
    }
    order_all = np.argsort(everything["all_time_ns"], kind="stable")
    return Frames(
        **{name: column[order] for name, column in columns.items()},
        **{name: column[order_all] for name, column in everything.items()},
    )


def _find_records(data: bytes, path: Path) -> Ints:
    """Offsets of the record headers; the records' lengths vary, so this walk is sequential."""
    if len(data) < GLOBAL_HEADER or struct.unpack_from("<I", data)[0] != NANOSECOND_MAGIC:
        raise CaptureError(
            f"{path} is not a little-endian nanosecond pcap",
            hint="was the disk full? free space and repeat the run",
        )
    offsets: list[int] = []
    append, read = offsets.append, struct.Struct("<I").unpack_from
    position, end = GLOBAL_HEADER, len(data)
    while position < end:
        append(position)
        if position + RECORD_HEADER > end:
            position = end + 1
            break
        position += RECORD_HEADER + read(data, position + 8)[0]
    if position != end:
        raise CaptureError(
            f"{path} is cut off in its last record",
            hint="was the disk full, or a machine killed? free space and repeat the run",
        )
    return np.array(offsets, dtype=np.int64)


def _big_endian(frame: npt.NDArray[np.uint8], at: int, width: int) -> Ints:
    value = np.zeros(len(frame), dtype=np.int64)
    for column in range(at, at + width):
        value = (value << 8) | frame[:, column]
    return value
