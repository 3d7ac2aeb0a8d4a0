# SPDX-License-Identifier: MIT
"""What one run found: a Measurement is frozen, round-trips by JSON, and names its evidence.

All times are virtual.  Every quantity of the window is cut from raw series that stay in the run
directory; a Measurement whose status is ``invalid`` still carries them, with the reasons.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field

from ground.files import write_atomically
from testbed.experiment import Experiment
from testbed.link.recovery import Recovery
from testbed.records import Gate, LoadLatency, LoadReport, NonNegative, Record, Share

SCHEMA: Final = 1


class ByMode(Record):
    """A quantity split by processor mode."""

    user: NonNegative
    kernel: NonNegative

    @property
    def total(self) -> float:
        """User and kernel together."""
        return self.user + self.kernel


class Misses(Record):
    """Cache misses per request by level, kind of access and mode.

    ``l2_fetch`` are L2 misses of instruction fetches, the analogue of P6's BUS_TRAN_IFETCH.
    """

    l1i: ByMode
    l1d_load: ByMode
    l1d_store: ByMode
    l2_fetch: ByMode
    l2_load: ByMode
    l2_store: ByMode
    itlb: ByMode
    dtlb: ByMode

    @property
    def l2_data(self) -> float:
        """L2 misses of loads and stores, user and kernel."""
        return self.l2_load.total + self.l2_store.total

    @property
    def l2_total(self) -> float:
        """All L2 misses."""
        return self.l2_data + self.l2_fetch.total


class EventRates(Record):
    """Events per request that cost time and are no cache accesses: reads and writes of device
    registers and of I/O ports, interrupts, traps, returns from both."""

    mmio_read: NonNegative
    mmio_write: NonNegative
    port_read: NonNegative
    port_write: NonNegative
    interrupt: NonNegative
    trap: NonNegative
    iret: NonNegative

    @property
    def device_accesses(self) -> float:
        """Accesses to registers and ports of devices, both ways."""
        return self.mmio_read + self.mmio_write + self.port_read + self.port_write


class Percentiles(Record):
    """Percentiles of a latency, virtual microseconds."""

    p50: NonNegative
    p90: NonNegative
    p99: NonNegative
    maximum: NonNegative
    mean: NonNegative
    count: Annotated[int, Field(ge=0)]


class Window(Record):
    """The steady window and what was measured in it; link time, ns since the `sync` marker.

    ``open_connections`` is the time-weighted mean at the server; ``busy_share`` the part of
    virtual time in which the server's CPU was not halted; ``stall_share`` the part of its busy
    cycles spent in stalls, of misses, devices and interrupts; ``link_transmit`` and
    ``link_receive`` the share of the wire's bandwidth used in either direction, seen from the
    server, and ``sent_frames_per_s`` and ``received_frames_per_s`` the frames.
    ``arrivals_per_s`` counts the connections that clients opened.
    """

    start_ns: Annotated[int, Field(ge=0)]
    end_ns: Annotated[int, Field(ge=0)]
    requests: Annotated[int, Field(ge=0)]
    requests_per_s: NonNegative
    arrivals_per_s: NonNegative = 0.0
    bytes_per_s: NonNegative
    open_connections: NonNegative
    cycles_per_request: NonNegative
    instructions_per_request: ByMode
    misses_per_request: Misses
    writebacks_per_request: NonNegative
    dma_lines_per_request: NonNegative
    events_per_request: EventRates
    stall_share: Share
    busy_share: Share
    idle_share: Share
    link_transmit: NonNegative
    link_receive: NonNegative
    sent_frames_per_s: NonNegative
    received_frames_per_s: NonNegative
    retransmissions: Annotated[int, Field(ge=0)]
    syn_retransmissions: Annotated[int, Field(ge=0)]
    request_latency_us: Percentiles
    connection_latency_us: Percentiles

    @property
    def duration_ms(self) -> float:
        """Length of the window in virtual milliseconds."""
        return (self.end_ns - self.start_ns) / 1e6


class Losses(Record):
    """What went wrong between the NICs and the sockets over the whole run, one machine.

    ``link_queue_drops`` is of older runs, whose cards did not hold their senders back.
    """

    nic_drops: Annotated[int, Field(ge=0)]
    link_queue_drops: Annotated[int, Field(ge=0)] = 0
    link_fifo_drops: Annotated[int, Field(ge=0)]
    softnet_drops: Annotated[int, Field(ge=0)]
    retransmitted_segments: Annotated[int, Field(ge=0)]
    timeouts: Annotated[int, Field(ge=0)]
    listen_overflows: Annotated[int, Field(ge=0)]
    listen_drops: Annotated[int, Field(ge=0)]
    memory_aborts: Annotated[int, Field(ge=0)]

    @classmethod
    def none(cls) -> Self:
        """Nothing was lost, or there was no network."""
        return cls.model_validate(dict.fromkeys(cls.model_fields, 0))


class Zone(StrEnum):
    """Where the run lies, from the gates alone.

    elastic: the server has time to spare; plastic: the server is saturated and nothing is
    lost; failure: packets or connections are lost; unknown: the gates cannot say.
    """

    ELASTIC = "elastic"
    PLASTIC = "plastic"
    FAILURE = "failure"
    UNKNOWN = "unknown"


class ObjectCount(Record):
    """One type of a server's per-request objects: mean number alive and their mean bytes over
    the samples in the steady window, and the largest number alive so far."""

    name: str
    live: NonNegative
    bytes: NonNegative
    peak: Annotated[int, Field(ge=0)]


class Attribution(Record):
    """Where L2 misses come from; only of runs that mark memory (`testbed.guest.regions`).

    ``misses_per_request`` has the L2 misses of loads and stores by region of the missed line, and
    those of fetches as ``code``, between two times (link ns) in which ``requests`` were
    completed.  ``pages`` tells how the guest's memory was used before the load.
    """

    start_ns: Annotated[int, Field(ge=0)]
    end_ns: Annotated[int, Field(ge=0)]
    requests: Annotated[int, Field(ge=0)]
    misses_per_request: dict[str, NonNegative]
    pages: dict[str, int]
    objects: tuple[ObjectCount, ...]


class Ledger(Record):
    """Where connections stood, as means over ``samples`` in the steady window
    (`testbed.guest.ledger`).  Older runs lack some of the parts.

    ``parts`` has each connection once; ``stages`` is how the server itself splits ``accepted``,
    empty if it does not say.  ``open`` is how many were open by the wire, where one counts until
    the server's socket is gone too.  The gaps are the mean and the largest difference between the
    parts' sum and that number in one sample.
    """

    samples: Annotated[int, Field(ge=1)]
    parts: dict[str, float]
    stages: dict[str, float]
    open: NonNegative
    mean_gap: NonNegative
    largest_gap: NonNegative

    @property
    def in_memory(self) -> float:
        """Connections for which the server's kernel keeps a sock of any kind."""
        parts = self.parts
        return sum(parts[n] for n in ("handshake", "accept_queue", "accepted", "closing"))


