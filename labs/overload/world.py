# SPDX-License-Identifier: MIT
"""Clients that ask again and a server with one processor, in virtual milliseconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate

from labs.grader.chance import Chance

RING = 1024  # packets
MS_US = 1000
STEP_MS = 5  # between decisions: each is a message to the policy and one back
SPIKE_MS = 50
ATTEMPTS = 3  # of a client, in all

Decide = Callable[[str], tuple[int, int, int]]


class IllegalError(Exception):
    """A decision that cannot be."""


@dataclass(frozen=True)
class Costs:
    """As in the hand-out's main.py."""

    receive_us: int = 50
    refuse_us: int = 10
    serve_us: int = 200
    timeout_ms: int = 250

    @property
    def peak(self) -> float:
        """Requests a millisecond that the server can receive and serve."""
        return MS_US / (self.receive_us + self.serve_us)


@dataclass(frozen=True)
class Load:
    """``rate``: of the peak; ``spike``: further requests, over SPIKE_MS from ``at_ms`` on."""

    rate: float
    length_ms: int
    spike: int = 0
    at_ms: int = 1000


@dataclass(eq=False)
class Request:
    """What a client wants; ``sent`` is its last attempt."""

    born: int
    sent: int
    attempts: int = 1
    over: bool = False  # answered in time, or refused


@dataclass
class World:
    """The simulation; ``new`` counts requests, ``good`` replies in time, by millisecond."""

    load: Load
    costs: Costs
    chance: Chance
    good: list[int] = field(default_factory=list)
    new: list[int] = field(default_factory=list)
    latencies: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ring: deque[tuple[Request, int]] = deque()
        self.queue: deque[tuple[Request, int, int]] = deque()  # request, its sent, received
        self.timers: dict[int, list[tuple[Request, int]]] = {}
        self.left_us = 0
        self.due = 0.0
        self.served = 0

    def run(self, decide: Decide) -> None:
        """Live through the load."""
        for end in range(STEP_MS, self.load.length_ms + 1, STEP_MS):
            for now in range(end - STEP_MS, end):
                self._arrive(now)
            oldest = now - self.queue[0][2] if self.queue else 0
            view = f"{now} {len(self.ring)} {len(self.queue)} {oldest} {self.served}"
            self._act(now, *decide(view))

    def _arrive(self, now: int) -> None:
        self.due += self.load.rate * self.costs.peak * (500 + self.chance.below(1001)) / 1000
        count = int(self.due)
        self.due -= count
        self.new.append(count)
        if self.load.at_ms <= now < self.load.at_ms + SPIKE_MS:
            before = self.load.spike * (now - self.load.at_ms) // SPIKE_MS
            count += self.load.spike * (now - self.load.at_ms + 1) // SPIKE_MS - before
        for request, sent in self.timers.pop(now, ()):
            if not request.over and request.sent == sent and request.attempts < ATTEMPTS:
                request.attempts += 1
                self._send(request, now)
        for _ in range(count):
            self._send(Request(now, now), now)

    def _send(self, request: Request, now: int) -> None:
        request.sent = now
        self.timers.setdefault(now + self.costs.timeout_ms, []).append((request, now))
        if len(self.ring) < RING:
            self.ring.append((request, now))

    def _act(self, now: int, take: int, refuse: int, drop: int) -> None:
        if min(take, refuse, drop) < 0 or take + refuse > len(self.ring):
            raise IllegalError(
                f"take {take}, refuse {refuse}, drop {drop}: the ring has {len(self.ring)} packets"
            )
        if drop > len(self.queue):
            raise IllegalError(f"drop {drop}: the queue has {len(self.queue)} requests")
        self.left_us = min(self.left_us, 0) + STEP_MS * MS_US
        for _ in range(drop):
            self.queue.popleft()
        for _ in range(take):
            self.queue.append((*self.ring.popleft(), now))
        for _ in range(refuse):
            self.ring.popleft()[0].over = True
        self.left_us -= take * self.costs.receive_us + refuse * self.costs.refuse_us
        self._serve(now)

    def _serve(self, now: int) -> None:
        good = self.served = 0
        while self.queue and self.left_us > 0:
            request, sent, _ = self.queue.popleft()
            self.left_us -= self.costs.serve_us
            self.served += 1
            if not request.over and request.sent == sent and now - sent < self.costs.timeout_ms:
                request.over = True
                good += 1
                self.latencies.append(now - request.born)
        self.good += [0] * (STEP_MS - 1) + [good]

    def goodput(self, first: int, end: int) -> float:
        """Replies in time, of the peak rate, over milliseconds ``first`` to ``end`` - 1."""
        return sum(self.good[first:end]) / (end - first) / self.costs.peak

    def recovery_ms(self, window: int = 400, share: float = 0.9) -> int | None:
        """How long after the spike the last window lies in which too few were answered in time;
        None if that is the last of all."""
        end = self.load.at_ms + SPIKE_MS
        new, good = (list(accumulate(counts, initial=0)) for counts in (self.new, self.good))
        late = [
            first
            for first in range(end, self.load.length_ms - window + 1)
            if good[first + window] - good[first] < share * (new[first + window] - new[first])
        ]
        if late and late[-1] == self.load.length_ms - window:
            return None
        return late[-1] + 1 - end if late else 0

    def p99_ms(self) -> int:
        """The 99th percentile of latency of replies in time, from the first attempt on."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] if ordered else 0
