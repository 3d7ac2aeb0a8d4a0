# SPDX-License-Identifier: MIT
"""What a kind of load has to say; the defaults are those of requests to a web server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, JsonValue

from testbed.hardware.geometry import Value
from testbed.link.capture import Floats, Traffic
from testbed.link.pcap import Ints
from testbed.link.recovery import Recovery
from testbed.records import Gate, LoadLatency, LoadReport, make_gate

if TYPE_CHECKING:
    from testbed.experiment import Experiment
    from testbed.hardware.geometry import Core
    from testbed.measurement import Window
    from testbed.outputs.emissions import Emissions

Count = Annotated[int, Field(ge=1, le=100_000_000)]
LINK_SHARE = 0.95


@dataclass(frozen=True)
class Flow:
    """What a load makes of a server that is nothing but a capacity: of ``requests`` it serves
    ``replies_per_s``, when ``arrivals_per_s`` come, with ``open_connections`` on average; each
    request costs what it costs among ``crowd`` connections."""

    crowd: float
    requests: int
    replies_per_s: float
    arrivals_per_s: float
    open_connections: float
    recovery: Recovery | None = None


class LoadKind(Value):
    """A kind of load: how it is asked for, started, read, judged and rehearsed.

    A kind has a field ``kind`` with its name, and is frozen as all of an experiment is.

    ``flags`` are the command-line flags of fields that have others than their own names,
    ``usual`` the values of fields that a command line may leave out although the model does not.
    ``level_name`` is what the levels of a design are of this kind; without it no design has it.
    ``program`` is what runs on the server machine, alone, in place of a server with clients;
    ``partner`` the load generator's own server, which takes the place of the web server.
    ``port`` is the server's, the first of ``ports``.  ``open_loop``: connections come at a rate,
    whatever the server does.
    ``may_lose``: lost connections are what is measured, and break no gate.
    """

    flags: ClassVar[Mapping[str, str]] = {}
    usual: ClassVar[Mapping[str, object]] = {}
    examples: ClassVar[tuple[str, ...]] = ()
    level_name: ClassVar[str] = ""
    program: ClassVar[str] = ""
    partner: ClassVar[str] = ""
    port: ClassVar[int] = 80
    open_loop: ClassVar[bool] = False
    may_lose: ClassVar[bool] = False

    @property
    def level(self) -> int:
        """Where a run under this load stands among the levels of a design."""
        return 1

    @property
    def ports(self) -> range:
        """The server's ports that carry the load."""
        return range(self.port, self.port + 1)

    @property
    def asked(self) -> int | None:
        """How many requests must be answered; None if that is not what the load asks for."""
        return None

    @property
    def expected_requests(self) -> int:
        """About how many requests there will be; it spaces what is sampled, nothing else."""
        return 10_000

    @property
    def file_size(self) -> str:
        """Size of the files asked for, as `testbed.loads.files` names it."""
        return "1k"

    @property
    def turnover(self) -> int:
        """Completions until the first transient is over: a closed loop's connections."""
        return 0

    @property
    def work(self) -> tuple[int, int]:
        """What a run's cost hangs on: concurrency (or rate), requests."""
        return self.level, self.asked or 0

    @classmethod
    def describe_level(cls, level: int, seconds: float, requests: int) -> dict[str, JsonValue]:
        """The load at ``level`` of a design, as JSON: for ``seconds``, or of ``requests``.

        Raises NotImplementedError if no design has loads of this kind.
        """
        raise NotImplementedError(f"{cls.__name__}: no level of a design makes such a load")

    @classmethod
    def complain_of_levels(cls, levels: Sequence[int], requests: Mapping[int, int]) -> str:
        """What is wrong with the levels of a design with these ranges of requests, or nothing."""
        return ""

    def check_core(self, core: Core) -> None:
        """Raise ValueError if the load makes no sense on this core."""

    def write(self, experiment: Experiment, number: int) -> list[str]:
        """Shell lines that run the load generators of client ``number``, each of which writes
        ``report.N``; of a ``program``, those that run it."""
        raise NotImplementedError

    def parse_report(self, text: str) -> LoadReport:
        """What one load generator's report says; ReportError if it is not in its known form."""
        raise NotImplementedError

    def count_completions(self, traffic: Traffic) -> Ints:
        """Times (link ns) at which a unit of work was complete."""
        return traffic.responses.answered

    def list_events(self, traffic: Traffic, completions: Ints) -> Ints:
        """Times between the first and the last of which the load can stand at its level."""
        return completions

    def measure_level(self, traffic: Traffic, completions: Ints, edges: Ints) -> Floats:
        """The quantity that stands at a level while the load does, in each interval."""
        return np.histogram(completions, edges)[0].astype(np.float64)

    def check_window(self, experiment: Experiment, window: Window) -> list[Gate]:
        """Whether the server had in the steady window what was asked for."""
        return [
            make_gate(
                "link-share",
                max(window.link_transmit, window.link_receive),
                "<=",
                LINK_SHARE,
                "used share of the wire",
                "the wire is the bottleneck: ask for smaller files or a faster link.bandwidth",
            )
        ]

    def measure_recovery(self, traffic: Traffic) -> Recovery | None:
        """How the server got over a spike; None without one."""
        return None

    def check_recovery(self, recovery: Recovery | None) -> list[Gate]:
        """Whether the spike was what was asked for."""
        return []

    def rehearse(self, capacity: Callable[[float], float], fails: float) -> Flow:
        """What comes of this load at a synthetic server, whose ``capacity`` in requests/s is one
        of the number of connections, and which loses some beyond ``fails`` of them.

        Raises NotImplementedError if nobody rehearses such runs.
        """
        raise NotImplementedError(f"the synthetic runner knows no {type(self).__name__}")

    def write_results(self) -> list[str]:
        """Shell lines that hand over what a ``program`` found."""
        return []

    def read_latencies(
        self, experiment: Experiment, emissions: Emissions
    ) -> tuple[LoadLatency, ...]:
        """What a ``program`` found."""
        raise NotImplementedError

    def check_latencies(
        self, experiment: Experiment, latencies: Sequence[LoadLatency]
    ) -> list[Gate]:
        """Whether that is what it must find."""
        raise NotImplementedError
