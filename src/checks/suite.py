# SPDX-License-Identifier: MIT
"""The project's own checks: style, types, import rules, licences, tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from forge.pipeline import build
from ground import process
from ground.errors import ExitCode, UsageError
from ground.paths import PROJECT
from ground.terminal import complete_step, console
from testbed.guest.servers import find_servers

LINTERS: dict[str, tuple[str, ...]] = {
    "style": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
    "types": ("mypy",),
    "rooms": ("lint-imports",),
    "licences": ("reuse", "lint", "--lines"),
}
STOCK = "tux"  # among the variants
MUTANT = "-mutant-"  # in the name of a variant that is wrong on purpose
# Tests of what runs as a process are of stock's sources, whatever the variant.
IN_A_GUEST = "tux-vm or tux-debug"
FAST = "not real and not slow and not deep"  # tests, by pytest's marks
LONG = "(real or slow) and not deep"
SIDE_BY_SIDE = ("-n", "logical", "--dist", "loadfile")
NOTHING_SELECTED = 5  # pytest's exit status


def run_lint() -> ExitCode:
    """Run every linter, all of them even if one complains."""
    wrong = []
    for name, command in LINTERS.items():
        with complete_step(f"{name}: {process.format_command(command)}"):
            result = process.run([find_program(command[0]), *command[1:]], cwd=PROJECT, check=False)
        if result.returncode:
            wrong.append(name)
            console.print(result.stdout + result.stderr, markup=False, soft_wrap=True)
    if wrong:
        console.print(f"[red]failed:[/] {', '.join(wrong)}")
    return ExitCode.DOES_NOT_HOLD if wrong else ExitCode.HOLDS


def run_tests(*, fast: bool, select: str) -> ExitCode:
    """Linters, builds, then pytest, whose closing line comes last; with ``fast`` neither builds
    nor tests that need them or take more than a minute.  What is deep is left to run_deep().

    Files are tested side by side, one on each core: most machines keep one core busy.  The long
    half begins when nothing else runs, so that no machine starves beside hundreds of fast tests.
    """
    linted = run_lint()
    if not fast:
        build()
    statuses = {_run_pytest(FAST, select, *SIDE_BY_SIDE)}
    if not fast:
        statuses.add(_run_pytest(LONG, select, *SIDE_BY_SIDE))
    if len(statuses) > 1:  # the selection may lie in one half alone
        statuses.discard(NOTHING_SELECTED)
    return ExitCode.DOES_NOT_HOLD if any(statuses) or linted else ExitCode.HOLDS


def _run_pytest(
    marks: str, select: str, *arguments: str, env: Mapping[str, str] | None = None
) -> int:
    """The exit status of pytest, which talks to the user itself, so it keeps the terminal."""
    chosen = ["-k", select] if select else []
    command = [sys.executable, "-m", "pytest", "-q", "-m", marks, *chosen, *arguments]
    return process.run_in_foreground(command, cwd=PROJECT, env=env)


def run_deep(*, select: str, parameters: str, variant: str) -> ExitCode:
    """`./invoke tux.check`: TUX on a kernel with every checker, without memory, for long; loaded
    as ``variant`` of images/servers, with further ``parameters``.

    What `./invoke test` asks of stock in a guest, it does not ask of the others: this does.
    """
    check_variant(variant)
    marks, wanted = ("deep", select) if variant == STOCK else ("deep or real", IN_A_GUEST)
    if variant != STOCK and select:
        wanted = f"({select}) and ({wanted})"
    environment = {**os.environ, "TUX_VARIANT": variant, "TUX_PARAMETERS": parameters}
    failed = _run_pytest(marks, wanted, "tests/tux", env=environment)
    return ExitCode.DOES_NOT_HOLD if failed else ExitCode.HOLDS


def run_soak(*, variant: str, minutes: float, checked: bool, seed: int) -> ExitCode:
    """`./invoke tux.soak`: TUX as ``variant`` under a mixed load in a guest, round after round."""
    check_variant(variant)
    if minutes <= 0:
        raise UsageError(f"no {minutes:g} minutes", hint="give a number above 0")
    command = [sys.executable, "-m", "tests.tux.soak", "--variant", variant]
    command += ["--minutes", f"{minutes:g}", "--seed", str(seed)]
    command += ["--checked"] if checked else []
    failed = process.run_in_foreground(command, cwd=PROJECT)
    return ExitCode.DOES_NOT_HOLD if failed else ExitCode.HOLDS


def find_variants() -> list[str]:
    """The servers of images/servers that are TUX and are meant to be right."""
    return [name for name in find_servers() if name.split("-")[0] == STOCK and MUTANT not in name]


def check_variant(name: str) -> None:
    """UsageError if there is no variant ``name``."""
    if name not in (known := find_variants()):
        raise UsageError(f"no variant {name!r} of TUX", hint=f"choose one of {', '.join(known)}")


def find_program(name: str) -> Path:
    """A program of this project's Python environment."""
    return Path(sys.executable).parent / name
