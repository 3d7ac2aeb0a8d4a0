# SPDX-License-Identifier: MIT
"""Machines: a pool starts them, an instance is one that runs; QEMU's, and a fake for tests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from ground import process
from testbed.command import MachinePlan


class Instance(Protocol):
    """A running machine."""

    @property
    def plan(self) -> MachinePlan:
        """What was started."""
        ...

    def poll(self) -> int | None:
        """The exit status (negative: the signal that killed it), or None while it runs."""
        ...


class Pool(Protocol):
    """Something that can start machines."""

    def start(self, plan: MachinePlan) -> AbstractContextManager[Instance]:
        """Start the machine ``plan``; it dies with the block at the latest."""
        ...


@dataclass(frozen=True)
class QemuInstance:
    """A machine that is a QEMU process."""

    plan: MachinePlan
    child: subprocess.Popen[bytes]

    def poll(self) -> int | None:
        """See Instance."""
        return self.child.poll()


class QemuPool:
    """Starts QEMU processes, each in a group of its own that dies with us."""

    @contextmanager
    def start(self, plan: MachinePlan) -> Iterator[Instance]:
        """See Pool; what QEMU itself says goes to ``qemu.log`` in the machine's directory."""
        with process.start(plan.argv, cwd=plan.directory, log=plan.directory / "qemu.log") as child:
            yield QemuInstance(plan, child)


@contextmanager
def share_memory(name: str) -> Iterator[str]:
    """A path to anonymous shared memory, gone when the last process that has it open is gone.

    No file that a killed run could leave behind, and no dependence on the size of /dev/shm.
    """
    handle = os.memfd_create(name)
    try:
        yield f"/proc/{os.getpid()}/fd/{handle}"
    finally:
        os.close(handle)


@dataclass(frozen=True)
class Step:
    """One step of a fake machine's life: bytes that appear in a file of its directory."""

    file: str
    data: bytes


class FakeInstance:
    """A machine that plays canned steps, one a poll, and then ends with ``status``.

    ``status`` None is a machine that hangs: it never ends and writes nothing more.
    """

    def __init__(self, plan: MachinePlan, steps: Sequence[Step], status: int | None):
        self.plan = plan
        self._steps = list(steps)
        self._status = status

    def poll(self) -> int | None:
        """See Instance; plays the next step."""
        if not self._steps:
            return self._status
        step = self._steps.pop(0)
        path = self.plan.directory / step.file
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            stream.write(step.data)
        return None


class FakePool:
    """Machines by name, each with its canned steps and exit status; for tests of the driver."""

    def __init__(self, lives: Mapping[str, tuple[Sequence[Step], int | None]]):
        self._lives = lives
        self.started: list[str] = []
        self.ended: list[str] = []

    @contextmanager
    def start(self, plan: MachinePlan) -> Iterator[Instance]:
        """See Pool."""
        self.started.append(plan.name)
        steps, status = self._lives[plan.name]
        try:
            yield FakeInstance(plan, steps, status)
        finally:
            self.ended.append(plan.name)
