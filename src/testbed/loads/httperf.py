# SPDX-License-Identifier: MIT
"""httperf: an open loop, connections at a rate."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, JsonValue

from testbed.capture import Floats, Traffic
from testbed.load_reports import ReportError, find_integer
from testbed.loads.files import FileSize, find_paths
from testbed.loads.kind import Count, Flow, LoadKind
from testbed.pcap import Ints
from testbed.records import Gate, LoadReport, make_gate

if TYPE_CHECKING:
    from testbed.experiment import Experiment
    from testbed.measurement import Window

RATE_TOLERANCE = 0.05
SYNTHETIC_CROWD = 40  # connections in a synthetic server that keeps up with an open loop


class Httperf(LoadKind):
    """httperf: an open loop of ``connections`` in all, ``rate`` new ones a second, each given up
    after ``timeout_s``; shared by ``processes`` processes."""

    kind: Literal["httperf"] = "httperf"
    rate: Annotated[int, Field(ge=1, le=1_000_000)]
    connections: Count
    size: FileSize = "1k"
    timeout_s: Annotated[int, Field(ge=1, le=3600)] = 5
    processes: Annotated[int, Field(ge=1, le=64)] = 1

    flags: ClassVar = {"connections": "--num-conns", "timeout_s": "--timeout"}
    examples: ClassVar = ("httperf --rate 2000 --num-conns 10000 --timeout 5",)
    level_name: ClassVar = "rate"
    open_loop: ClassVar = True
    polls: ClassVar = True

    @property
    def level(self) -> int:
        """The offered rate."""
        return self.rate

    @property
    def asked(self) -> int:
        """A request a connection."""
        return self.connections

    @property
    def file_size(self) -> str:
        """As asked for."""
        return self.size

    @classmethod
    def describe_level(cls, level: int, seconds: float, requests: int) -> dict[str, JsonValue]:
        """A rate, for ``seconds``."""
        return {"kind": "httperf", "rate": level, "connections": round(level * seconds)}

    def write(self, experiment: Experiment, number: int) -> list[str]:
        """The processes of one client."""
        paths = find_paths(experiment)
        total = self.processes * experiment.machines.clients
        lines = []
        for index in range((number - 1) * self.processes, number * self.processes):
            count = self.connections * (index + 1) // total - self.connections * index // total
            lines.append(
                f"httperf --hog --client={index}/{total} --server=10.0.{number}.1 --port=80"
                f" --uri={paths[index % len(paths)]} --rate={self.rate / total:g}"
                f" --num-conns={count} --num-calls=1 --timeout={self.timeout_s}"
                f" > report.{index} 2>&1 &"
            )
        return [*lines, "wait"]

    def parse_report(self, text: str) -> LoadReport:
        """As `parse_httperf`."""
        return parse_httperf(text)

    def list_events(self, traffic: Traffic, completions: Ints) -> Ints:
        """Arrivals: a server that is overloaded goes on replying when no more is offered."""
        return traffic.connections.opened

    def measure_level(self, traffic: Traffic, completions: Ints, edges: Ints) -> Floats:
        """Arrivals."""
        return np.histogram(traffic.connections.opened, edges)[0].astype(np.float64)

    def check_window(self, experiment: Experiment, window: Window) -> list[Gate]:
        """The generator kept pace; it polls, so this is seen from what it offered."""
        return [
            *super().check_window(experiment, window),
            make_gate(
                "offered-rate",
                abs(window.arrivals_per_s / self.rate - 1),
                "<=",
                RATE_TOLERANCE,
                "relative distance of the rate of new connections from the asked rate",
                "the load generator does not keep pace: add a client or load.processes",
            ),
        ]

    def rehearse(self, capacity: Callable[[float], float], fails: float) -> Flow:
        """A short queue if the rate can be borne, else one that grows beyond all bounds."""
        least = capacity(SYNTHETIC_CROWD)
        if self.rate < least:
            queue = SYNTHETIC_CROWD * self.rate / (least - self.rate) / 10
            connections = min(SYNTHETIC_CROWD + queue, fails)
            return Flow(SYNTHETIC_CROWD, self.connections, self.rate, self.rate, connections)
        crowd = 2 * fails
        rate = min(capacity(crowd), float(self.rate))
        return Flow(crowd, self.connections, rate, self.rate, crowd)


def parse_httperf(text: str) -> LoadReport:
    """One process' report: ``errors`` are its own total, timeouts included."""
    status = re.search(
        r"^Reply status: 1xx=(\d+) 2xx=(\d+) 3xx=(\d+) 4xx=(\d+) 5xx=(\d+)$", text, re.MULTILINE
    )
    total = re.search(
        r"^Total: connections (\d+) requests (\d+) replies (\d+) test-duration ([\d.]+) s$",
        text,
        re.MULTILINE,
    )
    size = re.search(r"^Reply size \[B\]: .*content ([\d.]+) ", text, re.MULTILINE)
    if status is None or total is None or size is None:
        raise ReportError("httperf: the report lacks its totals; did it end by itself?")
    replies, seconds = int(total[3]), float(total[4])
    return LoadReport(
        tool="httperf",
        processes=1,
        completed=replies,
        wrong=replies - int(status[2]),
        errors=find_integer(text, r"^Errors: total (\d+) ", "httperf", "Errors"),
        timeouts=find_integer(text, r"^Errors: .* client-timo (\d+) ", "httperf", "client-timo"),
        body_bytes=round(float(size[1]) * replies),
        requests_per_s=replies / seconds if seconds else 0.0,
    )
