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

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import polars as pl

from testbed.counters import find_event, read_counters
from testbed.evaluation import SERIES, digest_artefacts, find_suspects, write_series
from testbed.experiment import Experiment, count_chain_instructions
from testbed.faults import InfrastructureFailed
from testbed.frames import Emissions, read_emissions
from testbed.gates import check_logs, make_gate
from testbed.geometry import Core, Geometry
from testbed.job import PRELUDE
from testbed.measurement import (
    Artefact,
    Gate,
    LoadLatency,
    LoadReport,
    Losses,
    Measurement,
    Zone,
)

PROGRAM = "pchase"
SMALLEST_BYTES = 4096
BEYOND_L2 = 4  # the largest working set, in sizes of L2
TOLERANCE = 0.01


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


def write_chase_job(experiment: Experiment) -> str:
    """What the server machine does; no other machine takes part."""
    sizes = " ".join(str(size) for size in find_working_sets(experiment.geometry))
    line = experiment.geometry.l2.line
    instructions = count_chain_instructions(experiment.core)
    return "\n".join(
        [
            PRELUDE,
            "mark start",
            f"{PROGRAM} {line} {instructions} {sizes} > /run/chase || fail 'no pointer chase'",
            "mark stop",
            "emit chase < /run/chase",
            "dmesg > /run/dmesg; emit dmesg < /run/dmesg",
            "echo ok | emit finished\n",
        ]
    )


def evaluate_chase(
    experiment: Experiment, directory: Path, products: Mapping[str, str]
) -> Measurement:
    """Judge and measure the finished chase in ``directory``; errors as `evaluation.evaluate`."""
    emissions = {"server": read_emissions(directory / "server" / "frames.bin")}
    latencies = read_latencies(experiment, emissions["server"])
    write_series(pl.DataFrame([latency.model_dump() for latency in latencies]), directory / SERIES)
    return conclude_chase(
        experiment,
        products,
        latencies,
        other_gates=check_logs(find_suspects(directory, emissions)),
        virtual_s=_measure_duration(directory),
        series=SERIES,
        artefacts=digest_artefacts(directory),
    )


def conclude_chase(
    experiment: Experiment,
    products: Mapping[str, str],
    latencies: tuple[LoadLatency, ...],
    *,
    other_gates: Sequence[Gate] = (),
    virtual_s: float,
    series: str,
    artefacts: tuple[Artefact, ...],
) -> Measurement:
    """The measurement that ``latencies`` make: valid if every plateau is where it should be."""
    gates = (*other_gates, *check_plateaus(experiment, latencies))
    return Measurement(
        experiment=experiment,
        products=dict(products),
        status="valid" if all(gate.passed for gate in gates) else "invalid",
        gates=gates,
        zone=Zone.UNKNOWN,
        window=None,
        server_losses=Losses.none(),
        client_losses=(),
        client_busy_share=(),
        load_report=LoadReport(
            tool=PROGRAM,
            processes=1,
            completed=len(latencies),
            wrong=0,
            errors=0,
            body_bytes=0,
            requests_per_s=0,
        ),
        latencies=latencies,
        virtual_s=virtual_s,
        series=series,
        artefacts=artefacts,
    )


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


def _measure_duration(directory: Path) -> float:
    """Virtual seconds between the markers."""
    records = read_counters(directory / "server" / "counters.jsonl")
    start, stop = find_event(records, "start"), find_event(records, "stop")
    if start is None or stop is None:
        raise InfrastructureFailed(
            f"{directory}: the guest passed no markers", hint="read the console there"
        )
    return (stop.t - start.t) / 1e9
