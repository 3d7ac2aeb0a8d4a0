# SPDX-License-Identifier: MIT
"""What the user sees on the terminal: steps, errors, how a command ends."""

from __future__ import annotations

import functools
import inspect
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import ParamSpec

from rich.console import Console
from rich.markup import escape

from ground.errors import ArtifactError, ExitCode, UsageError

P = ParamSpec("P")

console = Console(stderr=True, highlight=False)


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


def refuse_flags(given: Mapping[str, object], signature: inspect.Signature) -> None:
    """Raise UsageError if a required argument begins with a dash: invoke takes whatever follows a
    task that wants a name for that name, a misspelt flag too, and a file would be called so."""
    for name, value in given.items():
        required = signature.parameters[name].default is inspect.Parameter.empty
        if required and isinstance(value, str) and value.startswith("-"):
            raise UsageError(
                f"{value} is no {name}, since it begins with a dash",
                hint=f"./invoke TASK --help for the flags, or ./{value} for a file of that name",
            )


def report_errors(command: Callable[P, ExitCode | None]) -> Callable[P, None]:
    """Wrap an entry point: errors are shown and end the process with their exit code, as does
    an exit code that it returns.  A flag in the place of a name is an error.  ARTIFACT_DEBUG=1
    shows the traceback too.  SIGTERM is heard as Ctrl-C is."""
    signature = inspect.signature(command)

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            refuse_flags(signature.bind(*args, **kwargs).arguments, signature)
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
