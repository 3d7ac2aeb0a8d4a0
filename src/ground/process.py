# SPDX-License-Identifier: MIT
"""The one door through which this project starts other programs."""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ground.errors import ArtifactError
from ground.reaper import REAPER

Argv = Sequence[str | Path]

PR_SET_PDEATHSIG = 1
ORDERLY_S = 2.0  # for what a killed program leaves behind to end by itself
_libc = ctypes.CDLL(None, use_errno=True)


class ProcessError(ArtifactError):
    """A program was not found, ended with an error, was killed, or took too long."""


def find_own_program(name: str) -> Path:
    """One of this project's commands, beside the interpreter that runs."""
    return Path(sys.executable).with_name(name)


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment given to children: nothing of the user's locale or tool settings.

    Package clients keep the host's own configuration (proxies, certificates, pip settings).
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "HOME", "USER", "TERM", "TMPDIR", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"}
        or name.lower().endswith("_proxy")
        or name.startswith(("PIP_", "SSL_CERT", "ARTIFACT_"))
    }
    return kept | {"LC_ALL": "C.UTF-8", "TZ": "UTC"} | dict(extra or {})


def format_command(argv: Argv) -> str:
    """The command as one line, ready to paste into a shell."""
    return shlex.join(str(a) for a in argv)


def run(
    argv: Argv,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    timeout_s: float | None = None,
    check: bool = True,
    stdin: bytes = b"",
) -> subprocess.CompletedProcess[str]:
    """Run ``argv`` to its end and return its exit status and output.

    With ``log`` both output streams are appended to that file (the result's stdout is then
    empty) and an error names it.  Raises ProcessError when the program is not found, exceeds
    ``timeout_s`` host seconds, or (with ``check``) ends other than with 0.
    """
    command = [str(a) for a in argv]
    with start(command, cwd=cwd, env=env, log=log, pipe_input=bool(stdin)) as process:
        try:
            out, err = process.communicate(stdin or None, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise ProcessError(
                f"`{format_command(command)}` took more than {timeout_s:.0f} s and was stopped",
                hint=_log_hint(log),
            ) from None
    result = subprocess.CompletedProcess(
        command,
        process.returncode,
        (out or b"").decode(errors="replace"),
        (err or b"").decode(errors="replace"),
    )
    if check and result.returncode != 0:
        raise ProcessError(describe_failure(command, result), hint=_log_hint(log))
    return result


@contextmanager
def start(
    argv: Argv,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    log: Path | None = None,
    pipe_input: bool = False,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start ``argv`` in a process group of its own, which dies with this block and with us, even
    if we are killed.

    stdin is closed; stdout and stderr are pipes, or appended to ``log``.
    """
    command = [str(a) for a in argv]
    path = shutil.which(command[0], path=clean_environment(env)["PATH"])
    if path is None:
        raise ProcessError(
            f"program not found: {command[0]}", hint="./invoke --list installs what is needed"
        )
    parent = os.getpid()

    stream = log.open("ab") if log else None
    try:
        process = subprocess.Popen(
            command,
            executable=path,
            cwd=cwd,
            env=clean_environment(env),
            stdin=subprocess.PIPE if pipe_input else subprocess.DEVNULL,
            stdout=stream or subprocess.PIPE,
            stderr=stream or subprocess.PIPE,
            start_new_session=True,
            preexec_fn=lambda: die_with(parent),  # noqa: PLW1509 - two system calls, no locks
        )
    finally:
        if stream:
            stream.close()
    REAPER.watch(process.pid)
    try:
        yield process
    finally:
        kill_group(process)
        REAPER.forget(process.pid)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()


def die_with(parent: int) -> None:
    """Have the kernel kill this process when ``parent``, which has just forked it, dies."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the call above
        os._exit(127)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the process group that ``start`` made, if anything of it is left, and reap it.

    Its leader goes first: what ends by itself without the leader may do so in order.  (The resource
    tracker of multiprocessing removes the semaphores of a killed program from /dev/shm.)
    """
    process.kill()
    process.wait()
    end = time.monotonic() + ORDERLY_S
    with suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < end:
            os.killpg(process.pid, 0)
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)


def run_in_foreground(
    argv: Argv, *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> int:
    """Run ``argv`` on the user's terminal, in our environment or ``env``; its exit status.

    It is in our process group, so that Ctrl-C reaches it, and dies with us.
    """
    parent = os.getpid()
    command = [str(a) for a in argv]
    return subprocess.run(
        command,
        cwd=cwd,
        env=env,
        check=False,
        preexec_fn=lambda: die_with(parent),
    ).returncode


def describe_failure(argv: Argv, result: subprocess.CompletedProcess[str]) -> str:
    """One line (and the end of stderr) that says how a program ended."""
    if result.returncode < 0:
        how = f"was killed by {signal.Signals(-result.returncode).name}"
    else:
        how = f"ended with exit status {result.returncode}"
    tail = "\n".join((result.stderr or result.stdout).strip().splitlines()[-15:])
    return f"`{format_command(argv)}` {how}" + (f"\n{tail}" if tail else "")


def _log_hint(log: Path | None) -> str:
    return f"read {log}" if log else ""