class PooledObject(Record):
    """One type of object of Stingy's allocator, over the whole run: how many are alive after the
    load and were at most, allocations and releases, and what went wrong of them: ``spills`` found
    the cache slab full, ``failures`` all slabs, ``oversize`` were too large."""

    name: str
    live: Annotated[int, Field(ge=0)]
    peak: Annotated[int, Field(ge=0)]
    allocs: Annotated[int, Field(ge=0)]
    frees: Annotated[int, Field(ge=0)]
    spills: Annotated[int, Field(ge=0)]
    failures: Annotated[int, Field(ge=0)]
    oversize: Annotated[int, Field(ge=0)]


class Artefact(Record):
    """A file of the run directory and its SHA-256; bit-identity is judged by these."""

    name: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(ge=0)]


class Measurement(Record):
    """One run's result.

    ``status`` is ``valid`` exactly if every gate passed.  ``series`` names the Parquet file of
    the in-run series in the run directory: one row per sample, with link time and increments.
    ``latencies`` is what a pointer chase measures; it has no window.  ``ledger`` is there for
    loads on a web server, ``recovery`` if the load had a spike; the window then lies before it.
    ``pooled`` is empty for a
    server without Stingy's allocator.
    ``products`` are the digests of what was run.  ``artefacts`` holds only what is
    deterministic: the same experiment and products give the same digests on any host.
    """

    version: Literal[1] = SCHEMA
    experiment: Experiment
    products: dict[str, str]
    status: Literal["valid", "invalid"]
    gates: tuple[Gate, ...]
    zone: Zone
    window: Window | None
    attribution: Attribution | None = None
    ledger: Ledger | None = None
    pooled: tuple[PooledObject, ...] = ()
    server_losses: Losses
    client_losses: tuple[Losses, ...]
    client_busy_share: tuple[Share, ...]
    load_report: LoadReport
    latencies: tuple[LoadLatency, ...] = ()
    recovery: Recovery | None = None
    virtual_s: NonNegative
    series: str
    artefacts: tuple[Artefact, ...]

    @property
    def failed_gates(self) -> tuple[Gate, ...]:
        """The gates that did not pass."""
        return tuple(gate for gate in self.gates if not gate.passed)

    def write(self, path: Path) -> None:
        """Write this measurement as JSON, whole or not at all."""
        write_atomically(path, self.model_dump_json(indent=1).encode() + b"\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """The measurement in the file ``path``; pydantic's ValidationError if it is not one."""
        return cls.model_validate_json(path.read_bytes())
