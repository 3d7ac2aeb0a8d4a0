# SPDX-License-Identifier: MIT
"""Runs of the server machine alone, under a load that is a program there (`LoadKind.program`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from testbed.evaluation import SERIES, digest_artefacts, find_suspects, write_series
from testbed.experiment import Experiment
from testbed.faults import InfrastructureFailed
from testbed.gates.run import check_logs
from testbed.guest.job import PRELUDE
from testbed.measurement import Artefact, Losses, Measurement, Zone
from testbed.outputs.counters import find_event, read_counters
from testbed.outputs.emissions import read_emissions
from testbed.records import Gate, LoadLatency, LoadReport


def write_alone_job(experiment: Experiment) -> str:
    """What the server machine does; no other machine takes part."""
    return "\n".join(
        [
            PRELUDE,
            "mark start",
            *experiment.load.write(experiment, 0),
            "mark stop",
            *experiment.load.write_results(),
            "dmesg > /run/dmesg; emit dmesg < /run/dmesg",
            "echo ok | emit finished\n",
        ]
    )


def evaluate_alone(
    experiment: Experiment, directory: Path, products: Mapping[str, str]
) -> Measurement:
    """Judge and measure the finished run in ``directory``; errors as `evaluation.evaluate`."""
    emissions = {"server": read_emissions(directory / "server" / "frames.bin")}
    latencies = experiment.load.read_latencies(experiment, emissions["server"])
    write_series(pl.DataFrame([latency.model_dump() for latency in latencies]), directory / SERIES)
    return conclude_alone(
        experiment,
        products,
        latencies,
        other_gates=check_logs(find_suspects(directory, emissions)),
        virtual_s=_measure_duration(directory),
        series=SERIES,
        artefacts=digest_artefacts(directory),
    )


def conclude_alone(
    experiment: Experiment,
    products: Mapping[str, str],
    latencies: tuple[LoadLatency, ...],
    *,
    other_gates: Sequence[Gate] = (),
    virtual_s: float,
    series: str,
    artefacts: tuple[Artefact, ...],
) -> Measurement:
    """The measurement that ``latencies`` make: valid if they are what they must be."""
    gates = (*other_gates, *experiment.load.check_latencies(experiment, latencies))
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
            tool=experiment.load.program,
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


def _measure_duration(directory: Path) -> float:
    """Virtual seconds between the markers."""
    records = read_counters(directory / "server" / "counters.jsonl")
    start, stop = find_event(records, "start"), find_event(records, "stop")
    if start is None or stop is None:
        raise InfrastructureFailed(
            f"{directory}: the guest passed no markers", hint="read the console there"
        )
    return (stop.t - start.t) / 1e9
