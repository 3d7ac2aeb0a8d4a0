# SPDX-License-Identifier: MIT
"""The engine of one host: a pool of worker processes."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ground.process import die_with

# What one run keeps busy: the server's machine is the slower one and the client's waits for it
# (docs/speed.md, "Runs at once").
CORES_A_RUN = 1.4


def find_default_jobs() -> int:
    """Runs at once on this host: as many as keep all cores busy."""
    return max(1, math.ceil(len(os.sched_getaffinity(0)) / CORES_A_RUN))


def _prepare_worker(parent: int) -> None:
    """A worker ends with its parent, and leaves Ctrl-C to it.

    SIGTERM ends it: with that a broken pool ends the workers that are left, and waits for them.
    """
    # Not SIG_IGN, which the programs that it starts would inherit.
    signal.signal(signal.SIGINT, lambda *_: None)
    die_with(parent)


@dataclass(frozen=True)
class LocalEngine:
    """``slots`` worker processes on this host."""

    slots: int

    @property
    def busy_cores(self) -> float:
        """What the runs keep busy, at most what there is."""
        return min(float(len(os.sched_getaffinity(0))), self.slots * CORES_A_RUN)

    @contextmanager
    def open(self) -> Iterator[Executor]:
        """A process pool; its workers are killed when the block is left early."""
        # Not fork: the progress display has a thread, and a forked lock can hang for ever.
        context = multiprocessing.get_context("spawn")
        executor = ProcessPoolExecutor(
            self.slots, mp_context=context, initializer=_prepare_worker, initargs=(os.getpid(),)
        )
        try:
            yield executor
        except BaseException:
            _kill_workers(executor)
            raise
        finally:
            executor.shutdown(wait=True, cancel_futures=True)

    def check(self) -> None:
        """A pool reports its own death; there is nothing to check."""

    def is_worker_loss(self, error: BaseException) -> bool:
        """A pool breaks when one of its workers dies."""
        return isinstance(error, BrokenExecutor)


def _kill_workers(executor: ProcessPoolExecutor) -> None:
    # The pool has no public way to end running calls before Python 3.14.
    workers: dict[int, Any] = getattr(executor, "_processes", None) or {}
    for worker in list(workers.values()):
        with suppress(ProcessLookupError, ValueError):
            worker.kill()
