# SPDX-License-Identifier: MIT
"""ApacheBench: a closed loop of connections with one request each."""

# DEVIATIONS.md: [load]

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, JsonValue, model_validator

from testbed.link.capture import Floats, Traffic, measure_open
from testbed.link.pcap import Ints
from testbed.loads.files import FileSize, find_paths
from testbed.loads.kind import Count, Flow, LoadKind
from testbed.loads.reports import ReportError, find_integer, find_number
from testbed.records import SERVER_BUSY, Gate, LoadReport, make_gate

if TYPE_CHECKING:
    from testbed.experiment import Experiment
    from testbed.measurement import Window

START_MS = 8  # of a process, on a CPU that it has alone
RATE_GUESS = 16_000  # requests/s, to weigh the fleet's head starts: the fastest end closer together
CONCURRENCY_TOLERANCE = 0.10
SATURATION_MARGIN = 4  # times the concurrency at which the server's time fills the round trips
INTERRUPT_DELAY_NS = 256_000  # the NIC holds an interrupt back for at most this long
ROUND_TRIPS = 3  # of a connection: open, ask, close
SYNTHETIC_RATE = 3000.0  # requests/s of a connection of a synthetic server that has time to spare


class Ab(LoadKind):
    """ApacheBench: a closed loop of ``concurrency`` connections, one request each, in all
    ``requests``; ``size`` is that of the files asked for.

    A fleet of at most ``processes`` processes shares the concurrency, each on another file and
    with ``per_process`` connections unless they must be more; they are started ``stagger_ms``
    of virtual time apart, so that no SYN storm happens that no real client makes.
    """

    kind: Literal["ab"] = "ab"
    concurrency: Annotated[int, Field(ge=1, le=20_000)]
    requests: Count
    size: FileSize = "1k"
    per_process: Annotated[int, Field(ge=1, le=20_000)] = 64
    processes: Annotated[int, Field(ge=1, le=64)] = 16
    stagger_ms: Annotated[int, Field(ge=0, le=10_000)] = 12
    timeout_s: Annotated[int, Field(ge=1, le=3600)] = 30

    flags: ClassVar = {"concurrency": "-c", "requests": "-n", "timeout_s": "-s"}
    usual: ClassVar = {"concurrency": 1}
    examples: ClassVar = ("ab -c 100 -n 20000", "ab -c 2500 -n 20000 --size 10k")
    level_name: ClassVar = "c"

    @model_validator(mode="after")
    def check_requests(self) -> Self:
        """ab refuses more connections than requests."""
        if self.requests < self.concurrency:
            raise ValueError(
                f"ab: requests = {self.requests} is less than concurrency = {self.concurrency}; "
                f"give at least -n {self.concurrency}"
            )
        return self

    @property
    def level(self) -> int:
        """The concurrency."""
        return self.concurrency

    @property
    def asked(self) -> int:
        """All requests."""
        return self.requests

    @property
    def expected_requests(self) -> int:
        """All requests."""
        return self.requests

    @property
    def file_size(self) -> str:
        """As asked for."""
        return self.size

    @property
    def turnover(self) -> int:
        """A completion a connection."""
        return self.concurrency

    @classmethod
    def describe_level(cls, level: int, seconds: float, requests: int) -> dict[str, JsonValue]:
        """``requests`` at a concurrency."""
        return {"kind": "ab", "concurrency": level, "requests": requests}

    @classmethod
    def complain_of_levels(cls, levels: Sequence[int], requests: Mapping[int, int]) -> str:
        """Each level needs a number of requests."""
        highest = max(requests, default=0)
        if levels[-1] <= highest:
            return ""
        return f"level {levels[-1]} is above the last range of [requests], {highest}"

    def write(self, experiment: Experiment, number: int) -> list[str]:
        """The processes of one client, each on another file, started one by one."""
        paths = find_paths(experiment)
        clients = experiment.machines.clients
        lines = []
        for index, (concurrency, requests) in enumerate(share_load(self)):
            if index % clients != number - 1:
                continue
            url = f"http://10.0.{number}.1{paths[index % len(paths)]}"
            lines.append(
                f"ab -q -r -s {self.timeout_s} -c {concurrency} -n {requests} {url}"
                f" > report.{index} 2>&1 &"
            )
            if self.stagger_ms:
                lines.append(f"sleep {self.stagger_ms * clients / 1000:g}")
        return [*lines, "wait"] if lines else [":"]

    def parse_report(self, text: str) -> LoadReport:
        """As `parse_ab`."""
        return parse_ab(text)

    def measure_level(self, traffic: Traffic, completions: Ints, edges: Ints) -> Floats:
        """Open connections."""
        return measure_open(traffic.connections, edges)

    def check_window(self, experiment: Experiment, window: Window) -> list[Gate]:
        """The connections are open, and keep the server busy if they are many."""
        gates = [*super().check_window(experiment, window), self._check_concurrency(window)]
        if self.concurrency >= SATURATION_MARGIN * find_saturation(experiment, window):
            gates.append(
                make_gate(
                    "server-busy",
                    window.busy_share,
                    ">=",
                    SERVER_BUSY,
                    "busy share of the server at a concurrency that should fill it",
                    "connections sleep somewhere: look at losses and at the server's limits",
                )
            )
        return gates

    def _check_concurrency(self, window: Window) -> Gate:
        return make_gate(
            "concurrency",
            abs(window.open_connections / self.concurrency - 1),
            "<=",
            CONCURRENCY_TOLERANCE,
            f"distance of open connections ({window.open_connections:.1f}) from the asked "
            f"{self.concurrency}, relative,",
            "connections are not where they should be: look at losses, backlogs and ports",
        )

    def rehearse(self, capacity: Callable[[float], float], fails: float) -> Flow:
        """All connections are open all the time; few of them do not fill the server."""
        rate = min(capacity(self.concurrency), self.concurrency * SYNTHETIC_RATE)
        crowd = self.concurrency
        return Flow(crowd, self.requests, rate, rate, float(crowd))


