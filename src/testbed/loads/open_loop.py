# SPDX-License-Identifier: MIT
"""Open loops: connections that come at a rate, whatever the server does, made by httperf."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, JsonValue

from testbed.link.capture import Floats, Traffic
from testbed.link.pcap import Ints
from testbed.loads.files import FileSize
from testbed.loads.kind import Count, LoadKind
from testbed.loads.reports import ReportError, find_integer
from testbed.records import Gate, LoadReport, make_gate

if TYPE_CHECKING:
    from testbed.experiment import Experiment
    from testbed.measurement import Window

RATE_TOLERANCE = 0.05
SYNTHETIC_CROWD = 40  # connections in a synthetic server that keeps up with an open loop


class OpenLoop(LoadKind):
    """What all open loops share: ``connections`` in all at a steady ``rate``, new ones a second,
    with one request each, given up after ``timeout_s``; made by ``processes`` of httperf."""

    rate: Annotated[int, Field(ge=1, le=1_000_000)]
    connections: Count
    size: FileSize = "1k"
    timeout_s: Annotated[int, Field(ge=1, le=3600)] = 5
    processes: Annotated[int, Field(ge=1, le=64)] = 1

    flags: ClassVar = {"connections": "--num-conns", "timeout_s": "--timeout"}
    level_name: ClassVar = "rate"
    open_loop: ClassVar = True

    @property
    def level(self) -> int:
        """The offered rate, that of the steady part."""
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
        kind = cls.model_fields["kind"].default
        return {"kind": kind, "rate": level, "connections": round(level * seconds)}

    def list_own(self, experiment: Experiment, number: int) -> tuple[range, int]:
        """Those of the steady processes that are the client's of this ``number``, and how many
        all clients have."""
        own = range((number - 1) * self.processes, number * self.processes)
        return own, self.processes * experiment.machines.clients

    def call(
        self, number: int, index: int, path: str, *, rate: float, count: int, client: str = ""
    ) -> str:
        """The command of the process ``index``, on the client ``number``: ``count`` connections
        for ``path`` at ``rate``, with the further option ``client``.

        It runs in the background and writes ``report.INDEX``.
        """
        return (
            f"httperf --hog{client} --server=10.0.{number}.1 --port=80"
            f" --uri={path} --rate={rate:g}"
            f" --num-conns={count} --num-calls=1 --timeout={self.timeout_s}"
            f" > report.{index} 2>&1 &"
        )

    def parse_report(self, text: str) -> LoadReport:
        """As `parse_httperf`."""
        return parse_httperf(text)

    def measure_level(self, traffic: Traffic, completions: Ints, edges: Ints) -> Floats:
        """Arrivals."""
        return np.histogram(traffic.connections.opened, edges)[0].astype(np.float64)

    def check_window(self, experiment: Experiment, window: Window) -> list[Gate]:
        """The generator kept pace: what it offered is what was asked for."""
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


def share(count: int, index: int, parts: int) -> int:
    """How many of ``count`` the part ``index`` of ``parts`` takes; they sum to ``count``."""
    return count * (index + 1) // parts - count * index // parts


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
