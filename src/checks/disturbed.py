# SPDX-License-Identifier: MIT
"""The sweeps that are disturbed (`checks.disturbances`), as a program and as descriptions of it.

``python -m checks.disturbed STORE``: runs of the synthetic runner, which take no time;
``python -m checks.disturbed STORE --real``: the shortest runs of real machines that there are.
Neither draws or judges anything; `reproduce` does its sweeps by the same functions.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from artifact.runs.engines import LocalEngine
from artifact.runs.keys import collect_inputs, find_key
from artifact.runs.plan import make_plan
from artifact.runs.rehearsal import SyntheticRunner
from artifact.runs.runner import Runner
from artifact.runs.store import Store
from artifact.runs.sweep import list_tasks, sweep
from artifact.runs.worker import Done, Task
from artifact.study.designs import Tier, load_design
from ground.errors import ArtifactError, ExitCode
from ground.terminal import show_error
from testbed.experiment import Experiment, Limits
from testbed.hardware.geometry_files import load_geometry
from testbed.hardware.platform_files import DEFAULT_PLATFORM, load_platform
from testbed.loads import Load
from testbed.loads.ab import Ab
from testbed.loads.chase import Chase

STORE = Path("store")
SYNTHETIC_RUNS = 16
PATIENCE_S = 900  # the sweeps may be run beside other work, which starves them
# Two machines and their link; one machine alone, twice.  Requests enough for a steady window.
SHORTEST_RUNS: tuple[tuple[str, str, Load], ...] = (
    ("nginx", "banias-1400", Ab(concurrency=4, requests=300)),
    ("pchase", "banias-1400", Chase()),
    ("pchase", "tualatin-1400", Chase()),
)


@dataclass(frozen=True)
class DisturbedSweep:
    """A sweep to disturb: ``command(out)`` is its argv for the folder ``out``, in which its run
    store is STORE; ``disk_bytes`` is about what it has on disk at its fullest; ``machines`` says
    whether it starts emulators, which can be killed apart from its workers."""

    name: str
    command: Callable[[Path], Sequence[str]]
    disk_bytes: int
    machines: bool


def _write_command(out: Path, *flags: str) -> list[str]:
    return [sys.executable, "-m", "checks.disturbed", str(out / STORE), *flags]


SYNTHETIC = DisturbedSweep("synthetic", _write_command, disk_bytes=200 << 10, machines=False)
REAL = DisturbedSweep(
    "real", lambda out: _write_command(out, "--real"), disk_bytes=1 << 20, machines=True
)


class Silence:
    """An observer that has nothing to say."""

    def finish(self, task: Task, done: Done) -> None:
        """A result."""

    def expect(self, tasks: Sequence[Task]) -> None:
        """Nothing is shown."""

    def retry(self, task: Task, error: BaseException, tries: int) -> None:
        """A failure of the infrastructure: its message goes to the sweep's log."""
        print(f"{task.label}, try {tries}: {error}", file=sys.stderr)


def list_synthetic_tasks(runner: Runner, store: Path) -> list[Task]:
    """The first runs of a quick tier."""
    plan = make_plan(Tier.QUICK, [load_design("footnote3")], runner.products)
    return list_tasks(plan.runs, store)[:SYNTHETIC_RUNS]


def list_real_tasks(runner: Runner, store: Path) -> list[Task]:
    """SHORTEST_RUNS: one to three seconds of processor time each."""
    tasks = []
    for server, name, load in SHORTEST_RUNS:
        machine = load_geometry(name)
        experiment = Experiment(
            server=server,
            load=load,
            geometry=machine.geometry,
            core=machine.core,
            platform=load_platform(DEFAULT_PLATFORM).platform,
            limits=Limits(silence_s=PATIENCE_S),
        )
        key = find_key(collect_inputs(experiment, runner.products))
        tasks.append(Task(key, f"{server} on {name}", experiment, store))
    return tasks


def perform_subject(store: Path, *, real: bool, jobs: int) -> ExitCode:
    """Sweep the real or the synthetic runs into ``store``, going on where it was."""
    Store(store).gc()
    try:
        if real:
            # Not needed without machines, and half of the program's start.
            from artifact.runs.testbed_runner import load_bench  # noqa: PLC0415

            runner: Runner = load_bench()
            tasks = list_real_tasks(runner, store)
        else:
            runner = SyntheticRunner(delay_s=0.02)
            tasks = list_synthetic_tasks(runner, store)
        tally = sweep(tasks, runner, LocalEngine(jobs), Silence())
    except ArtifactError as error:
        show_error(error)
        return error.code
    return ExitCode.INFRASTRUCTURE if tally.unfinished else ExitCode.HOLDS


def main() -> int:
    """Parse the command line and sweep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    return perform_subject(arguments.store, real=arguments.real, jobs=arguments.jobs)


if __name__ == "__main__":
    raise SystemExit(main())
