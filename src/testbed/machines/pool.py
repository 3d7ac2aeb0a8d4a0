# SPDX-License-Identifier: MIT
"""Machines: a pool starts them, an instance is one that runs; those here are QEMU's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from ground import process
from testbed.machines.command_line import MachinePlan


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
