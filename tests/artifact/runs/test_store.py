# SPDX-License-Identifier: MIT
"""The run store: whole or absent, damage found, races settled, kinds of failure told apart."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from artifact.runs.plan import Plan
from artifact.runs.rehearsal import SyntheticRunner
from artifact.runs.runner import DiskFullError
from artifact.runs.store import (
    COST,
    ENTRY,
    INDEX,
    Cost,
    DamageError,
    DeterminismError,
    Entry,
    Outcome,
    Store,
)
from artifact.runs.sweep import list_tasks
from artifact.runs.worker import Task, perform
from ground.seeds import generator
from testbed.experiment import Experiment
from testbed.faults import InfrastructureFailed, SubjectFailed
from testbed.measurement import Measurement


@pytest.fixture
def task(plan: Plan, tmp_path: Path) -> Task:
    return list_tasks(plan.runs, tmp_path / "store")[0]


class Failing(SyntheticRunner):
    """Raises what it was made with."""

    def __init__(self, error: Exception):
        super().__init__()
        object.__setattr__(self, "error", error)

    def run(self, experiment: Experiment, directory: Path) -> Measurement:
        (directory / "console.txt").write_text("Oops: 0000")
        raise self.error  # type: ignore[attr-defined]


def test_a_result_is_found_again(task: Task, runner: SyntheticRunner) -> None:
    first = perform(task, runner)
    again = perform(task, runner)
    assert (first.cached, again.cached) == (False, True)
    entry = Store(task.store).load(task.key)
    assert entry is not None
    assert entry.outcome is first.outcome is again.outcome is Outcome.MEASURED
    assert entry.measurement is not None
    assert entry.measurement.experiment == task.experiment
    assert again.cost == first.cost
    assert not list((task.store / "tmp").iterdir())


def test_every_damaged_byte_is_found(task: Task, runner: SyntheticRunner) -> None:
    store = Store(task.store)
    perform(task, runner)
    entry = store.load(task.key)
    directory = store.find_directory(task.key)
    random = generator(7, "damage")
    files = sorted(path for path in directory.iterdir() if path.name != COST)
    assert {ENTRY, INDEX} < {path.name for path in files}
    for path in files:
        whole = path.read_bytes()
        for position in random.integers(0, len(whole), 25):
            broken = bytearray(whole)
            broken[position] ^= 1 << int(random.integers(0, 8))
            path.write_bytes(broken)
            with pytest.raises(DamageError):
                store.load(task.key)
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DamageError):
            store.load(task.key)
        path.unlink()
        with pytest.raises(DamageError):
            store.load(task.key)
        path.write_bytes(whole)
    (directory / "stranger").write_text("")
    with pytest.raises(DamageError, match="stranger"):
        store.load(task.key)
    assert not perform(task, runner).cached
    assert store.load(task.key) == entry


def test_a_damaged_cost_costs_nothing(task: Task, runner: SyntheticRunner) -> None:
    perform(task, runner)
    store = Store(task.store)
    (store.find_directory(task.key) / COST).write_text("{")
    assert store.find_cost(task.key) is None
    assert perform(task, runner).cached


def test_an_entry_under_another_key_is_refused(task: Task, runner: SyntheticRunner) -> None:
    perform(task, runner)
    store = Store(task.store)
    wrong = store.find_directory("ff" * 32)
    wrong.parent.mkdir(parents=True, exist_ok=True)
    store.find_directory(task.key).rename(wrong)
    with pytest.raises(DamageError, match="holds the run"):
        store.load("ff" * 32)


def test_failures_are_told_apart(task: Task) -> None:
    store = Store(task.store)
    with pytest.raises(InfrastructureFailed):
        perform(task, Failing(InfrastructureFailed("a machine died")))
    assert store.load(task.key) is None
    with pytest.raises(DiskFullError):
        perform(task, Failing(OSError(28, "No space left on device")))
    assert store.load(task.key) is None
    done = perform(task, Failing(SubjectFailed("the kernel said Oops")))
    assert done.outcome is Outcome.SUBJECT_FAILED
    entry = store.load(task.key)
    assert entry is not None
    assert entry.reasons == ("the kernel said Oops",)
    assert (store.find_directory(task.key) / "console.txt").read_text() == "Oops: 0000"


def test_an_invalid_run_is_stored_with_its_reasons(plan: Plan, tmp_path: Path) -> None:
    run = next(run for run in plan.runs if run.level == 4500)
    runner = SyntheticRunner()
    done = perform(Task(run.key, run.label, run.experiment, tmp_path), runner)
    assert done.outcome is Outcome.INVALID
    assert done.reasons[0].startswith("retransmissions: 900 segments")


def _race(task: Task, runner: SyntheticRunner) -> bool:
    return perform(task, runner).cached


def test_racing_workers_agree(plan: Plan, tmp_path: Path) -> None:
    runner = SyntheticRunner(delay_s=0.2)
    task = list_tasks(plan.runs, tmp_path)[0]
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_race, args=(task, runner)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert Store(tmp_path).load(task.key) is not None
    assert not list((tmp_path / "tmp").iterdir())


def test_two_results_for_one_key_are_an_error(
    task: Task, runner: SyntheticRunner, tmp_path: Path
) -> None:
    perform(task, runner)
    store = Store(task.store)
    entry = store.load(task.key)
    assert entry is not None
    other = Entry(inputs=entry.inputs, outcome=Outcome.SUBJECT_FAILED, reasons=("now it fails",))
    with store.open_workspace() as workspace, pytest.raises(DeterminismError):
        store.commit(other, workspace, Cost(seconds=1, processor_s=1, bytes=0))
    assert store.load(task.key) == entry


def test_gc_keeps_the_living(plan: Plan, runner: SyntheticRunner, tmp_path: Path) -> None:
    store = Store(tmp_path)
    tasks = list_tasks(plan.runs, tmp_path)[:3]
    for task in tasks:
        perform(task, runner)
    (tmp_path / "tmp" / "abandoned").mkdir()
    with store.open_workspace() as alive:
        assert store.gc() == 1
        assert alive.is_dir()
    assert store.gc({tasks[0].key}) == 2
    assert store.find_keys() == [tasks[0].key]


def test_the_synthetic_runner_is_deterministic(plan: Plan, tmp_path: Path) -> None:
    runner = SyntheticRunner()
    rates = []
    for run in plan.runs:
        one, two = tmp_path / "1", tmp_path / "2"
        one.mkdir(exist_ok=True)
        two.mkdir(exist_ok=True)
        first = runner.run(run.experiment, one)
        assert first == runner.run(run.experiment, two)
        assert first.window is not None
        rates.append(first.window.requests_per_s)
    assert np.unique(rates).size > 0.7 * len(rates)
