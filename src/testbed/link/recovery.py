# SPDX-License-Identifier: MIT
"""What a spike of connections does to a server, and how long the server takes to get over it.

A spike lasts for a moment; a server that still is not what it was long after has gone over into
another stable state, a metastable failure.  The capture tells: when replies are back at the rate
that is offered, and the open connections back near what they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from testbed.link.capture import Connections, Floats, Traffic, measure_open
from testbed.link.pcap import Ints
from testbed.records import Natural, NonNegative, Record

BIN_NS = 10_000_000
BEFORE_NS = 200_000_000  # of the time before the spike, what "before" is
TREND_BINS = 10  # replies/s are judged over this many bins
RATE_MARGIN = 0.05  # replies are back when they are short of what is offered by at most this
OPEN_FACTOR = 4.0  # connections are back when there are at most this many times as before
LATE_BINS = 20  # at the end of the load: what the server does in the long run


class Moment(Record):
    """One bin of time: its middle, milliseconds after the spike's begin; replies per second in it,
    connections open on average, 99th percentile of the latency (us) of those replied to in it."""

    at_ms: float
    replies_per_s: NonNegative
    open_connections: NonNegative
    latency_p99_us: NonNegative | None


class Recovery(Record):
    """A spike and what came of it; times in virtual time.

    ``at_ns`` is when the spike begins (link time), ``connections`` what it brought beyond the
    steady rate.  ``recovered_s`` is the time from there until replies and open connections are
    both back, None if they never are while the load lasts.  ``late_replies_per_s`` are replies at
    the end of the load.  ``unanswered`` connections got no byte of a response.
    """

    at_ns: Natural
    connections: int
    open_before: NonNegative
    most_open: NonNegative
    recovered_s: NonNegative | None
    late_replies_per_s: NonNegative
    unanswered: Natural
    course: tuple[Moment, ...]


@dataclass(frozen=True)
class Course:
    """Replies and open connections in equal bins; ``first`` is the first bin of the spike."""

    replies_per_s: Floats
    open_connections: Floats
    first: int


def find_spike(opened: Ints, within_ns: int) -> tuple[int, int]:
    """The ``within_ns`` in which most connections came: their begin, and how many came."""
    ordered = np.sort(opened)
    counts = np.searchsorted(ordered, ordered + within_ns, side="left") - np.arange(len(ordered))
    first = int(np.argmax(counts))
    return int(ordered[first]), int(counts[first])


def find_recovery(course: Course, rate: float) -> float | None:
    """Seconds from the spike's begin until replies and open connections are back; None if never.

    Replies are back when there are ``rate`` of them but for RATE_MARGIN over TREND_BINS, since a
    backlog makes a server reply more often than it is asked, too; connections when they are at
    most OPEN_FACTOR times as many as before the spike.
    """
    before = max(float(course.open_connections[: course.first].mean()), 1.0)
    trend = np.convolve(course.replies_per_s, np.ones(TREND_BINS) / TREND_BINS)
    ends = np.arange(len(course.replies_per_s))
    back = (
        (ends >= course.first + TREND_BINS)
        & (trend[: len(ends)] >= (1 - RATE_MARGIN) * rate)
        & (course.open_connections <= OPEN_FACTOR * before)
    )
    found = np.flatnonzero(back)
    return float((found[0] + 1 - course.first) * BIN_NS / 1e9) if len(found) else None


def conclude_recovery(
    course: Course,
    rate: float,
    *,
    at_ns: int,
    connections: int,
    unanswered: int,
    latency_p99_us: list[float | None],
) -> Recovery:
    """What ``course`` shows at a steady ``rate``."""
    middles = (np.arange(len(course.replies_per_s)) + 0.5 - course.first) * BIN_NS / 1e6
    columns = (middles.tolist(), course.replies_per_s.tolist(), course.open_connections.tolist())
    return Recovery(
        at_ns=at_ns,
        connections=connections,
        open_before=float(course.open_connections[: course.first].mean()),
        most_open=float(course.open_connections[course.first :].max()),
        recovered_s=find_recovery(course, rate),
        late_replies_per_s=float(course.replies_per_s[-LATE_BINS:].mean()),
        unanswered=unanswered,
        course=tuple(
            Moment(
                at_ms=at,
                replies_per_s=replies,
                open_connections=max(0.0, open_),
                latency_p99_us=late,
            )
            for at, replies, open_, late in zip(*columns, latency_p99_us, strict=True)
        ),
    )


def measure_recovery(
    traffic: Traffic, *, rate: float, within_ns: int, timeout_ns: int
) -> Recovery | None:
    """What the capture shows of a spike within ``within_ns`` on top of a steady ``rate``, while the
    load lasts; None if it lasts too short.  Connections are given up after ``timeout_ns``."""
    connections = traffic.connections
    if not len(connections.opened):
        return None
    at_ns, count = find_spike(connections.opened, within_ns)
    end_ns = int(connections.opened.max())
    before = min(BEFORE_NS, at_ns - int(connections.opened.min())) // BIN_NS
    after = (end_ns - at_ns) // BIN_NS
    if before < TREND_BINS or after < LATE_BINS:
        return None
    edges = at_ns + BIN_NS * np.arange(-before, after + 1)
    given_up = _give_up(connections, timeout_ns)
    replies = np.histogram(traffic.responses.answered, edges)[0] * 1e9 / BIN_NS
    return conclude_recovery(
        Course(replies, measure_open(given_up, edges), before),
        rate,
        at_ns=at_ns,
        connections=count - round(rate * within_ns / 1e9),
        unanswered=int(np.count_nonzero(connections.last_byte < 0)),
        latency_p99_us=_find_tails(connections, edges),
    )


def _give_up(connections: Connections, timeout_ns: int) -> Connections:
    """``connections``, those that nobody closed closed when their client gave them up."""
    last = connections.opened + timeout_ns
    closed = np.where(connections.closed < 0, last, connections.closed)
    return Connections(connections.opened, closed, connections.last_byte)


def _find_tails(connections: Connections, edges: Ints) -> list[float | None]:
    """99th percentile of the latency (us) of the connections that ended in each bin."""
    done = connections.last_byte >= 0
    ended, opened = connections.last_byte[done], connections.opened[done]
    order = np.argsort(ended, kind="stable")
    latency = ((ended - opened)[order]) / 1000
    bounds = np.searchsorted(ended[order], edges)
    return [
        float(np.percentile(latency[a:b], 99, method="inverted_cdf")) if b > a else None
        for a, b in pairwise(bounds.tolist())
    ]
