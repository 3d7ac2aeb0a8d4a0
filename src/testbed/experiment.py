# SPDX-License-Identifier: MIT
"""What one run measures: an Experiment is a value, complete, frozen, and round-trips by JSON.

Everything that can change a result is a field here; nothing else is.  The run's key is made of
its canonical JSON and the digests of the build products.
"""

# DEVIATIONS.md: [socket buffers], [client], [sample], [jitter]

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from testbed.hardware.geometry import Bytes, ClockRate, Core, Geometry, Value
from testbed.hardware.platform import Platform
from testbed.loads import Load

OptionName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
OptionValue = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
Nanoseconds = Annotated[int, Field(ge=0, le=10**12)]


class Link(Value):
    """The wire between the server and each client.

    ``queue_bytes`` wait for the wire on the sender's card, which then takes nothing more off its
    ring: of the 64 KiB on an 82540 those that its driver does not leave to received frames.
    ``client_fifo_bytes`` may wait at a client whose guest has no descriptor free (the platform
    says what the server's card holds).  Each frame takes up to ``jitter_ns`` longer, at random by
    the seed: a few connections of a closed loop would else fall into step with the card's limit
    on interrupts, for as long as chance has it.  ``quantum_ns`` is how often the machines
    synchronise: it never changes a result.
    """

    latency_ns: Annotated[int, Field(ge=1_000, le=10**9)] = 50_000
    quantum_ns: Annotated[int, Field(ge=1_000, le=10**9)] = 50_000
    bandwidth: Annotated[int, Field(ge=1_000_000, le=100_000_000_000)] = 1_000_000_000
    queue_bytes: Bytes = 16 << 10
    client_fifo_bytes: Bytes = 4 << 20
    jitter_ns: Nanoseconds = 20_000

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

    silence_s: Annotated[int, Field(ge=1, le=3600)] = 300
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
    def check_load(self) -> Self:
        """The load must make sense on this core."""
        self.load.check_core(self.core)
        return self
