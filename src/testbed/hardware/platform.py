# SPDX-License-Identifier: MIT
"""Platform: what surrounds the server's core.  How its kernel takes packets in, what its network
card holds, how long its queues are, how much memory it has.

A platform is part of the experiment by value, as a geometry is.  It belongs to the server machine
alone: clients have rings and queues so large that they never decide anything.
"""

# DEVIATIONS.md: [receive path], [flow control], [interrupt rate], [merged segments], [timer]
# DEVIATIONS.md: [backlogs]

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from testbed.hardware.geometry import Bytes, Value

# Frames that PAUSE keeps at their sender stand, in the same order, behind the card's own buffer:
# more of them than any load of this project has under way at once.
PAUSED_BYTES = 4 << 20
DYNAMIC = "dynamic"

Descriptors = Annotated[int, Field(ge=80, le=4096)]
Backlog = Annotated[int, Field(ge=1, le=65_536)]


class Softirq(Value):
    """When the kernel does the work that an interrupt leaves, receiving packets above all.

    ``entry``: ``at-once`` is where it is noticed, at the end of an interrupt or when bottom halves
    are enabled again; ``ksoftirqd`` leaves it to that thread as soon as the thread is runnable.
    ``rounds``: a round goes on ``unlimited`` up to ten restarts, or is ``bounded`` by 2 ms and by
    the first task that waits.  ``ksoftirqd_nice`` is the thread's nice value.  A poll of the
    cards ends after ``budget_packets`` packets or ``budget_us`` microseconds.  With
    ``merge_segments`` it makes one packet of the segments of a connection that come in a row
    (generic receive offload).
    """

    entry: Literal["at-once", "ksoftirqd"]
    rounds: Literal["unlimited", "bounded"]
    ksoftirqd_nice: Annotated[int, Field(ge=-20, le=19)]
    budget_packets: Annotated[int, Field(ge=1, le=100_000)]
    budget_us: Annotated[int, Field(ge=1, le=1_000_000)]
    merge_segments: bool


class Card(Value):
    """The server's network card: descriptors of both rings, the buffer on the card for frames that
    find no descriptor, and interrupts.

    With ``flow_control`` the sender holds back what the buffer cannot take (PAUSE, IEEE 802.3x);
    without it those frames are lost.  ``interrupts_per_s`` bounds the rate of interrupts;
    ``dynamic`` leaves it to the driver of Linux 6.1.  The emulated card has a bound of its own
    at 7,813 a second.
    """

    receive_descriptors: Descriptors
    transmit_descriptors: Descriptors
    receive_buffer: Bytes
    flow_control: bool
    interrupts_per_s: Annotated[int, Field(ge=100, le=100_000)] | Literal["dynamic"]

    @property
    def fifo_bytes(self) -> int:
        """Bytes of frames that may wait for a descriptor before one is lost."""
        return self.receive_buffer + (PAUSED_BYTES if self.flow_control else 0)


class Backlogs(Value):
    """How many connections the kernel keeps for the server, in numbers of connections.

    ``listen`` is what a server in the kernel asks for, which nothing bounds; ``somaxconn`` bounds
    what an ordinary server may ask for.  ``syn`` bounds handshakes under way, beyond which a SYN
    is dropped, or answered with a cookie if ``syn_cookies``.
    """

    listen: Backlog
    somaxconn: Backlog
    syn: Backlog
    syn_cookies: bool

    @property
    def shortest(self) -> int:
        """The number of connections from which on one of them may bind."""
        return min(self.listen, self.somaxconn, self.syn)


class Platform(Value):
    """What surrounds the server's core: see the parts.  ``memory_mib`` is the machine's memory."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    memory_mib: Annotated[int, Field(ge=64, le=3072)]
    softirq: Softirq
    card: Card
    backlogs: Backlogs


def finalize_kernel_arguments(platform: Platform, nics: int) -> tuple[str, ...]:
    """What the server's kernel is told on its command line; driver options are given once a NIC."""
    words = [
        *(["at_once"] if platform.softirq.entry == "at-once" else []),
        *(["unlimited"] if platform.softirq.rounds == "unlimited" else []),
    ]
    softirq = (f"softirq={','.join(words)}",) if words else ()
    return (*softirq, *_finalize_driver(platform.card, nics))


def _finalize_driver(card: Card, nics: int) -> tuple[str, ...]:
    options = {
        "RxDescriptors": card.receive_descriptors,
        "TxDescriptors": card.transmit_descriptors,
    }
    if isinstance(card.interrupts_per_s, int):
        options["InterruptThrottleRate"] = card.interrupts_per_s
    return tuple(
        f"e1000.{name}={','.join([str(value)] * nics)}" for name, value in options.items() if nics
    )


def list_sysctls(platform: Platform) -> dict[str, str]:
    """The server's settings below /proc/sys that the platform decides."""
    return {
        "net/core/netdev_budget": str(platform.softirq.budget_packets),
        "net/core/netdev_budget_usecs": str(platform.softirq.budget_us),
        "net/core/somaxconn": str(platform.backlogs.somaxconn),
        "net/ipv4/tcp_max_syn_backlog": str(platform.backlogs.syn),
        "net/ipv4/tcp_syncookies": str(int(platform.backlogs.syn_cookies)),
    }
