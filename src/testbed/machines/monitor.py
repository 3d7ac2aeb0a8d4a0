# SPDX-License-Identifier: MIT
"""Watching machines until all have ended: nothing hangs for ever, nothing fails in silence."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from testbed.experiment import Limits
from testbed.faults import InfrastructureFailed, MeasurementInvalid, SubjectFailed
from testbed.machines.pool import Instance
from testbed.outputs.emissions import HEADER

POLL_S = 0.05
MINIMUM_FREE_BYTES = 64 << 20
TAIL_BYTES = 8192
CRASH = re.compile(
    rb"Kernel panic - not syncing|\bOops:|BUG: |general protection fault|"
    rb"unable to handle (?:kernel )?(?:NULL pointer|page fault|paging request)|"
    rb"Unable to mount root|soft lockup|hung_task|kernel BUG at|testbed: job failed",
)


class Watch:
    """The state of watching one set of machines."""

    def __init__(
        self,
        instances: Sequence[Instance],
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._instances = instances
        self._limits = limits
        self._clock = clock
        self._begun = self._moved = clock()
        self._sizes: dict[Path, int] = {}
        self._read: dict[Path, int] = {}

    def check(self) -> bool:
        """One look at all machines; true when all have ended well.  Raises one of the faults."""
        for instance in self._instances:
            self._scan_console(instance)
        ended = [self._check_ended(instance) for instance in self._instances]
        self._check_disk()
        if all(ended):
            return True
        self._check_progress()
        self._check_virtual_time()
        return False

    def _scan_console(self, instance: Instance) -> None:
        """Look at what the console said since the last look, line by line."""
        path = instance.plan.console
        data = _read_from(path, self._read.get(path, 0))
        whole = data[: data.rfind(b"\n") + 1] if instance.poll() is None else data
        self._read[path] = self._read.get(path, 0) + len(whole)
        if match := CRASH.search(whole):
            start = whole.rfind(b"\n", 0, match.start()) + 1
            line = whole[start : whole.find(b"\n", match.end())].decode(errors="replace").strip()
            raise _blame(instance)(
                f"{instance.plan.name}: {line}", hint=f"read its console, {path}"
            )

    def _check_ended(self, instance: Instance) -> bool:
        status = instance.poll()
        if status is None:
            return False
        plan = instance.plan
        if status != 0:
            how = f"was killed by signal {-status}" if status < 0 else f"ended with {status}"
            log = _read_from(plan.directory / "qemu.log", 0)[-500:].decode(errors="replace")
            raise InfrastructureFailed(
                f"{plan.name}: QEMU {how} {log.strip()}".rstrip(),
                hint=f"read {plan.directory / 'qemu.log'} and the console {plan.console}",
            )
        if not _has_finished(plan.directory / "frames.bin"):
            raise _blame(instance)(
                f"{plan.name}: the machine ended before its job did",
                hint=f"read its console, {plan.console}",
            )
        return True

    def _check_disk(self) -> None:
        for directory in {instance.plan.directory for instance in self._instances}:
            free = shutil.disk_usage(directory).free
            if free < MINIMUM_FREE_BYTES:
                raise InfrastructureFailed(
                    f"the disk of {directory} is full ({free >> 20} MiB are free)",
                    hint="free some space; a run needs up to 500 MiB",
                )

    def _check_progress(self) -> None:
        """Some output of some machine must grow, and the whole must end in time."""
        now = self._clock()
        sizes = {
            path: path.stat().st_size
            for instance in self._instances
            for path in instance.plan.outputs
            if path.exists()
        }
        if sizes != self._sizes:
            self._sizes, self._moved = sizes, now
        consoles = ", ".join(str(instance.plan.console) for instance in self._instances)
        if now - self._moved > self._limits.silence_s:
            raise InfrastructureFailed(
                f"no machine gave a sign of life for {self._limits.silence_s} s",
                hint=f"read the consoles: {consoles}",
            )
        if now - self._begun > self._limits.total_s:
            raise InfrastructureFailed(
                f"the run did not end within {self._limits.total_s} s",
                hint=f"read the consoles: {consoles}; or raise limits.total_s",
            )

    def _check_virtual_time(self) -> None:
        for instance in self._instances:
            for path in instance.plan.outputs:
                if path.name != "counters.jsonl" or not path.exists():
                    continue
                link_ns = _read_link_time(path)
                if link_ns > self._limits.virtual_s * 1_000_000_000:
                    raise MeasurementInvalid(
                        f"the run did not end within {self._limits.virtual_s} virtual seconds",
                        hint=f"read the consoles; the server's is {instance.plan.console}",
                    )


def watch(instances: Sequence[Instance], limits: Limits) -> None:
    """Wait until all ``instances`` have ended well, or raise what went wrong."""
    state = Watch(instances, limits)
    while not state.check():
        time.sleep(POLL_S)


def _blame(instance: Instance) -> type[SubjectFailed] | type[InfrastructureFailed]:
    """A server that fails is a result; a client that fails is our fault."""
    return SubjectFailed if instance.plan.name == "server" else InfrastructureFailed


def _has_finished(frames: Path) -> bool:
    """Whether the guest's last frame says that its job came to its end."""
    tail = _read_from(frames, max(0, _size(frames) - 64))
    return any(match[1] == b"finished" for match in HEADER.finditer(tail))


def _read_link_time(counters: Path) -> int:
    """Link time of the last whole record of a counter stream that still grows, or -1."""
    tail = _read_from(counters, max(0, _size(counters) - TAIL_BYTES))
    lines = tail.split(b"\n")[1:-1]
    if not lines:
        return -1
    try:
        return int(json.loads(lines[-1])["link_ns"])
    except (ValueError, KeyError):
        return -1  # judged when the stream is read as a whole


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _read_from(path: Path, position: int) -> bytes:
    if not path.exists():
        return b""
    with path.open("rb") as stream:
        stream.seek(position)
        return stream.read()
