# SPDX-License-Identifier: MIT
"""Sweeps on a process pool and on a real Dask cluster; workers that die; what is retried."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from artifact.runs.cluster import ClusterEngine
from artifact.runs.engines import LocalEngine
from artifact.runs.plan import Plan
from artifact.runs.rehearsal import SyntheticRunner
from artifact.runs.runner import DiskFullError
from artifact.runs.store import Outcome, Store
from artifact.runs.sweep import MAX_TRIES, list_tasks, sweep
from artifact.runs.worker import Done, Task
from ground.errors import ArtifactError, UsageError
from testbed.experiment import Experiment
from testbed.faults import InfrastructureFailed
from testbed.measurement import Measurement


@dataclass
class Log:
    """Records what it is told."""

    finished: list[str] = field(default_factory=list)
    retried: list[str] = field(default_factory=list)
    expected: int = 0

    def expect(self, tasks: Sequence[Task]) -> None:
        self.expected += len(tasks)

    def finish(self, task: Task, done: Done) -> None:
        self.finished.append(task.label)

    def retry(self, task: Task, error: BaseException, tries: int) -> None:
        self.retried.append(task.label)


def read_results(store: Path) -> dict[str, str]:
    """Digest of each stored result."""
    results = {}
    for key in Store(store).find_keys():
        entry = Store(store).load(key)
        assert entry is not None
        results[key] = entry.digest
    return results


@pytest.fixture
def reference(plan: Plan, tmp_path: Path) -> dict[str, str]:
    """Results of an undisturbed sweep."""
    tally = sweep(list_tasks(plan.runs, tmp_path / "ref"), SyntheticRunner(), LocalEngine(1), Log())
    assert len(tally.done) == len(plan.keys)
    return read_results(tmp_path / "ref")


def test_a_pool_gives_the_same_results_in_any_number(
    plan: Plan, reference: dict[str, str], tmp_path: Path
) -> None:
    log = Log()
    tally = sweep(list_tasks(plan.runs, tmp_path / "s"), SyntheticRunner(), LocalEngine(3), log)
    assert read_results(tmp_path / "s") == reference
    assert len(log.finished) == len(plan.keys)
    assert tally.count(Outcome.INVALID) == 10
    assert not tally.unfinished


def test_a_killed_worker_is_replaced(plan: Plan, reference: dict[str, str], tmp_path: Path) -> None:
    me = psutil.Process()
    killed = []

    log = Log()

    def kill_one_worker() -> None:
        for done in (3, 9, 15):  # runs that ended before: no run is struck three times
            while len(log.finished) < done:
                time.sleep(0.05)
            workers = [c for c in me.children() if "spawn_main" in " ".join(c.cmdline())]
            if workers:
                killed.append(workers[0].pid)
                workers[0].kill()

    thread = threading.Thread(target=kill_one_worker, daemon=True)
    thread.start()
    runner = SyntheticRunner(delay_s=0.1)
    tally = sweep(list_tasks(plan.runs, tmp_path / "s"), runner, LocalEngine(2), log)
    thread.join()
    assert killed
    assert log.retried
    assert not tally.unfinished
    assert read_results(tmp_path / "s") == reference


def test_a_worker_ends_when_its_pool_says_so() -> None:
    """A worker that is killed while it waits for work keeps the queue's lock: the others never hear
    by the queue that the pool is broken, only by the pool's SIGTERM."""
    with LocalEngine(2).open() as executor:
        worker = psutil.Process(executor.submit(os.getpid).result())
        worker.terminate()
        worker.wait(timeout=30)


@dataclass(frozen=True)
class Unreliable(SyntheticRunner):
    """The infrastructure fails under the first ``failures`` tries of each run at c = 8."""

    marks: Path = Path()
    failures: int = 1

    def run(self, experiment: Experiment, directory: Path) -> Measurement:
        if experiment.load.kind == "ab" and experiment.load.concurrency == 8:
            mine = self.marks / f"{experiment.server}-{experiment.seed}"
            count = len(mine.read_text()) if mine.exists() else 0
            if count < self.failures:
                mine.write_text("x" * (count + 1))
                raise InfrastructureFailed("a machine died")
        return super().run(experiment, directory)


@dataclass
class ThreadEngine:
    """Threads: so that runners of this module need no import in another process."""

    slots: int = 2
    busy_cores: float = 2.0

    def open(self) -> object:
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(self.slots)

    def check(self) -> None:
        pass

    def is_worker_loss(self, error: BaseException) -> bool:
        return False


def test_infrastructure_failures_are_retried_and_leave_no_trace(
    plan: Plan, reference: dict[str, str], tmp_path: Path
) -> None:
    log = Log()
    runner = Unreliable(marks=tmp_path)
    tally = sweep(list_tasks(plan.runs, tmp_path / "s"), runner, ThreadEngine(), log)  # type: ignore[arg-type]
    assert len(log.retried) == 10
    assert not tally.unfinished
    assert read_results(tmp_path / "s") == reference


