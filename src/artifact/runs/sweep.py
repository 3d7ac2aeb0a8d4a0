# SPDX-License-Identifier: MIT
"""Perform the runs of a plan on an engine: resumable, retried, with nothing left behind.

The engine is anything with the interface of `concurrent.futures.Executor`; workers share the
run store, which alone says what is done.  So a sweep that was killed at any point goes on where
it was.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
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

from artifact.runs.plan import PlannedRun
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

    def expect(self, tasks: Sequence[Task]) -> None:
        """``tasks`` came up in the course of the sweep."""

    def finish(self, task: Task, done: Done) -> None:
        """``task`` has a result."""

    def retry(self, task: Task, error: BaseException, tries: int) -> None:
        """The infrastructure failed under ``task``, for the ``tries``-th time."""


@dataclass
class Tally:
    """What came of a sweep."""

    done: dict[str, Done] = field(default_factory=dict)
    unfinished: dict[str, str] = field(default_factory=dict)

    def count(self, outcome: Outcome) -> int:
        """Number of runs that ended with ``outcome``."""
        return sum(done.outcome is outcome for done in self.done.values())


def sweep(
    tasks: Iterable[Task],
    runner: Runner,
    engine: Engine,
    observer: Observer,
    find_further: Callable[[], Iterable[Task]] = tuple,
) -> Tally:
    """Perform ``tasks`` in order and return what came of them.

    Whenever a worker would be idle ``find_further`` is asked what else is wanted by now, so that
    no worker waits for the last of ``tasks``; what it names again is performed once.

    A run under which the infrastructure failed is tried MAX_TRIES times in all, then listed as
    unfinished while the others go on.  Raises DiskFullError and DeterminismError at once, and
    ArtifactError when interrupted; finished runs stay in the store in any case.
    """
    work = _Work(list(reversed(list(tasks))), runner, engine, observer, find_further)
    try:
        while work.has_more():
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
    find_further: Callable[[], Iterable[Task]]
    tally: Tally = field(default_factory=Tally)
    tries: Counter[str] = field(default_factory=Counter)
    running: dict[Future[Done], Task] = field(default_factory=dict)
    broken: bool = False

    def has_more(self) -> bool:
        """Whether a task waits, if only because results so far call for it."""
        if not self.waiting:
            begun = {task.key for task in self.running.values()}
            known = begun | self.tally.done.keys() | self.tally.unfinished.keys()
            further = [task for task in self.find_further() if task.key not in known]
            self.observer.expect(further)
            self.waiting += reversed(further)
        return bool(self.waiting)

    def drain(self, executor: Executor) -> None:
        """Work until nothing is left to do, or the executor broke and nothing runs on it."""
        self.broken = False
        self._fill(executor)
        while self.running:
            done, _ = wait(self.running, CHECK_S, FIRST_COMPLETED)
            if not done:
                self.engine.check()
            for future in done:
                self._settle(future, self.running.pop(future))
            self._fill(executor)

    def _fill(self, executor: Executor) -> None:
        while len(self.running) < self.engine.slots and not self.broken and self.has_more():
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


def list_tasks(runs: Iterable[PlannedRun], store: Path) -> list[Task]:
    """One task for each key of ``runs``, in order."""
    tasks: dict[str, Task] = {}
    for run in runs:
        tasks.setdefault(run.key, Task(run.key, run.label, run.experiment, store))
    return list(tasks.values())
