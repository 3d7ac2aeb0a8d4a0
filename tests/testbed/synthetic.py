# SPDX-License-Identifier: MIT
"""Synthetic evidence: captures, counter streams and emissions of a run that never was.

Tests of the driver and of the evaluation replay it through a fake machine.
"""

from __future__ import annotations

import json
import struct
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from testbed.experiment import Experiment
from testbed.link.pcap import Ints
from testbed.loads.ab import Ab
from testbed.machines.command_line import find_mac
from testbed.outputs.counters import EVENTS

SERVER_MAC = bytes.fromhex(find_mac(1, 0).replace(":", ""))
CLIENT_MAC = bytes.fromhex(find_mac(1, 1).replace(":", ""))
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
SNAP = 96


@dataclass
class WireLog:
    """A capture in the making; frames may be added in any order of time."""

    frames: list[tuple[int, int, bytes, int]] = field(default_factory=list)
    lives: list[tuple[int, ...]] = field(default_factory=list)

    def add(
        self,
        time_ns: int,
        sent: bool,
        port: int,
        flags: int,
        *rest: int,
    ) -> None:
        """One TCP frame of the client's ``port``; ``rest``: sequence number, payload bytes, and
        the number that it acknowledges."""
        sequence, payload, acknowledged, *_ = (*rest, 0, 0)
        ours, theirs = (10 << 24 | 1 << 8 | 1), (10 << 24 | 1 << 8 | 2)
        mac = CLIENT_MAC + SERVER_MAC if sent else SERVER_MAC + CLIENT_MAC
        source, target = (ours, theirs) if sent else (theirs, ours)
        ports = (80, port) if sent else (port, 80)
        ip = struct.pack(">BBHHHBBHII", 0x45, 0, 40 + payload, 0, 0, 64, 6, 0, source, target)
        tcp = struct.pack(
            ">HHIIBBHHH", *ports, sequence & 0xFFFFFFFF, acknowledged & 0xFFFFFFFF,
            5 << 4, flags, 65535, 0, 0,
        )  # fmt: skip
        frame = mac + b"\x08\x00" + ip + tcp + bytes(payload)
        self.frames.append((time_ns, len(self.frames), frame[:SNAP], len(frame)))

    def exchange(self, port: int, opened: int, closed: int, isn: int = 7, size: int = 1000) -> None:
        """A whole connection: open, one request, one response, close, between two times."""
        step = (closed - opened) // 8
        at = [opened + step * number for number in range(8)] + [closed]
        self.add(at[0], False, port, SYN, isn)
        self.add(at[1], True, port, SYN | ACK, 3 * isn)
        self.add(at[2], False, port, ACK, isn + 1)
        self.add(at[3], False, port, ACK | PSH, isn + 1, 80)
        self.add(at[4], True, port, ACK | PSH, 3 * isn + 1, size)
        self.add(at[5], True, port, ACK | FIN, 3 * isn + 1 + size)
        self.add(at[6], False, port, ACK, isn + 81, 0, 3 * isn + 2 + size)
        self.add(at[8], False, port, ACK | FIN, isn + 81, 0, 3 * isn + 2 + size)
        self.lives.append(tuple(at))

    def find_times(self, *, sent: bool) -> list[int]:
        """When the frames of one direction pass the server's end, in order."""
        return sorted(t for t, _, frame, _ in self.frames if (frame[6:12] == SERVER_MAC) is sent)

    def write(self, path: Path) -> None:
        """Write the frames in order of time as a nanosecond pcap."""
        with path.open("wb") as stream:
            stream.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, SNAP, 1))
            for time_ns, _, data, length in sorted(self.frames):
                seconds, rest = divmod(time_ns, 1_000_000_000)
                stream.write(struct.pack("<IIII", seconds, rest, len(data), length) + data)


