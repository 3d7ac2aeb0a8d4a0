# SPDX-License-Identifier: MIT
"""How long whole runs take on this host: against requests, concurrency, clients and virtual
seconds, and sweeps against workers.

Runs are those of the testbed as a study has them, from launch to evaluation, stored in a run
store of their own.  Their results are thrown away; what counts is what they cost.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from artifact.runs.engines import LocalEngine
from artifact.runs.keys import collect_inputs, find_key
from artifact.runs.sweep import sweep
from artifact.runs.testbed_runner import TestbedRunner, load_bench
from artifact.runs.worker import Done, Task
from checks.speed.machine import SEED, find_processor
from ground.errors import ArtifactError, ExitCode, UsageError
from ground.files import write_atomically
from ground.paths import find_outputs
from ground.terminal import complete_step
from testbed.experiment import Experiment, Machines
from testbed.hardware.geometry_files import load_geometry
from testbed.hardware.platform_files import DEFAULT_PLATFORM, load_platform
from testbed.loads.ab import Ab
from testbed.loads.kind import LoadKind
from testbed.loads.netperf import Netperf

SERVER = "nginx"
CONCURRENCY, REQUESTS = 256, 20_000  # where one of them is not what varies
CROWD = 1024  # ab starts a process for 64 connections: each of 8 clients has some
SWEEP_RUNS, SWEEP_CONCURRENCY, SWEEP_REQUESTS = 8, 64, 4000


@dataclass(frozen=True)
class Series:
    """What varies, what stays as it is, and the load and number of clients at each level."""

    axis: str
    fixed: str
    levels: Sequence[int]
    load: Callable[[int], LoadKind]
    clients: Callable[[int], int] = lambda _: 1


SERIES = (
    Series(
        "virtual seconds of netperf",
        "TCP_STREAM",
        (1, 5, 20),
        lambda level: Netperf(test="TCP_STREAM", seconds=level),
    ),
    Series(
        "requests",
        f"c = {CONCURRENCY}",
        (5000, 20_000, 80_000),
        lambda level: Ab(concurrency=CONCURRENCY, requests=level),
    ),
    Series(
        "concurrency",
        f"{REQUESTS} requests",
        (16, 128, 1024, 4096),
        lambda level: Ab(concurrency=level, requests=REQUESTS),
    ),
    Series(
        "clients",
        f"c = {CROWD}, {REQUESTS} requests, of all clients",
        (1, 2, 4, 8),
        lambda _: Ab(concurrency=CROWD, requests=REQUESTS),
        lambda level: level,
    ),
)


class RunTime(BaseModel):
    """Host seconds of one run, launch and evaluation included: by the clock, and of processors."""

    model_config = ConfigDict(frozen=True)

    axis: str
    fixed: str
    level: int
    seconds: float
    processor_s: float
    outcome: str


class SweepTime(BaseModel):
    """Host seconds of one sweep of ``runs`` runs by so many workers."""

    model_config = ConfigDict(frozen=True)

    workers: int
    runs: int
    seconds: float
    processor_s: float


class ScalingReport(BaseModel):
    """All timings, and what they were taken on."""

    model_config = ConfigDict(frozen=True)

    host: str
    processors: int
    load_before: float
    geometry: str
    runs: tuple[RunTime, ...]
    sweeps: tuple[SweepTime, ...]


class Silent:
    """Who watches a sweep and says nothing: the steps around it do."""

    def expect(self, tasks: Sequence[Task]) -> None:
        """Nothing."""

    def finish(self, task: Task, done: Done) -> None:
        """Nothing."""

    def retry(self, task: Task, error: BaseException, tries: int) -> None:
        """Nothing."""


def parse_workers(text: str) -> tuple[int, ...]:
    """Numbers of workers from a list with commas; UsageError if it is not one."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 1:
        raise UsageError(
            f"--workers {text}: not a list of numbers from 1 on", hint="such as --workers 1,2"
        )
    return numbers


