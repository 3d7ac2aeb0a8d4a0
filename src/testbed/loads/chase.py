# SPDX-License-Identifier: MIT
"""The pointer chase: whether the server machine has the caches that its geometry file names.

A cycle of dependent loads runs through working sets of growing size.  Where a set fits L1D each
load takes the latency of a hit there, beyond it that of L2, beyond that of memory; since the
policy is LRU and the order cyclic, each step is sharp, and one way more than a cache has makes
every load miss it.

The core model charges a hit in L1D nothing beyond the instruction itself, so the guest's program
writes the latency of such a hit out: its links are as many instructions as the hit has cycles,
at the base CPI.  What a miss adds is the machine's own doing, and the guest's clock is the judge.
"""

# DEVIATIONS.md: [L1 hit]

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Literal

from testbed.faults import InfrastructureFailed
from testbed.hardware.geometry import Core, Geometry
from testbed.loads.kind import LoadKind
from testbed.outputs.emissions import Emissions
from testbed.records import Gate, LoadLatency, make_gate

if TYPE_CHECKING:
    from pydantic import JsonValue

    from testbed.experiment import Experiment

PROGRAM = "pchase"
SMALLEST_BYTES = 4096
BEYOND_L2 = 4  # the largest working set, in sizes of L2
TOLERANCE = 0.01
CHAIN_LINKS = 16  # of the pointer chase in one round of its loop (images/guest/pchase.c)
CHAIN_LOOP_INSTRUCTIONS = 2


class Chase(LoadKind):
    """A pointer chase on the server machine alone: the latency of a load against the size of its
    working set, which shows what the caches hold and what a miss costs."""

    kind: Literal["chase"] = "chase"

    examples: ClassVar = ("chase",)
    level_name: ClassVar = "c"
    program: ClassVar = PROGRAM

    @classmethod
    def describe_level(cls, level: int, seconds: float, requests: int) -> dict[str, JsonValue]:
        """The one level that there is."""
        return {"kind": "chase"}

    @classmethod
    def complain_of_levels(cls, levels: Sequence[int], requests: Mapping[int, int]) -> str:
        """There is one."""
        return "" if levels[-1] == 1 else "a pointer chase has one level: write levels = [1]"

    def check_core(self, core: Core) -> None:
        """The core model must be one that a pointer chase can spell out."""
        count_chain_instructions(core)

    def write(self, experiment: Experiment, number: int) -> list[str]:
        """One walk through all working sets."""
        sizes = " ".join(str(size) for size in find_working_sets(experiment.geometry))
        line = experiment.geometry.l2.line
        instructions = count_chain_instructions(experiment.core)
        return [f"{PROGRAM} {line} {instructions} {sizes} > /run/chase || fail 'no pointer chase'"]

    def write_results(self) -> list[str]:
        """What it printed."""
        return ["emit chase < /run/chase"]

    def read_latencies(
        self, experiment: Experiment, emissions: Emissions
    ) -> tuple[LoadLatency, ...]:
        """As `read_latencies`."""
        return read_latencies(experiment, emissions)

    def check_latencies(
        self, experiment: Experiment, latencies: Sequence[LoadLatency]
    ) -> list[Gate]:
        """As `check_plateaus`."""
        return check_plateaus(experiment, latencies)


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


def find_working_sets(geometry: Geometry) -> list[int]:
    """Sizes in bytes: two an octave, and a way less and a way more than each cache holds."""
    largest = BEYOND_L2 * geometry.l2.size
    sizes = {SMALLEST_BYTES << i for i in range(largest.bit_length())}
    sizes |= {size * 3 // 2 for size in sizes}
    for cache in (geometry.l1d, geometry.l2):
        sizes |= {cache.size - cache.way_bytes, cache.size, cache.size + cache.way_bytes}
    return sorted(size for size in sizes if SMALLEST_BYTES <= size <= largest)


def find_plateau(geometry: Geometry, size: int) -> str | None:
    """Which level serves each load of a working set of ``size`` bytes: ``l1d``, ``l2`` or
    ``memory``; None within a way of a step, where the program's own lines decide."""
    l1d, l2 = geometry.l1d, geometry.l2
    if size <= l1d.size - l1d.way_bytes:
        return "l1d"
    if l1d.size + l1d.way_bytes <= size <= l2.size - l2.way_bytes:
        return "l2"
    return "memory" if size >= l2.size + l2.way_bytes else None


def find_plateau_cycles(core: Core) -> dict[str, Fraction]:
    """The latency of a load from each level, in cycles."""
    l2 = core.l1d_hit + core.l1.load
    return {"l1d": core.l1d_hit, "l2": l2, "memory": l2 + core.l2.load}


def read_latencies(experiment: Experiment, emissions: Emissions) -> tuple[LoadLatency, ...]:
    """What the program printed; InfrastructureFailed if that is not one line a working set."""
    rows = [line.split() for line in emissions.text("chase").splitlines()]
    wanted = find_working_sets(experiment.geometry)
    try:
        if [int(size) for size, _, _ in rows] != wanted:
            raise ValueError(f"it has {len(rows)} of {len(wanted)} working sets")
        return tuple(
            LoadLatency(
                working_set_bytes=int(size),
                cycles=float(Fraction(ns) * experiment.core.clock_mhz / 1000),
                stretches=int(stretches),
            )
            for size, ns, stretches in rows
        )
    except ValueError as error:
        raise InfrastructureFailed(
            f"{emissions.path}: the output of {PROGRAM} is not what was asked for: {error}",
            hint=f"read {emissions.path.parent / 'console.txt'}",
        ) from None


def check_plateaus(experiment: Experiment, latencies: Sequence[LoadLatency]) -> list[Gate]:
    """A gate for each level: all working sets up to a way from its steps have its latency."""
    gates = []
    for level, cycles in find_plateau_cycles(experiment.core).items():
        sets = [
            latency
            for latency in latencies
            if find_plateau(experiment.geometry, latency.working_set_bytes) == level
        ]
        worst = max(sets, key=lambda latency: abs(latency.cycles - cycles))
        gates.append(
            make_gate(
                f"plateau-{level}",
                abs(worst.cycles / float(cycles) - 1),
                "<=",
                TOLERANCE,
                f"distance of {worst.cycles:.2f} cycles a load at {worst.working_set_bytes} bytes "
                f"from the {float(cycles):g} of {level}, relative,",
                "the machine has not the caches that were asked for, or its memory is torn: see "
                "the stretches of the working sets",
            )
        )
    return gates