def counter_line(event: str, link_ns: int, **changes: object) -> str:
    """One record of a counter stream at ``link_ns``, all counters proportional to time."""
    busy = max(link_ns, 0)
    record: dict[str, object] = {
        "ev": event,
        "arg": 0,
        "t": 5_000_000_000 + max(link_ns, 0),
        "link_ns": link_ns,
        "units": busy * 14 // 10,
        "stall_milli": busy * 14 // 10 * 300,
        "idle_ns": 0,
        "insn": [busy * 14 // 100, busy * 84 // 100],
        "l1i": [busy // 500, busy // 250],
        "l1d_load": [busy // 500, busy // 250],
        "l1d_store": [busy // 900, busy // 900],
        "l2_fetch": [busy // 9000, busy // 9000],
        "l2_load": [busy // 9000, busy // 2000],
        "l2_store": [busy // 9000, busy // 9000],
        "writeback": busy // 9000,
        "dma_lines": busy // 9000,
        "itlb": [0, 0],
        "dtlb": [0, 0],
        "events": dict.fromkeys(EVENTS, busy // 50000),
        "region_l2": [busy // 1500],
    }
    return json.dumps(record | changes) + "\n"


def count_parts(lives: Ints, at_ns: int) -> dict[str, int]:
    """What the server's kernel counts at a time, by the exchanges' own clock: a request sock until
    the ACK, then a socket that is accepted with the request, and closed with the FIN.

    ``lives`` has the nine times of each exchange as rows, each column sorted.
    """
    past = [int(np.searchsorted(column, at_ns, side="right")) for column in lives.T]
    spans = {"handshake": (0, 2), "accept_queue": (2, 3), "accepted": (3, 5), "closing": (5, 6)}
    parts = {name: past[first] - past[last] for name, (first, last) in spans.items()}
    return parts | {"syn_drops": 0}


def counter_stream(end_ns: int, period_ns: int = 5_000_000, wire: WireLog | None = None) -> str:
    """A whole counter stream: start, sync, samples, stop, end; with ``wire`` it has a ledger."""
    lives = np.sort(np.array(wire.lives if wire else [], dtype=np.int64).reshape(-1, 9), axis=0)
    times = [wire.find_times(sent=sent) for sent in (False, True)] if wire else []

    def line(event: str, link_ns: int) -> str:
        if wire is None:
            return counter_line(event, link_ns)
        links = [[*(bisect_right(passed, link_ns) for passed in times), 0, 0]]
        return counter_line(event, link_ns, links=links, parts=count_parts(lives, link_ns))

    lines = [line("start", -1), line("sync", 0)]
    lines += [line("sample", t) for t in range(period_ns, end_ns, period_ns)]
    return "".join([*lines, line("stop", end_ns), line("end", end_ns)])


def frame(name: str, body: str) -> bytes:
    """One emitted frame."""
    data = body.encode()
    return f"@@ {name} {len(data)}\n".encode() + data + b"\n"


SNMP = "Tcp: InSegs OutSegs RetransSegs\nTcp: 10 10 {retrans}\n"
NETSTAT = (
    "TcpExt: ListenOverflows ListenDrops TCPTimeouts TCPAbortOnMemory\nTcpExt: {o} {o} {t} 0\n"
)
DEV = (
    "Inter-| Receive | Transmit\n face |bytes\n    lo: {z}\n"
    "  eth0: 9 9 0 {drop} 0 0 0 0 9 9 0 0 0 0 0 0\n"
)


def snapshot(
    when: str, uptime: str, *, drop: int = 0, retrans: int = 0, overflow: int = 0, timeouts: int = 0
) -> bytes:
    """The frames of one snapshot of a guest's network counters."""
    return b"".join(
        (
            frame(f"{when}.snmp", SNMP.format(retrans=retrans)),
            frame(f"{when}.netstat", NETSTAT.format(o=overflow, t=timeouts)),
            frame(f"{when}.dev", DEV.format(drop=drop, z=" ".join(["0"] * 16))),
            frame(f"{when}.softnet_stat", "0000000a 00000000 00000000\n"),
            frame(f"{when}.sockstat", "sockets: used 3\n"),
            frame(f"{when}.uptime", uptime),
        )
    )


def ab_report(completed: int, length: int = 1000, failed: int = 0) -> str:
    """What ab prints."""
    causes = f"   (Connect: 0, Receive: 0, Length: {failed}, Exceptions: 0)\n" if failed else ""
    return (
        f"Complete requests:      {completed}\nFailed requests:        {failed}\n{causes}"
        f"Total transferred:      {completed * (length + 200)} bytes\n"
        f"HTML transferred:       {completed * length} bytes\n"
        f"Requests per second:    {completed / 1.0:.2f} [#/sec] (mean)\n"
    )


@dataclass
class SyntheticRun:
    """A run directory as machines leave it: ``concurrency`` connections, each ``service_ns``."""

    experiment: Experiment
    directory: Path
    open_ns: int = 2_000_000
    ledger: bool = True

    def __post_init__(self) -> None:
        load = self.experiment.load
        assert isinstance(load, Ab)
        self.wire = WireLog()
        rounds = load.requests // load.concurrency
        for slot in range(load.concurrency):
            offset = slot * self.open_ns // load.concurrency
            for turn in range(rounds):
                opened = 10_000_000 + offset + turn * self.open_ns
                self.wire.exchange(
                    1024 + slot, opened, opened + self.open_ns - 1000, isn=1000 + 5000 * turn
                )
        self.end_ns = 10_000_000 + (rounds + 2) * self.open_ns
        self.server = [
            frame("content", "abc  -\n"),
            snapshot("before", "5.00 4.00"),
            snapshot("after", "6.00 4.00"),
            frame("dmesg", "Linux version 6.1\n"),
            frame("finished", "ok\n"),
        ]
        self.client = [
            frame("content", "abc  -\n"),
            snapshot("before", "5.00 4.00"),
            snapshot("after", "6.00 4.60"),
            frame("dmesg", "Linux version 6.1\n"),
            frame("report.0", ab_report(load.requests)),
            frame("finished", "ok\n"),
        ]
        self.fifo_drops = 0

    def write(self) -> None:
        """Write everything below ``directory``."""
        for name in ("server", "client1"):
            place = self.directory / name
            place.mkdir(parents=True, exist_ok=True)
            (place / "console.txt").write_text("ready\n")
            (place / "link1.json").write_text(
                json.dumps({"fifo_drops": self.fifo_drops, "dropped": [], "tx_frames": 1})
            )
        self.wire.write(self.directory / "server" / "link1.pcap")
        (self.directory / "server" / "counters.jsonl").write_text(
            counter_stream(self.end_ns, wire=self.wire if self.ledger else None)
        )
        (self.directory / "server" / "frames.bin").write_bytes(b"".join(self.server))
        (self.directory / "client1" / "frames.bin").write_bytes(b"".join(self.client))
