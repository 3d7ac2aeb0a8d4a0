# SPDX-License-Identifier: MIT
"""Where connections stand: the guest's counters, the card's and the wire's evidence together.

Each connection is in one part:

============  =====================================================================  ===========
turned_away   its SYN was dropped, and its client has not sent it again              see below
buffer        its SYN, or its handshake's ACK, waits in the card's buffer            wire, card
ring          the same, in the ring: the driver has not taken it                     wire, card
held          its SYN is kept by the server and not answered                         server
handshake     it has a request sock, and its ACK is on the link or at the client     kernel
accept_queue  it is established, and the server has not accepted it                  kernel
accepted      it has a socket of the server's; ``stages`` say more                   kernel
closing       the server has closed it; its FIN is not acknowledged                  kernel
leaving       the server is done with it; the client's FIN is on its way             wire
============  =====================================================================  ===========

The emulator samples the guest's counters, so a sample falls between any two instructions: what
a poll of the driver has taken off the ring and TCP has not seen yet is in no part.

How many are turned away is how many SYNs were dropped, as the kernel counts them (``syn_drops``)
and the card, less those that were sent again, which the wire shows.  So no part is what the
others leave over, and their sum can be wrong.
"""

# DEVIATIONS.md: [open connections]

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from testbed.experiment import Experiment
from testbed.guest.servers import ServerDescription
from testbed.link.lives import Lives
from testbed.link.pcap import Flags, Ints
from testbed.measurement import Ledger, Window
from testbed.outputs.counters import CounterError, CounterRecord, find_event

MODULE: Final = "/usr/lib/ledger/ledger.ko"
KERNEL_FILE: Final = "/proc/net/ledger"
COUNTED: Final = ("held", "handshake", "accept_queue", "accepted", "closing")  # by the guest
SYN_DROPS: Final = "syn_drops"  # a counter of the guest's that is no part
PARTS: Final = ("turned_away", "buffer", "ring", *COUNTED, "leaving")
TITLES: Final = {
    "turned_away": "turned away",
    "buffer": "in the card's buffer",
    "ring": "in the receive ring",
    "held": "held as SYNs",
    "handshake": "in handshake",
    "accept_queue": "not yet accepted",
    "accepted": "accepted",
    "closing": "closing",
    "leaving": "gone from the server",
}
STAGE: Final = "stage."  # before the names of parts into which a server splits `accepted`
PREFIX: Final = "ledger."  # before the columns of the series
LATE_NS: Final = 1_000_000  # by how much a record's clock may differ from a frame's, and far more


def write_naming(experiment: Experiment, server: ServerDescription) -> list[str]:
    """Job lines that name the counters to the emulator; a web server must be listening."""
    if experiment.load.partner:
        return []
    files = " ".join(path for path in (KERNEL_FILE, server.ledger) if path)
    return [
        f"insmod {MODULE} port={server.port} || fail 'no module for the ledger'",
        f"cat {files} > /run/ledger || fail 'no counters for the ledger'",
        "mark parts < /run/ledger",
    ]


@dataclass(frozen=True)
class _Cut:
    """How far each link had come at a sample, as places that were not reached yet: of frames
    received, of those taken by the guest, of those in the ring, which has the oldest of the
    others; and of frames sent."""

    received: Ints
    taken: Ints
    ring: Ints
    sent: Ints


def build_ledger(records: Sequence[CounterRecord], lives: Lives) -> pl.DataFrame:
    """One row a record after `sync`, in order of ``link_ns``: the parts, their ``total``, how many
    connections were ``open`` by the wire, the server's stages, and its further counters.

    Empty if the guest has named no counters.  Raises CounterError if it has named some, but not
    those of the kernel.
    """
    base = find_event(records, "sync")
    if base is None or not base.parts:
        return pl.DataFrame(schema={"link_ns": pl.Int64})
    if missing := {*COUNTED, SYN_DROPS} - {"held"} - base.parts.keys():
        raise CounterError(
            f"the guest has named no counter for {', '.join(sorted(missing))}",
            hint=f"are the module {MODULE} and the testbed of one version?",
        )
    latest = {record.link_ns: record for record in records if record.link_ns >= 0}
    first, rows = 0, []
    for link_ns, record in sorted(latest.items()):
        end = int(np.searchsorted(lives.opened, link_ns + LATE_NS))
        counted = {name: value - base.parts[name] for name, value in record.parts.items()}
        row, over = _count(lives, slice(first, end), _find_cut(record, lives), counted)
        rows.append({"link_ns": link_ns} | row)
        first += over
    return pl.DataFrame(rows)