def test_what_keeps_failing_is_listed_and_the_rest_is_done(plan: Plan, tmp_path: Path) -> None:
    log = Log()
    runner = Unreliable(marks=tmp_path, failures=99)
    tally = sweep(list_tasks(plan.runs, tmp_path / "s"), runner, ThreadEngine(), log)  # type: ignore[arg-type]
    assert len(tally.unfinished) == 10
    assert len(log.retried) == 10 * MAX_TRIES
    assert len(tally.done) == len(plan.keys) - 10
    assert set(tally.unfinished.values()) == {"a machine died"}


@dataclass(frozen=True)
class Straggling(SyntheticRunner):
    """The run ``straggler`` goes on until that of ``other`` has ended."""

    straggler: Experiment | None = None
    other: Experiment | None = None
    others_end: threading.Event = field(default_factory=threading.Event)

    def run(self, experiment: Experiment, directory: Path) -> Measurement:
        if experiment == self.straggler:
            assert self.others_end.wait(60)
        measurement = super().run(experiment, directory)
        if experiment == self.other:
            self.others_end.set()
        return measurement


def test_what_results_call_for_does_not_wait_for_a_straggler(plan: Plan, tmp_path: Path) -> None:
    first, second, *_ = list_tasks(plan.runs, tmp_path)
    runner = Straggling(straggler=first.experiment, other=second.experiment)
    log = Log()
    tally = sweep([first], runner, ThreadEngine(), log, lambda: [second])  # type: ignore[arg-type]
    assert set(tally.done) == {first.key, second.key}
    assert (log.expected, len(log.finished)) == (1, 2)


def test_what_fails_is_not_asked_for_again(plan: Plan, tmp_path: Path) -> None:
    """Though the store, which has no result of it, calls for it for ever."""
    failing = next(task for task in list_tasks(plan.runs, tmp_path / "s") if "/c=8/" in task.label)
    runner = Unreliable(marks=tmp_path, failures=99)
    tally = sweep([], runner, ThreadEngine(), Log(), lambda: [failing])  # type: ignore[arg-type]
    assert list(tally.unfinished) == [failing.key]


@dataclass(frozen=True)
class NoSpace(SyntheticRunner):
    """The disk is full when the run writes its first file."""

    def run(self, experiment: Experiment, directory: Path) -> Measurement:
        raise OSError(28, "No space left on device")


def test_a_full_disk_stops_the_sweep(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(DiskFullError) as caught:
        sweep(list_tasks(plan.runs, tmp_path), NoSpace(), ThreadEngine(), Log())  # type: ignore[arg-type]
    assert "free some space" in caught.value.hint


class Interrupter(Log):
    """Somebody presses Ctrl-C when a run has finished."""

    def finish(self, task: Task, done: Done) -> None:
        super().finish(task, done)
        os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C is heard: a shell without job control starts background commands with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_workers_and_keeps_results(plan: Plan, tmp_path: Path) -> None:
    runner = SyntheticRunner(delay_s=0.3)
    with pytest.raises(ArtifactError, match=r"interrupted; [1-9]"):
        sweep(list_tasks(plan.runs, tmp_path), runner, LocalEngine(2), Interrupter())
    assert not [c for c in psutil.Process().children() if "spawn_main" in " ".join(c.cmdline())]
    stored = read_results(tmp_path)
    assert 0 < len(stored) < len(plan.keys)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[int]]]:
    """A real scheduler with three worker processes; its address and the workers' ids."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=3,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        resources={"vm": 1},
        host="127.0.0.1",
        local_directory=str(tmp_path / "dask"),
    ) as local:
        pids = [worker.process.process.pid for worker in local.workers.values()]
        yield local.scheduler_address, pids


def test_a_cluster_gives_the_same_results(
    plan: Plan, reference: dict[str, str], cluster: tuple[str, list[int]], tmp_path: Path
) -> None:
    address, pids = cluster
    engine = ClusterEngine.connect(address)
    assert engine.slots == 3
    engine.check()
    timer = threading.Timer(1.0, os.kill, (pids[0], signal.SIGKILL))
    timer.start()
    runner = SyntheticRunner(delay_s=0.15)
    tally = sweep(list_tasks(plan.runs, tmp_path / "s"), runner, engine, Log())
    timer.join()
    assert not tally.unfinished
    assert not psutil.pid_exists(pids[0]) or psutil.Process(pids[0]).status() == "zombie"
    assert read_results(tmp_path / "s") == reference


def test_a_missing_cluster_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no Dask scheduler"):
        ClusterEngine.connect("tcp://127.0.0.1:9")
