# SPDX-License-Identifier: MIT
"""Runs what is not trusted: another user, no network, limits, a process group of its own.

What holds where:

* everywhere: no sockets and no new process group (`seccomp`), limits of time, memory, files and
  output, an empty environment, the whole group killed at the end;
* as root only: another user, who cannot read the grader or signal it; where the kernel allows it,
  a network namespace without any interface too.
"""

from __future__ import annotations

import ctypes
import functools
import os
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from labs.grader import seccomp
from labs.grader.endings import Limits, Raw, explain_end
from labs.grader.errors import GraderError

STUDENT_UID = 61_666  # nobody's; the files of a submission are its own
CLONE_NEWNET = 0x40000000
ADDR_NO_RANDOMIZE = 0x0040000
PR_SET_PDEATHSIG = 1
PATH = "/usr/local/bin:/usr/bin:/bin"

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Sandbox:
    """Where and as whom programs run.  ``folder`` is the student's; all else is read-only."""

    folder: Path
    isolate_user: bool = field(default_factory=lambda: os.geteuid() == 0)

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", limits: Limits | None = None) -> Raw:
        """Run ``argv`` in the folder to its end, or until it breaks a limit."""
        limits = limits or Limits()
        with (
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            given.write(stdin)
            given.seek(0)
            with self._start(argv, limits, given.fileno(), out.fileno(), err.fileno()) as process:
                late = not _wait(process, limits.wall_s)
            return Raw(  # reaped by now
                "wall clock" if late else _describe_end(process.returncode),
                process.returncode,
                _read_back(out.fileno(), limits.output_bytes),
                self._read_errors(err.fileno(), limits),
            )

    @contextmanager
    def converse(
        self, argv: Sequence[str], *, limits: Limits | None = None
    ) -> Iterator[Conversation]:
        """Start ``argv`` and exchange lines with it; it is killed with the block."""
        limits = limits or Limits()
        with (
            tempfile.TemporaryFile() as err,
            self._start(argv, limits, subprocess.PIPE, subprocess.PIPE, err.fileno()) as process,
        ):
            yield Conversation(process, limits, lambda: self._read_errors(err.fileno(), limits))

    def _read_errors(self, descriptor: int, limits: Limits) -> bytes:
        """What a program said; its folder, which has another name each time, is left out."""
        return _read_back(descriptor, limits.output_bytes).replace(bytes(self.folder) + b"/", b"")

    @contextmanager
    def _start(
        self, argv: Sequence[str], limits: Limits, given: int, out: int, err: int
    ) -> Iterator[subprocess.Popen[bytes]]:
        program = shutil.which(argv[0], path=PATH) or str(self.folder / argv[0])
        if not Path(program).exists():
            raise GraderError(
                f"program not found: {argv[0]}", hint="install the packages that the lab names"
            )
        process = subprocess.Popen(
            list(argv),
            executable=program,
            cwd=self.folder,
            env={"PATH": PATH, "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(self.folder),
                 "TMPDIR": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1",
                 "PYTHONHASHSEED": "0", **SANITIZER_OPTIONS},
            stdin=given,
            stdout=out,
            stderr=err,
            start_new_session=True,
            preexec_fn=_confinement(limits, os.getpid(), self.isolate_user),  # noqa: PLW1509 - calls only
        )  # fmt: skip
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # not reaped, so the id is its own
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with suppress(BrokenPipeError):
                        pipe.close()


SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:hard_rss_limit_mb=600:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=0",
}


class SilenceError(Exception):
    """The other side of a conversation ended, broke a limit, or said nothing in time."""


class Conversation:
    """Lines to and from a running program."""

    def __init__(
        self, process: subprocess.Popen[bytes], limits: Limits, read_errors: Callable[[], bytes]
    ):
        assert process.stdin and process.stdout
        self._in, self._out = process.stdin, process.stdout
        self._process, self._limits, self._read_errors = process, limits, read_errors
        self._end = time.monotonic() + limits.wall_s
        self._rest = b""
        self._taken = 0

    def say(self, line: str) -> None:
        """Send one line; SilenceError if nobody reads it."""
        try:
            self._in.write(line.encode() + b"\n")
            self._in.flush()
        except BrokenPipeError:
            raise SilenceError(self._why()) from None

    def hear(self) -> str:
        """The next line, without its end; SilenceError if none comes."""
        while b"\n" not in self._rest:
            left = self._end - time.monotonic()
            ready = left > 0 and select.select([self._out], [], [], left)[0]
            if not ready:
                raise SilenceError(Raw("wall clock", 0, b"", b"").describe(self._limits))
            piece = os.read(self._out.fileno(), 65536)
            self._taken += len(piece)
            if not piece:
                raise SilenceError(self._why())
            if self._taken > self._limits.output_bytes:
                raise SilenceError(Raw("output", 0, b"", b"").describe(self._limits))
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode(errors="replace")

    def _why(self) -> str:
        if not _wait(self._process, 5):
            return "it closed its input or output"
        status = _peek_status(self._process)
        raw = Raw(_describe_end(status), status, b"", self._read_errors())
        return explain_end(raw, self._limits)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the end without reaping, so that the group's id stays its own; False if late."""
    watched = os.pidfd_open(process.pid)
    try:
        return bool(select.select([watched], [], [], seconds)[0])
    finally:
        os.close(watched)


def _peek_status(process: subprocess.Popen[bytes]) -> int:
    """The status of a program that has ended, as Popen.returncode gives it, without reaping."""
    end = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert end is not None
    return end.si_status if end.si_code == os.CLD_EXITED else -end.si_status


def _describe_end(status: int) -> str:
    if status >= 0:
        return "exit"
    name = signal.Signals(-status).name
    return {"SIGXCPU": "processor time", "SIGXFSZ": "output"}.get(name, f"signal {name}")


def _read_back(descriptor: int, limit: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        return stream.read(limit)


def _confinement(limits: Limits, parent: int, isolate_user: bool) -> Callable[[], None]:
    """What the child does between fork and exec; it only makes system calls."""
    if not seccomp.is_supported():
        raise GraderError(
            "no system call filter is known for this processor",
            hint=f"grade on {' or '.join(seccomp.ARCHITECTURES)}",
        )
    program = _filter()

    def confine() -> None:
        os.umask(0o077)
        _libc.personality(ADDR_NO_RANDOMIZE)  # equal addresses where the container allows it
        _set_limits(limits)
        if isolate_user:
            _libc.unshare(CLONE_NEWNET)  # fails in most containers; the filter is everywhere
            os.setgroups([])
            os.setresgid(STUDENT_UID, STUDENT_UID, STUDENT_UID)
            os.setresuid(STUDENT_UID, STUDENT_UID, STUDENT_UID)
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of user clears it
        if os.getppid() != parent:
            os._exit(127)
        seccomp.install(program)

    return confine


@functools.cache
def _filter() -> bytes:
    return seccomp.assemble_filter(os.uname().machine)


def _set_limits(limits: Limits) -> None:
    for kind, most in (
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, limits.output_bytes),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most + (kind == resource.RLIMIT_CPU)))
    if os.geteuid() == 0:  # counts all of a user's processes, which for a person are many
        resource.setrlimit(resource.RLIMIT_NPROC, (limits.processes, limits.processes))
    if limits.memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
