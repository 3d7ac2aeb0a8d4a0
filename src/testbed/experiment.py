# SPDX-License-Identifier: MIT
"""What one run measures: an Experiment is a value, complete, frozen, and round-trips by JSON.

Everything that can change a result is a field here; nothing else is.  The run's key is made of
its canonical JSON and the digests of the build products.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from testbed.geometry import Bytes, ClockRate, Core, Geometry, Value
from testbed.platform import Platform

Count = Annotated[int, Field(ge=1, le=100_000_000)]
OptionName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
OptionValue = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
Nanoseconds = Annotated[int, Field(ge=0, le=10**12)]
CHAIN_LINKS = 16  # of the pointer chase in one round of its loop (images/guest/pchase.c)
CHAIN_LOOP_INSTRUCTIONS = 2


class Ab(Value):
    """ApacheBench: a closed loop of ``concurrency`` connections, one request each, in all
    ``requests``; ``size`` is that of the files asked for.

    A fleet of at most ``processes`` processes shares the concurrency, each on another file and
    with ``per_process`` connections unless they must be more; they are started ``stagger_ms``
    of virtual time apart, so that no SYN storm happens that no real client makes.
    """

    kind: Literal["ab"] = "ab"
    concurrency: Annotated[int, Field(ge=1, le=20_000)]
    requests: Count
    size: Literal["100", "1k", "10k", "100k"] = "1k"
    per_process: Annotated[int, Field(ge=1, le=20_000)] = 64
    processes: Annotated[int, Field(ge=1, le=64)] = 16
    stagger_ms: Annotated[int, Field(ge=0, le=10_000)] = 4
    timeout_s: Annotated[int, Field(ge=1, le=3600)] = 30

    @model_validator(mode="after")
    def check_requests(self) -> Self:
        """ab refuses more connections than requests."""
        if self.requests < self.concurrency:
            raise ValueError(
                f"ab: requests = {self.requests} is less than concurrency = {self.concurrency}; "
                f"give at least -n {self.concurrency}"
            )
        return self


class Httperf(Value):
    """httperf: an open loop of ``connections`` in all, ``rate`` new ones a second, each given up
    after ``timeout_s``; shared by ``processes`` processes."""

    kind: Literal["httperf"] = "httperf"
    rate: Annotated[int, Field(ge=1, le=1_000_000)]
    connections: Count
    size: Literal["100", "1k", "10k", "100k"] = "1k"
    timeout_s: Annotated[int, Field(ge=1, le=3600)] = 5
    processes: Annotated[int, Field(ge=1, le=64)] = 1


class Netperf(Value):
    """netperf against netserver: bulk transfer or request/response for ``seconds`` virtual s."""

    kind: Literal["netperf"] = "netperf"
    test: Literal["TCP_STREAM", "TCP_MAERTS", "TCP_RR", "TCP_CRR"]
    seconds: Annotated[int, Field(ge=1, le=600)] = 1
    streams: Annotated[int, Field(ge=1, le=256)] = 1
    request_bytes: Annotated[int, Field(ge=1, le=1 << 20)] = 1
    response_bytes: Annotated[int, Field(ge=1, le=1 << 20)] = 1


class Chase(Value):
    """A pointer chase on the server machine alone: the latency of a load against the size of its
    working set, which shows what the caches hold and what a miss costs (`testbed.chase`)."""

    kind: Literal["chase"] = "chase"


def count_chain_instructions(core: Core) -> int:
    """Instructions of CHAIN_LINKS links of a pointer chase, at which a link lasts as long as a
    hit in L1D.  Raises ValueError if that is no whole number, or fewer than the loop needs."""
    instructions = CHAIN_LINKS * core.l1d_hit / core.base_cpi
    if instructions.denominator != 1 or instructions < CHAIN_LINKS + CHAIN_LOOP_INSTRUCTIONS:
        raise ValueError(
            f"a pointer chase cannot spell out l1d_hit = {core.l1d_hit} at base_cpi = "
            f"{core.base_cpi}: {CHAIN_LINKS} links would be {instructions} instructions; that "
            f"must be a whole number of at least {CHAIN_LINKS + CHAIN_LOOP_INSTRUCTIONS}"
        )
    return int(instructions)


Load = Annotated[Ab | Httperf | Netperf | Chase, Field(discriminator="kind")]


class Link(Value):
    """The wire between the server and each client.

    ``queue_bytes`` may wait for the wire before a frame is dropped; ``client_fifo_bytes`` may wait
    at a client whose guest has no descriptor free (the platform says what the server's card
    holds).  ``quantum_ns`` is how often the machines synchronise: it never changes a result.
    """

    latency_ns: Annotated[int, Field(ge=1_000, le=10**9)] = 50_000
    quantum_ns: Annotated[int, Field(ge=1_000, le=10**9)] = 50_000
    bandwidth: Annotated[int, Field(ge=1_000_000, le=100_000_000_000)] = 1_000_000_000
    queue_bytes: Bytes = 1 << 20
    client_fifo_bytes: Bytes = 4 << 20
    jitter_ns: Nanoseconds = 0

    @model_validator(mode="after")
    def check_quantum(self) -> Self:
        """A quantum longer than the latency would deliver frames late."""
        if self.quantum_ns > self.latency_ns:
            raise ValueError(
                f"link: quantum_ns = {self.quantum_ns} exceeds latency_ns = {self.latency_ns}; "
                f"give a quantum of at most the latency"
            )
        return self


class Machines(Value):
    """The clients: their number, speed, memory and receive rings; and what both sides boot with.

    ``client_rate`` is the virtual time of one client instruction; ``client_rate`` has no miss
    costs, so the client is several times faster than the server it drives.
    """

    client_memory_mib: Annotated[int, Field(ge=64, le=3072)] = 512
    client_descriptors: Annotated[int, Field(ge=80, le=4096)] = 4096
    clients: Annotated[int, Field(ge=1, le=8)] = 1
    client_rate: ClockRate = ClockRate(num=1, den=5)
    shuffle_mib: Annotated[int, Field(ge=0, le=1024)] = 128
    kernel_arguments: tuple[str, ...] = ()


class Instruments(Value):
    """What is recorded beside the counters: the series' period, the TLB model, the profile, and
    where misses come from (``regions``: memory is marked, which takes the guest some time)."""

    sample_ns: Annotated[int, Field(ge=100_000, le=10**9)] = 5_000_000
    tlb: bool = False
    profile: bool = False
    regions: bool = False


class Limits(Value):
    """When a run is given up: host seconds without any sign of life and in all, and virtual
    seconds after `sync`.  A limit never changes a result, it only ends a run."""

    silence_s: Annotated[int, Field(ge=1, le=3600)] = 60
    total_s: Annotated[int, Field(ge=1, le=86_400)] = 1800
    virtual_s: Annotated[int, Field(ge=1, le=3600)] = 300


class Experiment(Value):
    """One run: this server under this load on this machine and platform, with this seed.

    ``seed`` moves what really varies between boots: physical page placement, entropy (ports,
    sequence numbers, hash secrets), the order of files, link jitter.  ``server_options`` are
    knobs of the server: the lines of its description see them as environment variables.
    """

    server: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    load: Load
    geometry: Geometry
    core: Core
    platform: Platform
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] = 1
    server_options: dict[OptionName, OptionValue] = Field(default_factory=dict)
    link: Link = Link()
    machines: Machines = Machines()
    instruments: Instruments = Instruments()
    limits: Limits = Limits()

    @model_validator(mode="after")
    def check_chase(self) -> Self:
        """The core model must be one that a pointer chase can spell out."""
        if isinstance(self.load, Chase):
            count_chain_instructions(self.core)
        return self
