# SPDX-License-Identifier: MIT
"""The engine of many hosts: a Dask cluster whose workers share the run store."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from distributed import Client, KilledWorker

from artifact.runs.engines import CORES_A_RUN
from ground.errors import UsageError
from testbed.faults import InfrastructureFailed

REMEDY = "dask worker ADDRESS --nworkers N --nthreads 1 --resources vm=1"


@dataclass(frozen=True)
class ClusterEngine:
    """The workers of the Dask scheduler at ``address`` that offer the resource ``vm``.

    The run store and the build products must be at the same path on all hosts.
    """

    address: str
    slots: int

    @classmethod
    def connect(cls, address: str) -> ClusterEngine:
        """The engine for the scheduler at ``address``, as many slots as it has ``vm``.

        Raises UsageError when nobody answers or no worker offers ``vm``.
        """
        try:
            slots = _count_slots(address)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"no Dask scheduler at {address}: {error}", hint="start one with: dask scheduler"
            ) from None
        if slots == 0:
            raise UsageError(f"no worker of {address} offers the resource vm", hint=REMEDY)
        return cls(address, slots)

    @property
    def busy_cores(self) -> float:
        """What the runs keep busy, provided that each worker has cores enough for one."""
        return self.slots * CORES_A_RUN

    @contextmanager
    def open(self) -> Iterator[Executor]:
        """The cluster as an executor; what still runs is cancelled when the block is left."""
        with _connect(self.address) as client:
            executor = client.get_executor(pure=False, resources={"vm": 1})
            try:
                yield executor
            finally:
                executor.shutdown(wait=False)

    def check(self) -> None:
        """Raises InfrastructureFailed when no worker is left: the runs would wait for ever."""
        try:
            slots = _count_slots(self.address)
        except (OSError, ValueError):
            slots = 0
        if slots == 0:
            raise InfrastructureFailed(
                f"the cluster at {self.address} has no worker left", hint=REMEDY
            )

    def is_worker_loss(self, error: BaseException) -> bool:
        """Dask gives a run up when several workers died under it."""
        return isinstance(error, (BrokenExecutor, KilledWorker))


def _connect(address: str) -> Any:
    return Client(address, timeout=10, set_as_default=False)  # type: ignore[no-untyped-call]


def _count_slots(address: str) -> int:
    with _connect(address) as client:
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        return sum(int(w.get("resources", {}).get("vm", 0)) for w in workers)
