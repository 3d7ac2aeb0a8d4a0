# SPDX-License-Identifier: MIT
"""A guest's own account: its network counters, its idle time, its log."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import BaseModel

from ground.errors import ArtifactError
from testbed.measurement import Losses
from testbed.outputs.emissions import Emissions

NETWORK_FILES = ("snmp", "netstat", "dev", "softnet_stat", "sockstat")
RECEIVE_DROP, RECEIVE_FIFO = 3, 4  # columns of /proc/net/dev after the colon, from 0
TRANSMIT_DROP, TRANSMIT_FIFO = 11, 12

SUSPECT = re.compile(
    r"Oops: |BUG: |WARNING: |Kernel panic|general protection|segfault|[Oo]ut of memory|"
    r"page allocation failure|SYN flooding|too many orphaned|oom-kill|hung_task|"
    r"soft lockup|Tx Unit Hang|time wait bucket table overflow|Call Trace|"
    r"table full|[Tt]oo many open files",
)


class GuestCounterError(ArtifactError):
    """A counter file of the guest is not in the kernel's form."""


class LinkStatistics(BaseModel):
    """What one end of a timed link says at its end: received frames that found the card's buffer
    full, their number, and which they were, as ranges of places and their lengths."""

    fifo_drops: int
    dropped: tuple[tuple[int, int], ...]


def parse_paired_lines(text: str) -> dict[str, int]:
    """/proc/net/snmp and netstat: a line of names, a line of values, joined as `Tcp.InSegs`."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) % 2:
        raise GuestCounterError("network counters: a line of names has no line of values")
    values: dict[str, int] = {}
    for names, numbers in zip(lines[::2], lines[1::2], strict=True):
        group, fields = names.split(":", 1)
        other, counts = numbers.split(":", 1)
        if group != other or len(fields.split()) != len(counts.split()):
            raise GuestCounterError(f"network counters: {group} and {other} do not pair")
        values |= {
            f"{group}.{name}": int(count)
            for name, count in zip(fields.split(), counts.split(), strict=True)
        }
    return values


def count_device_drops(text: str) -> int:
    """Frames that the NICs dropped, from /proc/net/dev (loopback left out)."""
    total = 0
    for line in text.splitlines():
        name, colon, rest = line.partition(":")
        if not colon or name.strip() == "lo":
            continue
        columns = [int(field) for field in rest.split()]
        if len(columns) < 16:
            raise GuestCounterError(f"/proc/net/dev: {name.strip()} has {len(columns)} columns")
        total += columns[RECEIVE_DROP] + columns[RECEIVE_FIFO]
        total += columns[TRANSMIT_DROP] + columns[TRANSMIT_FIFO]
    return total


def count_softnet_drops(text: str) -> int:
    """Packets that the kernel dropped before the protocol stack, from softnet_stat."""
    return sum(int(line.split()[1], 16) for line in text.splitlines() if line.strip())


def measure_losses(
    emissions: Emissions, before: str, after: str, links: Sequence[LinkStatistics]
) -> Losses:
    """What one machine lost between its snapshots ``before`` and ``after``."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for name in ("snmp", "netstat"):
        first |= parse_paired_lines(emissions.text(f"{before}.{name}"))
        last |= parse_paired_lines(emissions.text(f"{after}.{name}"))

    def grown(*names: str) -> int:
        return max(0, sum(last.get(name, 0) - first.get(name, 0) for name in names))

    # A loss probe is sent when an acknowledgement is late, and a busy peer is late; only a probe
    # that repaired something tells of a loss.
    harmless_probes = grown("TcpExt.TCPLossProbes") - grown("TcpExt.TCPLossProbeRecovery")
    return Losses(
        nic_drops=count_device_drops(emissions.text(f"{after}.dev"))
        - count_device_drops(emissions.text(f"{before}.dev")),
        link_fifo_drops=sum(link.fifo_drops for link in links),
        softnet_drops=count_softnet_drops(emissions.text(f"{after}.softnet_stat"))
        - count_softnet_drops(emissions.text(f"{before}.softnet_stat")),
        retransmitted_segments=max(0, grown("Tcp.RetransSegs") - harmless_probes),
        timeouts=grown("TcpExt.TCPTimeouts"),
        listen_overflows=grown("TcpExt.ListenOverflows"),
        listen_drops=grown("TcpExt.ListenDrops"),
        memory_aborts=grown("TcpExt.TCPAbortOnMemory"),
    )


def measure_busy_share(emissions: Emissions, before: str, after: str) -> float:
    """Share of time between two snapshots in which the CPU was not idle.

    /proc/uptime counts idle time from the tick-less idle loop, hence to 10 ms, not to a tick.
    """
    start, end = (
        [float(field) for field in emissions.text(f"{name}.uptime").split()]
        for name in (before, after)
    )
    elapsed, idle = end[0] - start[0], end[1] - start[1]
    if elapsed <= 0:
        raise GuestCounterError("/proc/uptime does not advance between the snapshots")
    return min(1.0, max(0.0, 1 - idle / elapsed))


def find_suspect_lines(text: str) -> list[str]:
    """Lines of a console or kernel log that say that something went wrong."""
    return [line.strip() for line in text.splitlines() if SUSPECT.search(line)]
