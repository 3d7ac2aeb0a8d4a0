# SPDX-License-Identifier: MIT
"""Perform the runs of a plan on an engine: resumable, retried, with nothing left behind.

The engine is anything with the interface of `concurrent.futures.Executor`; workers share the
run store, which alone says what is done.  So a sweep that was killed at any point goes on where
it was.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from artifact.runs.plan import Plan
from artifact.runs.runner import DiskFullError, Runner
from artifact.runs.store import DeterminismError, Outcome
from artifact.runs.worker import Done, Task, perform
from ground.errors import ArtifactError, UsageError

MAX_TRIES = 3
CHECK_S = 30.0


class Engine(Protocol):
    """Where runs are performed."""

    @property
    def slots(self) -> int:
        """Runs at once."""

    @property
    def busy_cores(self) -> float:
        """How many cores these runs keep busy: a sweep takes its processor seconds over that."""

    def open(self) -> contextlib.AbstractContextManager[Executor]:
        """An executor; leaving the block ends every run that is still going."""

    def check(self) -> None:
        """Raise ArtifactError if runs wait for workers that will never come."""

    def is_worker_loss(self, error: BaseException) -> bool:
        """Whether ``error`` says that a worker died, rather than that a run failed."""


class Observer(Protocol):
    """Who is told about progress."""

    def finish(self, task: Task, done: Done) -> None:
        """``task`` has a result."""

    def retry(self, task: Task, error: BaseException, tries: int) -> None:
        """The infrastructure failed under ``task``, for the ``tries``-th time."""


@dataclass
class Tally:
    """What came of a sweep."""

    done: dict[str, Done] = field(default_factory=dict)
    unfinished: dict[str, str] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Take in what came of a further sweep."""
        self.done |= other.done
        self.unfinished |= other.unfinished

    def count(self, outcome: Outcome) -> int:
        """Number of runs that ended with ``outcome``."""
        return sum(done.outcome is outcome for done in self.done.values())


def sweep(tasks: Iterable[Task], runner: Runner, engine: Engine, observer: Observer) -> Tally:
    """Perform ``tasks`` in order and return what came of them.

    A run under which the infrastructure failed is tried MAX_TRIES times in all, then listed as
    unfinished while the others go on.  Raises DiskFullError and DeterminismError at once, and
    ArtifactError when interrupted; finished runs stay in the store in any case.
    """
    work = _Work(list(reversed(list(tasks))), runner, engine, observer)
    try:
        while work.waiting:
            with engine.open() as executor:
                work.drain(executor)
    except KeyboardInterrupt:
        raise ArtifactError(
            f"interrupted; {len(work.tally.done)} runs are stored",
            hint="give the same command again to go on",
        ) from None
    return work.tally


@dataclass
class _Work:
    """The state of a sweep; ``waiting`` is a stack, next task last."""

    waiting: list[Task]
    runner: Runner
    engine: Engine
    observer: Observer
    tally: Tally = field(default_factory=Tally)
    tries: Counter[str] = field(default_factory=Counter)
    running: dict[Future[Done], Task] = field(default_factory=dict)
    broken: bool = False

    def drain(self, executor: Executor) -> None:
        """Work until nothing waits, or until the executor broke and nothing runs on it."""
        self.broken = False
        while self.running or (self.waiting and not self.broken):
            self._fill(executor)
            done, _ = wait(self.running, CHECK_S, FIRST_COMPLETED)
            if not done:
                self.engine.check()
            for future in done:
                self._settle(future, self.running.pop(future))

    def _fill(self, executor: Executor) -> None:
        while self.waiting and len(self.running) < self.engine.slots and not self.broken:
            try:
                future = executor.submit(perform, self.waiting[-1], self.runner)
            except BrokenExecutor:
                self.broken = True
            else:
                self.running[future] = self.waiting.pop()

    def _settle(self, future: Future[Done], task: Task) -> None:
        error = _find_error(future)
        if error is None:
            self.tally.done[task.key] = future.result()
            self.observer.finish(task, future.result())
            return
        lost = isinstance(error, CancelledError) or self.engine.is_worker_loss(error)
        self.broken |= isinstance(error, BrokenExecutor)
        if isinstance(error, (DiskFullError, DeterminismError, UsageError)):
            raise error
        if not lost and not isinstance(error, ArtifactError):
            raise error  # a defect of this program: its traceback is wanted, not a retry
        self.tries[task.key] += 1
        self.observer.retry(task, error, self.tries[task.key])
        if self.tries[task.key] < MAX_TRIES:
            self.waiting.append(task)
        else:
            self.tally.unfinished[task.key] = str(error) or type(error).__name__


def _find_error(future: Future[Done]) -> BaseException | None:
    try:
        return future.exception()
    except CancelledError as cancelled:  # a cluster's scheduler gave the run up
        return cancelled


def list_tasks(plan: Plan, store: Path) -> list[Task]:
    """One task for each key of ``plan``, in order."""
    tasks: dict[str, Task] = {}
    for run in plan.runs:
        tasks.setdefault(run.key, Task(run.key, run.label, run.experiment, store))
    return list(tasks.values())