def run_scaling(geometry: str, workers: Sequence[int], *, as_json: bool) -> ExitCode:
    """`measure_scaling`, stored in ``bench/scaling.json`` below the outputs and printed."""
    report = measure_scaling(geometry, workers)
    text = report.model_dump_json(indent=1)
    write_atomically(find_outputs() / "bench" / "scaling.json", text.encode())
    if as_json:
        print(text)
    else:
        show_scaling(report, Console())
    return ExitCode.HOLDS


def measure_scaling(geometry: str, workers: Sequence[int]) -> ScalingReport:
    """Time each level of each series once, alone, then one sweep for each number of workers.

    Raises UsageError if nothing was built, ArtifactError if a run did not end.
    """
    runner = load_bench()
    load = os.getloadavg()[0]
    return ScalingReport(
        host=find_processor(),
        processors=os.cpu_count() or 1,
        load_before=load,
        geometry=geometry,
        runs=tuple(
            time_run(runner, geometry, series, level)
            for series in SERIES
            for level in series.levels
        ),
        sweeps=tuple(time_sweep(runner, geometry, slots) for slots in workers),
    )


def time_run(runner: TestbedRunner, geometry: str, series: Series, level: int) -> RunTime:
    """One run of ``series`` with nothing beside it."""
    experiment = describe(geometry, series.load(level), SEED, series.clients(level))
    with complete_step(f"{level} {series.axis} ({series.fixed})"):
        (done,) = perform_all(runner, [experiment], 1)
    assert done.cost
    return RunTime(
        axis=series.axis,
        fixed=series.fixed,
        level=level,
        seconds=done.cost.seconds,
        processor_s=done.cost.processor_s,
        outcome=done.outcome,
    )


def time_sweep(runner: TestbedRunner, geometry: str, workers: int) -> SweepTime:
    """A sweep of runs that differ in their seed alone."""
    load = Ab(concurrency=SWEEP_CONCURRENCY, requests=SWEEP_REQUESTS)
    experiments = [describe(geometry, load, SEED + n, 1) for n in range(SWEEP_RUNS)]
    begin = time.monotonic()
    with complete_step(f"{SWEEP_RUNS} runs, {workers} at once"):
        done = perform_all(runner, experiments, workers)
    return SweepTime(
        workers=workers,
        runs=len(done),
        seconds=time.monotonic() - begin,
        processor_s=sum(one.cost.processor_s for one in done if one.cost),
    )


def describe(geometry: str, load: LoadKind, seed: int, clients: int) -> Experiment:
    """A run on the default platform; netperf has a server program of its own."""
    file = load_geometry(geometry)
    return Experiment.model_validate(
        {
            "server": load.partner or SERVER,
            "load": load.model_dump(),
            "geometry": file.geometry,
            "core": file.core,
            "platform": load_platform(DEFAULT_PLATFORM).platform,
            "machines": Machines(clients=clients),
            "seed": seed,
        }
    )


def perform_all(
    runner: TestbedRunner, experiments: Sequence[Experiment], workers: int
) -> list[Done]:
    """Perform all runs in a new store, ``workers`` at once.

    Raises ArtifactError if the infrastructure failed under one of them.
    """
    with TemporaryDirectory(prefix="scaling-") as name:
        tasks = [
            Task(find_key(collect_inputs(e, runner.products)), str(n), e, Path(name))
            for n, e in enumerate(experiments)
        ]
        tally = sweep(tasks, runner, LocalEngine(workers), Silent())
    for reason in tally.unfinished.values():
        raise ArtifactError(
            f"a run did not end: {reason}", hint="`./invoke testbed.run` shows more"
        )
    return [tally.done[task.key] for task in tasks]


def show_scaling(report: ScalingReport, console: Console) -> None:
    """Print both tables."""
    table = Table("what varies", "level", "seconds", "processor s", "run", "with", box=None)
    for run in report.runs:
        times = (f"{run.seconds:.1f}", f"{run.processor_s:.1f}")
        table.add_row(run.axis, str(run.level), *times, run.outcome, run.fixed)
    console.print(table)
    table = Table("workers", "runs", "seconds", "processor s", box=None)
    for one in report.sweeps:
        table.add_row(
            str(one.workers), str(one.runs), f"{one.seconds:.1f}", f"{one.processor_s:.1f}"
        )
    console.print(table)
