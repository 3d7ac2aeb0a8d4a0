# SPDX-License-Identifier: MIT
"""What the server's wire shows in virtual time: connections, requests, retransmissions.

The capture is the one witness that neither the server nor the load generator can colour: how
many connections were really open at the server, and which packets had to be sent again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from testbed.link.pcap import ACK, FIN, RST, SYN, Flags, Frames, Ints

Floats = npt.NDArray[np.float64]
GROUP_STRIDE = 1 << 40  # bytes; more than any connection moves, so that groups never touch


@dataclass(frozen=True)
class Connections:
    """One row a connection, in order of its first SYN; times in link ns.

    ``opened`` is the arrival of the first SYN; ``closed`` the later FIN of the two, or the RST,
    or -1 while open; ``last_byte`` the last payload that the server sent, or -1.
    """

    opened: Ints
    closed: Ints
    last_byte: Ints


@dataclass(frozen=True)
class Responses:
    """One row a completed response: the request's first byte in, the response's last byte out."""

    asked: Ints
    answered: Ints

    @property
    def latency_ns(self) -> Ints:
        """Time from the request's first byte to the response's last byte."""
        return self.answered - self.asked


@dataclass(frozen=True)
class Traffic:
    """The capture, understood.

    ``retransmitted`` and ``syn_retransmitted`` are times of data segments and SYNs that were
    seen before; ``payload_time`` and ``payload_bytes`` are segments of new payload, both ways.
    """

    connections: Connections
    responses: Responses
    retransmitted: Ints
    syn_retransmitted: Ints
    payload_time: Ints
    payload_bytes: Ints


@dataclass(frozen=True)
class Labelled:
    """Frames sorted by client and port, and to which connection each belongs: its number in this
    order, -1 before the first.  ``new_syn`` are the frames that open a connection,
    ``repeated_syn`` SYNs, either way, that were seen before."""

    frames: Frames
    connection: Ints
    new_syn: Flags
    repeated_syn: Flags


def label(frames: Frames) -> Labelled:
    """Tell the connections of ``frames`` apart."""
    order = np.lexsort((np.arange(len(frames)), frames.port, frames.address))
    sorted_frames = _reorder(frames, order)
    new_syn, repeated_syn = _find_syns(sorted_frames)
    return Labelled(sorted_frames, np.cumsum(new_syn) - 1, new_syn, repeated_syn)


def analyse(labelled: Labelled) -> Traffic:
    """Connections, responses and retransmissions of the TCP frames in ``labelled``."""
    sorted_frames, connection = labelled.frames, labelled.connection
    new_syn, repeated_syn = labelled.new_syn, labelled.repeated_syn
    known = connection >= 0  # frames before the first SYN belong to no connection of this capture
    again = _find_repeats(sorted_frames, connection, known)
    fresh = known & (sorted_frames.payload > 0) & ~again
    time = sorted_frames.time_ns
    answer = fresh & sorted_frames.sent
    return Traffic(
        connections=_collect_connections(sorted_frames, connection, new_syn, answer),
        responses=_collect_responses(sorted_frames, connection, fresh),
        retransmitted=np.sort(time[again]),
        syn_retransmitted=np.sort(time[repeated_syn]),
        payload_time=time[fresh],
        payload_bytes=sorted_frames.payload[fresh],
    )


def measure_open(connections: Connections, edges: Ints) -> Floats:
    """Time-weighted mean of open connections in each interval between ``edges`` (link ns)."""
    horizon = np.int64(edges[-1])
    closed = np.where(connections.closed < 0, horizon, connections.closed)
    integral = _accumulate_since(connections.opened, edges) - _accumulate_since(closed, edges)
    return np.diff(integral) / np.maximum(np.diff(edges), 1)


def _accumulate_since(events: Ints, edges: Ints) -> Floats:
    """For each edge, the sum over past events of the time since the event."""
    ordered = np.sort(events)
    sums = np.concatenate(([0], np.cumsum(ordered)))
    past = np.searchsorted(ordered, edges, side="right")
    return (past * edges - sums[past]).astype(np.float64)


def _reorder(frames: Frames, order: Ints) -> Frames:
    return Frames(
        time_ns=frames.time_ns[order],
        sent=frames.sent[order],
        address=frames.address[order],
        port=frames.port[order],
        sequence=frames.sequence[order],
        acknowledged=frames.acknowledged[order],
        flags=frames.flags[order],
        payload=frames.payload[order],
        link=frames.link[order],
        place=frames.place[order],
        all_time_ns=frames.all_time_ns,
        all_wire=frames.all_wire,
        all_sent=frames.all_sent,
    )


def _find_syns(frames: Frames) -> tuple[Flags, Flags]:
    """SYNs that open a connection, and SYNs (either way) that repeat an earlier one.

    A port is used again by later connections; a SYN with the sequence number of the last SYN on
    the same port is a retransmission, with another one it is a new connection.
    """
    syn = frames.flag(SYN)
    repeated = np.zeros(len(frames), dtype=np.bool_)
    opening = syn & ~frames.flag(ACK) & ~frames.sent
    for candidates in (np.flatnonzero(opening), np.flatnonzero(syn & frames.sent)):
        same = (
            (np.diff(frames.address[candidates]) == 0)
            & (np.diff(frames.port[candidates]) == 0)
            & (np.diff(frames.sequence[candidates]) == 0)
        )
        repeated[candidates[1:][same]] = True
    return opening & ~repeated, repeated


def _find_repeats(frames: Frames, connection: Ints, known: Flags) -> Flags:
    """Data segments whose last byte was seen before, in their connection and direction."""
    again = np.zeros(len(frames), dtype=np.bool_)
    for sent in (False, True):
        rows = np.flatnonzero(known & (frames.sent == sent) & (frames.payload > 0))
        if len(rows) == 0:
            continue
        group = connection[rows]
        step = np.diff(frames.sequence[rows], prepend=frames.sequence[rows[0]])
        step = ((step + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)  # sequence numbers wrap
        position = np.cumsum(step)
        first = np.concatenate(([True], np.diff(group) != 0))
        base = position[np.flatnonzero(first)][np.cumsum(first) - 1]
        end = position - base + frames.payload[rows]
        shifted = end + (np.cumsum(first) * np.int64(GROUP_STRIDE))
        highest = np.maximum.accumulate(shifted)
        seen = np.concatenate(([False], shifted[1:] <= highest[:-1])) & ~first
        again[rows[seen]] = True
    return again


def _collect_connections(
    frames: Frames, connection: Ints, new_syn: Flags, answer: Flags
) -> Connections:
    count = int(new_syn.sum())
    opened = frames.time_ns[new_syn]

    def latest(rows: Flags) -> Ints:
        result = np.full(count, -1, dtype=np.int64)
        chosen = rows & (connection >= 0)
        np.maximum.at(result, connection[chosen], frames.time_ns[chosen])
        return result

    fin_in, fin_out = (latest(frames.flag(FIN) & (frames.sent == side)) for side in (False, True))
    reset = latest(frames.flag(RST))
    both = np.where((fin_in >= 0) & (fin_out >= 0), np.maximum(fin_in, fin_out), -1)
    closed = np.where(both >= 0, both, reset)
    order = np.argsort(opened, kind="stable")
    return Connections(opened[order], closed[order], latest(answer)[order])


def _collect_responses(frames: Frames, connection: Ints, fresh: Flags) -> Responses:
    """Turns of a connection: client payload, then server payload, until the client's next."""
    rows = np.flatnonzero(fresh)
    group, sent, time = connection[rows], frames.sent[rows], frames.time_ns[rows]
    new_group = np.diff(group, prepend=-1) != 0
    was_sent = np.roll(sent, 1) | new_group
    begins = ~sent & was_sent
    if not begins.any():
        return Responses(time[:0], time[:0])
    turn = np.cumsum(begins) - 1
    answer = sent & (turn >= 0) & (group == group[np.flatnonzero(begins)][turn])
    answered = np.full(int(begins.sum()), -1, dtype=np.int64)
    np.maximum.at(answered, turn[answer], time[answer])
    asked = time[begins]
    done = answered >= 0
    order = np.argsort(answered[done], kind="stable")
    return Responses(asked[done][order], answered[done][order])