def share_load(load: Ab) -> list[tuple[int, int]]:
    """(concurrency, requests) of each process; both sum exactly to what was asked.

    The processes shall end together, since each that ends takes its connections with it.  Those
    that start first share the server with fewer others for a while, so they get more requests.
    """
    processes = min(load.processes, -(-load.concurrency // load.per_process))
    cuts = [load.concurrency * index // processes for index in range(processes + 1)]
    connections = [after - before for before, after in pairwise(cuts)]
    # Requests served between two starts.
    step = RATE_GUESS * (load.stagger_ms + START_MS) / 1000
    head_start = [0.0] * (processes + 1)
    for index in reversed(range(processes)):
        head_start[index] = head_start[index + 1] + step / (index + 1)
    common = (load.requests - step * processes) / processes
    wanted = [
        max(0.0, head_start[index] + common - connections[index]) for index in range(processes)
    ]
    spare = load.requests - load.concurrency
    total = sum(wanted) or 1.0
    requests = [
        count + int(spare * want / total) for count, want in zip(connections, wanted, strict=True)
    ]
    for index in range(load.requests - sum(requests)):
        requests[index % processes] += 1
    return list(zip(connections, requests, strict=True))


def parse_ab(text: str) -> LoadReport:
    """One process' report.

    ``wrong`` counts responses of another length or status; ``errors`` failed connects, failed
    receives and exceptions.
    """
    completed = find_integer(text, r"^Complete requests:\s+(\d+)$", "ab", "Complete requests")
    failed = find_integer(text, r"^Failed requests:\s+(\d+)$", "ab", "Failed requests")
    length = errors = 0
    if failed:
        causes = re.search(
            r"\(Connect: (\d+), Receive: (\d+), Length: (\d+), Exceptions: (\d+)\)", text
        )
        if causes is None:
            raise ReportError("ab: failed requests without their causes")
        connect, receive, length, exceptions = (int(group) for group in causes.groups())
        errors = connect + receive + exceptions
    other_status = re.search(r"^Non-2xx responses:\s+(\d+)$", text, re.MULTILINE)
    html = r"^HTML transferred:\s+(\d+) bytes$"
    rate = r"^Requests per second:\s+([\d.]+) \[#/sec\]"
    return LoadReport(
        tool="ab",
        processes=1,
        completed=completed,
        wrong=length + (int(other_status[1]) if other_status else 0),
        errors=errors,
        body_bytes=find_integer(text, html, "ab", "HTML transferred"),
        requests_per_s=find_number(text, rate, "ab", "Requests per second"),
    )


def find_saturation(experiment: Experiment, window: Window) -> float:
    """Concurrency from which on the server should never idle (asymptotic bound).

    One connection keeps the server busy for S and the network for its round trips; S / (S + R)
    of a server a connection means that (S + R) / S connections fill it.
    """
    service_ns = window.busy_share * 1e9 / max(window.requests_per_s, 1e-9)
    round_trip = 2 * experiment.link.latency_ns + INTERRUPT_DELAY_NS
    return (service_ns + ROUND_TRIPS * round_trip) / max(service_ns, 1.0)
