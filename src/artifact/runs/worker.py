# SPDX-License-Identifier: MIT
"""What a worker does with one run: find it in the store, or perform it and store it."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from pathlib import Path

from artifact.runs.keys import collect_inputs
from artifact.runs.runner import Runner
from artifact.runs.store import COST, ENTRY, INDEX, Cost, Entry, Outcome, Store, name_full_disk
from testbed.experiment import Experiment
from testbed.faults import MeasurementInvalid, SubjectFailed
from testbed.measurement import Measurement

# Packet captures are large, and the same run gives the same ones: their digests are kept.
DROPPED_SUFFIXES = {".pcap"}


@dataclass(frozen=True)
class Task:
    """A run as it is sent to a worker, on this host or another that shares the store."""

    key: str
    label: str
    experiment: Experiment
    store: Path


@dataclass(frozen=True)
class Done:
    """What a worker reports: how the run ended, and what it cost if it was performed now."""

    key: str
    outcome: Outcome
    reasons: tuple[str, ...]
    cost: Cost | None
    cached: bool


def perform(task: Task, runner: Runner) -> Done:
    """Perform ``task`` unless its result is in the store, whole.

    Raises what the runner raises when the infrastructure failed, DiskFullError when there is no
    space, DeterminismError when another worker found another result for the same key.
    """
    store = Store(task.store)
    stored = store.find_or_discard(task.key)
    if stored is not None:
        return Done(task.key, stored.outcome, stored.reasons, store.find_cost(task.key), True)
    begin, worked_s = time.monotonic(), _read_processor_s()
    with store.open_workspace() as workspace:
        files = workspace / "run"
        files.mkdir()
        entry = _run(task.experiment, runner, files)
        _drop_bulk(files)
        size = sum(path.stat().st_size for path in files.rglob("*") if path.is_file())
        cost = Cost(
            seconds=time.monotonic() - begin,
            processor_s=_read_processor_s() - worked_s,
            bytes=size,
        )
        store.commit(entry, files, cost)
    return Done(task.key, entry.outcome, entry.reasons, cost, False)


def _read_processor_s() -> float:
    """Processor seconds of this process and of all its children that have ended; a worker does one
    run at a time, so the difference is the run's."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in used)


def _run(experiment: Experiment, runner: Runner, files: Path) -> Entry:
    inputs = collect_inputs(experiment, runner.products)
    try:
        with name_full_disk(files):
            measurement = runner.run(experiment, files)
    except SubjectFailed as error:
        return Entry(inputs=inputs, outcome=Outcome.SUBJECT_FAILED, reasons=(error.message,))
    except MeasurementInvalid as error:
        return Entry(inputs=inputs, outcome=Outcome.INVALID, reasons=(error.message,))
    return Entry(
        inputs=inputs,
        outcome=Outcome.MEASURED if measurement.status == "valid" else Outcome.INVALID,
        reasons=explain_gates(measurement),
        measurement=measurement,
    )


def explain_gates(measurement: Measurement) -> tuple[str, ...]:
    """One line for each validity gate that the run broke."""
    return tuple(f"{gate.name}: {gate.reason}" for gate in measurement.failed_gates)


def _drop_bulk(files: Path) -> None:
    for path in sorted(files.rglob("*")):
        if path.is_file() and (
            path.suffix in DROPPED_SUFFIXES or path.name in {ENTRY, INDEX, COST}
        ):
            path.unlink()
