# SPDX-License-Identifier: MIT
"""Sweep a design with the synthetic runner, as a program: what the disturbances are aimed at.

``python -m artifact.rehearsal STORE --runs 20 --jobs 2 --delay 0.02``
"""

from __future__ import annotations

import argparse
from pathlib import Path

from artifact.design import Tier, load_design
from artifact.engines import LocalEngine
from artifact.perform import Done, Task
from artifact.plan import make_plan
from artifact.store import Store
from artifact.sweep import list_tasks, sweep
from artifact.synthetic import SyntheticRunner
from ground.voice import ArtifactError, ExitCode, show_error


class Silence:
    """An observer that has nothing to say."""

    def finish(self, task: Task, done: Done) -> None:
        """A result."""

    def retry(self, task: Task, error: BaseException, tries: int) -> None:
        """A failure of the infrastructure."""


def rehearse(store: Path, *, runs: int, jobs: int, delay_s: float) -> ExitCode:
    """Sweep the first ``runs`` runs of the quick tier into ``store``."""
    runner = SyntheticRunner(delay_s=delay_s)
    plan = make_plan(Tier.QUICK, [load_design("footnote3")], runner.products)
    Store(store).gc()
    tasks = list_tasks(plan, store)[:runs]
    try:
        tally = sweep(tasks, runner, LocalEngine(jobs), Silence())
    except ArtifactError as error:
        show_error(error)
        return error.code
    return ExitCode.INFRASTRUCTURE if tally.unfinished else ExitCode.HOLDS


def main() -> int:
    """Parse the command line and rehearse."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--delay", type=float, default=0.02)
    arguments = parser.parse_args()
    return rehearse(
        arguments.store, runs=arguments.runs, jobs=arguments.jobs, delay_s=arguments.delay
    )


if __name__ == "__main__":
    raise SystemExit(main())
