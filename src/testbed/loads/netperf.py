# SPDX-License-Identifier: MIT
"""netperf against netserver: bulk transfers, and requests and responses without a web server."""

# DEVIATIONS.md: [netperf]

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, JsonValue

from testbed.link.capture import Traffic
from testbed.link.pcap import Ints
from testbed.loads.kind import Flow, LoadKind
from testbed.loads.reports import ReportError
from testbed.records import Gate, LoadReport

if TYPE_CHECKING:
    from testbed.experiment import Experiment
    from testbed.measurement import Window

DATA_PORT = 12_866
BULK_TESTS = frozenset({"TCP_STREAM", "TCP_MAERTS"})
BULK_BLOCK = 65_536  # bytes of a bulk transfer that count as one request
REQUESTS_GUESS = 10_000  # a second; exactness is not needed


class Netperf(LoadKind):
    """netperf against netserver: ``streams`` at once for ``seconds`` virtual s.

    ``test``: the server receives all it can (TCP_STREAM) or sends it (TCP_MAERTS), answers
    requests on one connection a stream (TCP_RR) or on a new one each (TCP_CRR).
    """

    kind: Literal["netperf"] = "netperf"
    test: Literal["TCP_STREAM", "TCP_MAERTS", "TCP_RR", "TCP_CRR"]
    seconds: Annotated[int, Field(ge=1, le=600)] = 1
    streams: Annotated[int, Field(ge=1, le=256)] = 1
    request_bytes: Annotated[int, Field(ge=1, le=1 << 20)] = 1
    response_bytes: Annotated[int, Field(ge=1, le=1 << 20)] = 1

    flags: ClassVar = {"test": "-t", "seconds": "-l"}
    examples: ClassVar = ("netperf -t TCP_RR -l 2",)
    partner: ClassVar = "netserver"
    port: ClassVar = DATA_PORT
    level_name: ClassVar = "streams"

    @property
    def level(self) -> int:
        """Streams at once."""
        return self.streams

    @property
    def ports(self) -> range:
        """A port a stream, since each has a process that listens."""
        return range(DATA_PORT, DATA_PORT + self.streams)

    @classmethod
    def describe_level(cls, level: int, seconds: float, requests: int) -> dict[str, JsonValue]:
        """So many streams to the server, for ``seconds``; a variant may set another test."""
        lasting = max(1, round(seconds))
        return {"kind": "netperf", "test": "TCP_STREAM", "streams": level, "seconds": lasting}

    @property
    def work(self) -> tuple[int, int]:
        """Streams, and about as many requests as are served meanwhile."""
        return self.streams, self.seconds * REQUESTS_GUESS

    def write(self, experiment: Experiment, number: int) -> list[str]:
        """The streams of one client."""
        options = "-k THROUGHPUT,THROUGHPUT_UNITS,ELAPSED_TIME"
        if self.test not in BULK_TESTS:
            options += f" -r {self.request_bytes},{self.response_bytes}"
        clients = experiment.machines.clients
        return [
            *(
                f"netperf -H 10.0.{number}.1 -P 0 -t {self.test} -l {self.seconds} --"
                f" -P ,{self.ports[index]} {options} > report.{index} 2>&1 &"
                for index in range(self.streams)
                if index % clients == number - 1
            ),
            "wait",
        ]

    def parse_report(self, text: str) -> LoadReport:
        """As `parse_netperf`."""
        return parse_netperf(text, self.test)

    def count_completions(self, traffic: Traffic) -> Ints:
        """Responses, or blocks of a bulk transfer."""
        if self.test not in BULK_TESTS:
            return super().count_completions(traffic)
        order = np.argsort(traffic.payload_time, kind="stable")
        blocks = np.cumsum(traffic.payload_bytes[order]) // BULK_BLOCK
        return traffic.payload_time[order][np.diff(blocks, prepend=0) > 0]

    def check_window(self, experiment: Experiment, window: Window) -> list[Gate]:
        """It may fill the wire."""
        return []

    def rehearse(self, capacity: Callable[[float], float], fails: float) -> Flow:
        """As many transactions or blocks as the server can do; the wire has room for them."""
        rate = capacity(self.streams)
        return Flow(self.streams, round(rate * self.seconds), rate, rate, self.streams)


def parse_netperf(text: str, test: str) -> LoadReport:
    """One process' keyword output (`-k THROUGHPUT,THROUGHPUT_UNITS,ELAPSED_TIME`).

    Throughput is in 10^6 bits/s for the bulk tests and in transactions/s for the others.
    """
    values = dict(re.findall(r"^([A-Z_]+)=(.+)$", text, re.MULTILINE))
    try:
        units, amount = values["THROUGHPUT_UNITS"], float(values["THROUGHPUT"])
        seconds = float(values["ELAPSED_TIME"])
    except (KeyError, ValueError) as error:
        raise ReportError(f"netperf: the report lacks {error}") from None
    bulk = test in BULK_TESTS
    if units != ("10^6bits/s" if bulk else "Trans/s"):
        raise ReportError(f"netperf {test}: unexpected unit {units!r}")
    transactions = 0.0 if bulk else amount
    return LoadReport(
        tool="netperf",
        processes=1,
        completed=round(transactions * seconds),
        wrong=0,
        errors=0,
        body_bytes=round(amount * 1e6 / 8 * seconds) if bulk else 0,
        requests_per_s=transactions,
        throughput_bit_s=amount * 1e6 if bulk else 0.0,
        transactions_per_s=transactions,
    )
