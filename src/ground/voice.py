# SPDX-License-Identifier: MIT
"""What the user sees: steps, errors with a remedy, exit codes."""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import ParamSpec

from rich.console import Console
from rich.markup import escape

P = ParamSpec("P")

console = Console(stderr=True, highlight=False)


class ExitCode(IntEnum):
    """Exit codes of every command; documented in the README."""

    HOLDS = 0
    DOES_NOT_HOLD = 1
    USAGE = 2
    INCONCLUSIVE = 3
    INFRASTRUCTURE = 4  # also: interrupted, by Ctrl-C or SIGTERM


class ArtifactError(Exception):
    """An error that the user can act on: what is wrong, what to do, how the command ends.

    ``code`` is the exit code that the command ends with.
    """

    def __init__(self, message: str, *, hint: str = "", code: ExitCode = ExitCode.INFRASTRUCTURE):
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments do not survive the default pickling between worker processes.
        return (_rebuild_error, (type(self), self.message, self.hint, self.code))


def _rebuild_error(
    kind: type[ArtifactError], message: str, hint: str, code: ExitCode
) -> ArtifactError:
    return kind(message, hint=hint, code=code)


class UsageError(ArtifactError):
    """The user's input (a flag, a file) is wrong; exit code 2."""

    def __init__(self, message: str, *, hint: str = "", code: ExitCode = ExitCode.USAGE):
        super().__init__(message, hint=hint, code=code)


@contextmanager
def hear_termination() -> Iterator[None]:
    """SIGTERM within this block is Ctrl-C: blocks are left and children ended."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def show_error(error: ArtifactError) -> None:
    """Print one line that says what is wrong and one that says what to do."""
    console.print(f"[bold red]error:[/] {escape(error.message)}", soft_wrap=True)
    if error.hint:
        console.print(f"[bold]  try:[/] {escape(error.hint)}", soft_wrap=True)


def report_errors(command: Callable[P, ExitCode | None]) -> Callable[P, None]:
    """Wrap an entry point: errors are shown and end the process with their exit code, as does
    an exit code that it returns.  ARTIFACT_DEBUG=1 shows the traceback too.  SIGTERM is heard as
    Ctrl-C is."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with hear_termination():
                code = command(*args, **kwargs)
        except KeyboardInterrupt:
            show_error(ArtifactError("interrupted", hint="give the same command again to go on"))
            code = ExitCode.INFRASTRUCTURE
        except ArtifactError as error:
            if os.environ.get("ARTIFACT_DEBUG"):
                console.print_exception()
            show_error(error)
            code = error.code
        if code:
            raise SystemExit(int(code))

    return wrapped


@contextmanager
def complete_step(what: str) -> Iterator[None]:
    """Announce a step and, when it is done, the host seconds that it took."""
    console.print(f"[cyan]>[/] {what}")
    start = time.monotonic()
    yield
    console.print(f"[green]<[/] {what} [dim]({time.monotonic() - start:.1f} s)[/]")
