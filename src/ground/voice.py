# SPDX-License-Identifier: MIT
"""What the user sees: steps, errors with a remedy, exit codes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from rich.console import Console

console = Console(stderr=True, highlight=False)


class ExitCode(IntEnum):
    """Exit codes of every command; documented in the README."""

    HOLDS = 0
    DOES_NOT_HOLD = 1
    USAGE = 2
    INCONCLUSIVE = 3
    INFRASTRUCTURE = 4


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


def show_error(error: ArtifactError) -> None:
    """Print one line that says what is wrong and one that says what to do."""
    console.print(f"[bold red]error:[/] {error.message}", markup=True, soft_wrap=True)
    if error.hint:
        console.print(f"[bold]  try:[/] {error.hint}", markup=True, soft_wrap=True)


@contextmanager
def complete_step(what: str) -> Iterator[None]:
    """Announce a step and, when it is done, the host seconds that it took."""
    console.print(f"[cyan]>[/] {what}")
    start = time.monotonic()
    yield
    console.print(f"[green]<[/] {what} [dim]({time.monotonic() - start:.1f} s)[/]")