def _find_cut(record: CounterRecord, lives: Lives) -> _Cut:
    received, sent, buffered, ring = np.array(record.links, dtype=np.int64).reshape(-1, 4).T
    ends: list[tuple[int, int]] = []
    for places, *numbers in zip(lives.dropped, received, buffered, ring, strict=True):
        came, in_buffer, in_ring = numbers
        kept = came - np.searchsorted(places, came)
        marks = (kept - in_buffer - in_ring, kept - in_buffer)
        # How many were dropped before each of those that are kept is the place less the number.
        before = places - np.arange(len(places))
        ends.append(tuple(mark + np.searchsorted(before, mark, side="right") for mark in marks))
    taken, in_rings = np.array(ends, dtype=np.int64).reshape(-1, 2).T
    return _Cut(received, taken, in_rings, sent)


def _count(
    lives: Lives, rows: slice, cut: _Cut, counted: Mapping[str, int]
) -> tuple[dict[str, int], int]:
    """The row of one sample, of connections in ``rows``; and how many of them, from the first on,
    are over."""
    link = lives.link[rows]
    received, taken, sent = cut.received[link], cut.taken[link], cut.sent[link]
    refused = lives.own_reset[rows] < sent
    ended = (np.minimum(lives.ended[rows], lives.reset[rows]) < taken) | refused
    closed = (lives.fin[rows] < received) & (lives.own_fin[rows] < sent)
    closed |= (lives.reset[rows] < received) | refused
    arrived = lives.syn[rows] < received
    is_open = arrived & ~(closed & ended)
    opening = is_open & ~ended & (lives.answer[rows] >= taken)
    in_ring, in_card = _find_waiting(lives, rows, cut)
    waiting = opening & in_card
    answered = lives.accepted_syn[rows] < sent
    guest = {name: counted.get(name, 0) for name in COUNTED}
    guest["handshake"] -= int((waiting & answered).sum())
    parts = {
        "turned_away": counted[SYN_DROPS] + _count_lost_syns(lives, cut),
        "buffer": int((waiting & ~in_ring).sum()),
        "ring": int((waiting & in_ring).sum()),
        **guest,
        "leaving": int((is_open & ended & ~closed).sum()),
    }
    over = np.cumprod(arrived & ~is_open).sum() if len(arrived) else 0
    others = {n: value for n, value in counted.items() if n not in {*COUNTED, SYN_DROPS}}
    totals = {"total": sum(parts.values()), "open": int(is_open.sum())}
    return {name: parts[name] for name in PARTS} | totals | others, int(over)


def _count_lost_syns(lives: Lives, cut: _Cut) -> int:
    """SYNs that the card dropped, less all that were sent again; and what the guest counted for a
    SYN that was sent again too late, which was no drop to speak of."""
    return sum(
        int(np.searchsorted(syns.lost, received))
        - int(np.searchsorted(syns.again, received))
        + int(np.searchsorted(syns.late, taken))
        for syns, received, taken in zip(lives.syns, cut.received, cut.taken, strict=True)
    )


def _find_waiting(lives: Lives, rows: slice, cut: _Cut) -> tuple[Flags, Flags]:
    """Which connections in ``rows`` have a frame in the ring, and which in the card at all."""
    found = []
    for ends in (cut.ring, cut.received):
        waits = np.zeros(rows.stop - rows.start, dtype=np.bool_)
        for owner, begin, end in zip(lives.owners, cut.taken, ends, strict=True):
            owners = owner[begin:end]
            mine = owners[(owners >= rows.start) & (owners < rows.stop)]
            waits[mine - rows.start] = True
        found.append(waits)
    return found[0], found[1]


def add_ledger(series: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """``series`` with the ledger at the end of each interval, in columns that begin with PREFIX."""
    if ledger.width == 1 or "link_ns" not in series.columns:
        return series
    columns = {name: PREFIX + name for name in ledger.columns if name != "link_ns"}
    return series.join(ledger.rename(columns), on="link_ns", how="left", maintain_order="left")


def measure_ledger(ledger: pl.DataFrame, window: Window) -> Ledger | None:
    """Means over the samples inside ``window``; None without a ledger or a sample."""
    inside = ledger.filter(
        (pl.col("link_ns") > window.start_ns) & (pl.col("link_ns") <= window.end_ns)
    )
    if ledger.width == 1 or inside.height == 0:
        return None
    means: dict[str, float] = inside.mean().row(0, named=True)
    apart = inside["total"] - inside["open"]
    return Ledger(
        samples=inside.height,
        parts={name: means[name] for name in PARTS},
        stages={n.removeprefix(STAGE): v for n, v in means.items() if n.startswith(STAGE)},
        open=means["open"],
        mean_gap=float(apart.abs().to_numpy().mean()),
        largest_gap=float(apart.abs().to_numpy().max()),
    )
