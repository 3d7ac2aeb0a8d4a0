# SPDX-License-Identifier: MIT
"""Overload: httperf at a steady rate, which may be more than a server bears, and on top of it a
spike of connections at one moment.  Lost connections are what is measured here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from testbed.link.capture import Traffic
from testbed.link.pcap import Ints
from testbed.link.recovery import (
    BEFORE_NS,
    BIN_NS,
    Course,
    Recovery,
    conclude_recovery,
    find_spike,
    measure_recovery,
)
from testbed.loads.files import find_paths
from testbed.loads.kind import Flow
from testbed.loads.open_loop import SYNTHETIC_CROWD, OpenLoop, share
from testbed.records import Gate, make_gate

if TYPE_CHECKING:
    from testbed.experiment import Experiment

SPIKE_TOLERANCE = 0.10


class Spike(OpenLoop):
    """httperf with ``connections`` in all at a steady ``rate``, and ``spike`` further ones within
    ``within_ms`` from ``at_ms`` after the load's begin on (0: no spike); each is given up after
    ``timeout_s``.  ``processes`` share the steady part; the spike is one process a client.
    """

    kind: Literal["spike"] = "spike"
    spike: Annotated[int, Field(ge=0, le=100_000)] = 4000
    within_ms: Annotated[int, Field(ge=1, le=10_000)] = 50
    at_ms: Annotated[int, Field(ge=200, le=100_000)] = 300
    timeout_s: Annotated[int, Field(ge=1, le=3600)] = 1

    examples: ClassVar = ("spike --rate 14000 --num-conns 21000 --spike 4000",)
    may_lose: ClassVar = True

    @property
    def asked(self) -> int:
        """A request a connection."""
        return self.connections + self.spike

    def write(self, experiment: Experiment, number: int) -> list[str]:
        """The processes of one client; that of the spike sleeps until its time has come."""
        paths = find_paths(experiment)
        own, steady = self.list_own(experiment, number)

        def call(index: int, rate: float, count: int) -> str:
            return self.call(number, index, paths[index % len(paths)], rate=rate, count=count)

        lines = [
            call(index, self.rate / steady, share(self.connections, index, steady)) for index in own
        ]
        if self.spike:
            clients = experiment.machines.clients
            count = share(self.spike, number - 1, clients)
            rate = self.spike * 1000 / self.within_ms / clients
            late = call(steady + number - 1, rate, count).removesuffix(" &")
            lines.insert(0, f"( sleep {self.at_ms / 1000:g}; exec {late} ) &")
        return [*lines, "wait"]

    def list_events(self, traffic: Traffic, completions: Ints) -> Ints:
        """Arrivals, before the spike if there is one: there the server is in its steady state."""
        opened = traffic.connections.opened
        if not self.spike or not len(opened):
            return opened
        return opened[opened < find_spike(opened, self.within_ms * 1_000_000)[0]]

    def measure_recovery(self, traffic: Traffic) -> Recovery | None:
        """What the spike did; None without one."""
        if not self.spike:
            return None
        return measure_recovery(
            traffic,
            rate=self.rate,
            within_ns=self.within_ms * 1_000_000,
            timeout_ns=self.timeout_s * 1_000_000_000,
        )

    def check_recovery(self, recovery: Recovery | None) -> list[Gate]:
        """The spike was one."""
        if not self.spike:
            return []
        came = recovery.connections if recovery else 0
        return [
            make_gate(
                "offered-spike",
                abs(came / self.spike - 1),
                "<=",
                SPIKE_TOLERANCE,
                f"relative distance of the {came} connections that came within {self.within_ms} ms "
                f"beyond the steady rate from the asked {self.spike}",
                "the load generator is too slow: add a client, or let the load last longer",
            )
        ]

    def rehearse(self, capacity: Callable[[float], float], fails: float) -> Flow:
        """A queue in which all connections slow each other down."""
        if not self.spike and self.rate >= capacity(SYNTHETIC_CROWD):
            rate = min(capacity(2 * fails), float(self.rate))
            return Flow(2 * fails, self.asked, rate, self.rate, 2 * fails)
        rate = min(capacity(SYNTHETIC_CROWD), float(self.rate))
        recovery = self._rehearse_spike(capacity) if self.spike else None
        return Flow(SYNTHETIC_CROWD, self.asked, rate, self.rate, SYNTHETIC_CROWD, recovery)

    def _rehearse_spike(self, capacity: Callable[[float], float]) -> Recovery:
        """Bin by bin: what comes, and what is served of it."""
        first, step = BEFORE_NS // BIN_NS, BIN_NS / 1e9
        bins = first + round((self.connections / self.rate - self.at_ms / 1000) / step)
        open_, replies = np.zeros(bins), np.zeros(bins)
        queue, spread = float(SYNTHETIC_CROWD), max(1, round(self.within_ms / 1000 / step))
        for number in range(bins):
            queue += self.rate * step
            if first <= number < first + spread:
                queue += self.spike / spread
            served = min(queue - min(queue, SYNTHETIC_CROWD), capacity(max(queue, 1.0)) * step)
            queue -= served
            open_[number], replies[number] = queue, served / step
        wait = [float(o / max(r, 1.0) * 1e6) for o, r in zip(open_, replies, strict=True)]
        return conclude_recovery(
            Course(replies, open_, first),
            self.rate,
            at_ns=self.at_ms * 1_000_000,
            connections=self.spike,
            unanswered=0,
            latency_p99_us=list(wait),
        )
