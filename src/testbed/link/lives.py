# SPDX-License-Identifier: MIT
"""What the wire shows of each connection's life, as places in the order of frames.

Places, not times: how many frames a card has received, and how many of them still wait in it, is
known exactly at each sample of the counters, and so is then how far each connection has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from testbed.link.capture import Labelled
from testbed.link.pcap import ACK, FIN, RST, SYN, Flags, Frames, Ints

NEVER: Final = np.iinfo(np.int64).max
HALF: Final = 1 << 31  # of the sequence numbers, which wrap


@dataclass(frozen=True)
class Syns:
    """Places of a link's SYNs that are out of the ordinary, each in order.

    Of connections that the server had not answered when they came: those ``lost`` for want of
    room in the card, and those sent ``again``.  ``late`` are those sent again although the server
    had answered, and not lost.
    """

    lost: Ints
    again: Ints
    late: Ints


@dataclass(frozen=True)
class Lives:
    """One row a connection, in order of time; ``opened`` is the link time of its first SYN.

    ``link`` is its link's number.  All others are places in that link's capture, among the frames
    received or sent, NEVER if it did not happen.  Received: the first ``syn``, the ``answer`` to
    the server's SYN, the client's ``fin`` or ``reset``, and ``ended``, what ends the server's
    socket: the acknowledgement of its FIN.  Sent: ``accepted_syn``, the SYN with which the server
    answers; ``own_fin``, the server's FIN, or its ``own_reset``.

    By link, ``dropped`` has the places of the received frames for which the card had no room: they
    do nothing but open a connection.  ``owners`` has the row to which each received frame belongs,
    or -1.
    """

    opened: Ints
    link: Ints
    syn: Ints
    accepted_syn: Ints
    answer: Ints
    fin: Ints
    reset: Ints
    own_fin: Ints
    ended: Ints
    own_reset: Ints
    dropped: tuple[Ints, ...]
    owners: tuple[Ints, ...]
    syns: tuple[Syns, ...]


def trace_lives(labelled: Labelled, dropped: Sequence[Ints]) -> Lives:
    """Follow every connection of ``labelled`` from its first SYN to its end; by link, the card
    had no room for the received frames at the places ``dropped``."""
    frames, connection = labelled.frames, labelled.connection
    count = int(labelled.new_syn.sum())
    lost = _find_lost(frames, dropped)
    known = (connection >= 0) & ~lost
    order = np.argsort(frames.time_ns[labelled.new_syn], kind="stable")

    def first(rows: Flags) -> Ints:
        result = np.full(count, NEVER, dtype=np.int64)
        chosen = rows & known
        np.minimum.at(result, connection[chosen], frames.place[chosen])
        return result[order]

    received, sent = ~frames.sent, frames.sent
    syn, fin, reset = frames.flag(SYN), frames.flag(FIN), frames.flag(RST)
    acknowledges = received & _acknowledge_fin(frames, connection, count)
    return Lives(
        opened=frames.time_ns[labelled.new_syn][order],
        link=frames.link[labelled.new_syn][order],
        syn=frames.place[labelled.new_syn][order],
        accepted_syn=first(sent & syn),
        answer=first(received & ~syn & ~reset & frames.flag(ACK)),
        fin=first(received & fin),
        own_fin=first(sent & fin),
        reset=first(received & reset),
        ended=first(acknowledges),
        own_reset=first(sent & reset),
        dropped=tuple(dropped),
        owners=_find_owners(frames, np.where(known, connection, -1), order, len(dropped)),
        syns=_find_syns(labelled, lost, len(dropped)),
    )


def _find_lost(frames: Frames, dropped: Sequence[Ints]) -> Flags:
    lost = np.zeros(len(frames), dtype=np.bool_)
    for link, places in enumerate(dropped):
        lost |= (frames.link == link) & ~frames.sent & np.isin(frames.place, places)
    return lost


def _find_syns(labelled: Labelled, lost: Flags, links: int) -> tuple[Syns, ...]:
    frames, connection = labelled.frames, labelled.connection
    answered_ns = np.full(int(labelled.new_syn.sum()) + 1, NEVER, dtype=np.int64)
    answers = frames.sent & frames.flag(SYN) & (connection >= 0)
    np.minimum.at(answered_ns, connection[answers], frames.time_ns[answers])
    waits = frames.time_ns < answered_ns[connection]
    again = labelled.repeated_syn & ~frames.sent

    def list_places(rows: Flags, link: int) -> Ints:
        places: Ints = np.sort(frames.place[rows & (frames.link == link)])
        return places

    return tuple(
        Syns(
            lost=list_places(lost & waits & (labelled.new_syn | again), link),
            again=list_places(again & waits, link),
            late=list_places(again & ~waits & ~lost, link),
        )
        for link in range(links)
    )


def _acknowledge_fin(frames: Frames, connection: Ints, count: int) -> Flags:
    """Which frames acknowledge all that the server has sent, its FIN included."""
    rows = np.flatnonzero(frames.sent & frames.flag(FIN) & (connection >= 0))
    after_fin = np.full(count + 1, -1, dtype=np.int64)  # the last is for rows of no connection
    after_fin[connection[rows]] = frames.sequence[rows] + frames.payload[rows] + 1
    wanted = after_fin[connection]
    covered: Flags = (frames.acknowledged - wanted) % (2 * HALF) < HALF
    return covered & (wanted >= 0) & frames.flag(ACK)


def _find_owners(frames: Frames, connection: Ints, order: Ints, links: int) -> tuple[Ints, ...]:
    row_of = np.empty(len(order), dtype=np.int64)
    row_of[order] = np.arange(len(order))
    owners = []
    for link in range(links):
        rows = np.flatnonzero((frames.link == link) & ~frames.sent & (connection >= 0))
        owner = np.full(int(frames.place[rows].max(initial=-1)) + 1, -1, dtype=np.int64)
        owner[frames.place[rows]] = row_of[connection[rows]]
        owners.append(owner)
    return tuple(owners)
