# SPDX-License-Identifier: MIT
"""Fake machines: a life is canned bytes in files, so that the driver is tested without QEMU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from testbed.machines.command_line import MachinePlan
from testbed.machines.pool import Instance


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
