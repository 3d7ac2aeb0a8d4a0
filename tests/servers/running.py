# SPDX-License-Identifier: MIT
"""Building and running the servers of this folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ground import process
from ground.paths import PROJECT

EXAMPLES = PROJECT / "examples"
NAMES = ("cascade", "switchboard")
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


def build_server(source: Path, name: str, out: Path, *options: str) -> Path:
    """Compile the server in ``source`` with its own Makefile and return the program."""
    process.run(["make", "-s", "-C", source, f"OUT={out}", *options], timeout_s=300)
    return out / name


@dataclass(frozen=True)
class Server:
    """A running server on a port of the loopback interface."""

    name: str
    port: int
    pid: int
    root: Path

    def stop(self) -> None:
        """Ask it to end; ``run_server`` waits for it."""
        os.kill(self.pid, signal.SIGTERM)

    def count_descriptors(self) -> int:
        """How many files and sockets it has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


@contextmanager
def run_server(
    program: Path, root: Path, options: Sequence[str] = (), env: dict[str, str] | None = None
) -> Iterator[Server]:
    """Run ``program`` for ``root`` on a free port; it must then stop when asked, without a
    word on stderr, which is where the sanitizers report."""
    argv: list[str | Path] = [program, "-p", "0", *options, root]
    with process.start(argv, env=SANITIZERS | (env or {})) as child:
        assert child.stdout
        line = child.stdout.readline().decode()
        found = re.fullmatch(r"port (\d+)\n", line)
        if not found:
            child.terminate()
            raise AssertionError(f"{program}: {line}{_read_errors(child)}")
        yield Server(program.name, int(found[1]), child.pid, root)
        if child.poll() is None:
            child.terminate()
        _, errors = child.communicate(timeout=60)
        assert errors.decode() == ""
        assert child.returncode == 0


def _read_errors(child: subprocess.Popen[bytes]) -> str:
    _, errors = child.communicate(timeout=60)
    return errors.decode()
