# SPDX-License-Identifier: MIT
"""The commands ./invoke labs.*: list, start, grade, pack, tryout, selftest."""

from __future__ import annotations

import functools
import json
import secrets
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import ParamSpec

from rich.markup import escape
from rich.table import Table

from ground.errors import ArtifactError, ExitCode
from ground.terminal import console
from labs.catalogue import find_entry, list_entries, load
from labs.drawing import draw_all
from labs.grader.chance import PUBLISHED_SECRET
from labs.grader.command import run
from labs.grader.errors import GraderError
from labs.handout import write_handout
from labs.pack import pack
from labs.selftest import Found, Row, list_parts, summarise, try_all
from labs.stored import refresh
from labs.tryout import try_pack

P = ParamSpec("P")


def in_our_words(command: Callable[P, ExitCode]) -> Callable[P, ExitCode]:
    """The grader core knows nothing of this project's errors; here they become such."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> ExitCode:
        try:
            return command(*args, **kwargs)
        except GraderError as error:
            raise ArtifactError(
                error.message, hint=error.hint, code=ExitCode(error.code)
            ) from error

    return wrapped


@in_our_words
def run_list() -> ExitCode:
    """All labs with what grading them takes."""
    table = Table("", "name", "title", "weeks", "tests", "grading, min", "memory, MB", "course")
    for entry in list_entries():
        tests = str(len(load(entry).cases))
        numbers = (f"{entry.weeks:g}", tests, f"{entry.minutes:g}", str(entry.memory_mb))
        table.add_row(str(entry.number), entry.name, entry.title, *numbers, entry.course)
    console.print(table)
    return ExitCode.HOLDS


@in_our_words
def run_start(name: str, folder: Path, *, seed: int, secret: str) -> ExitCode:
    """Copy a hand-out."""
    entry = find_entry(name)
    write_handout(entry, folder, seed=seed, secret=secret or PUBLISHED_SECRET)
    console.print(f"{entry.title}: read {folder / 'README.md'}, then run {folder / 'check'}")
    return ExitCode.HOLDS


@in_our_words
def run_grade(
    name: str, folder: Path, *, form: str, secret: str, seed: int, only: str, results: str
) -> ExitCode:
    """Grade a folder with all tests."""
    lab = load(find_entry(name))
    target = Path(results) if results else None
    report = run(lab, folder, form, target, secret=secret or PUBLISHED_SECRET, seed=seed, only=only)
    return ExitCode.HOLDS if report.earned == report.possible else ExitCode.DOES_NOT_HOLD


@in_our_words
def run_pack(name: str, *, platform: str, out: str, secret: str, roster: str) -> ExitCode:
    """Write a platform's zip; without a secret, one is made and told."""
    entry = find_entry(name)
    target = Path(out or f"{entry.name}-{platform}.zip")
    chosen = secret or secrets.token_hex(16)
    pack(entry, platform, target, secret=chosen, roster=Path(roster) if roster else None)
    console.print(f"{target}: upload it to {platform}")
    if not secret:
        console.print(f"its secret is {chosen}: keep it, to grade the same way again (--secret)")
    return ExitCode.HOLDS


@in_our_words
def run_tryout(name: str, folder: Path, *, secret: str) -> ExitCode:
    """Grade in a fresh Debian root, by Gradescope's rules."""
    score = try_pack(find_entry(name), folder, secret=secret or PUBLISHED_SECRET)
    console.print(f"results.json is valid, and has the same bytes as graded here; score {score:g}")
    return ExitCode.HOLDS


@in_our_words
def run_data(runs: Path, course: Path | None) -> ExitCode:
    """Make the labs' tables and figures from stored runs."""
    changed = refresh(runs, course)
    draw_all()
    for path in changed:
        console.print(f"{path} is another one now: grade the graders again (labs.selftest)")
    if not changed:
        console.print("the labs have these runs already")
    return ExitCode.HOLDS


@in_our_words
def run_selftest(only: str, *, as_json: bool) -> ExitCode:
    """Grade the graders, and say of each lab what that found."""
    entries = [find_entry(only)] if only else list_entries()
    parts = [part for entry in entries for part in list_parts(entry)]
    found: list[Found] = []
    for one in try_all(parts):
        found.append(one)
        word = "[red]wrong[/]" if one.wrong else "as it should be"
        where = f"{one.part.entry.name}, {one.part.name}"
        console.print(f"[dim]{len(found):3} of {len(parts)}[/]  {where}: {word}")
    rows = [summarise(entry, found) for entry in entries]
    holds = not any(row.wrong for row in rows)
    if as_json:
        text = json.dumps({"holds": holds, "labs": [asdict(row) for row in rows]}, indent=1)
        sys.stdout.write(text + "\n")
    show_selftest(rows)
    return ExitCode.HOLDS if holds else ExitCode.DOES_NOT_HOLD


def show_selftest(rows: Sequence[Row]) -> None:
    """The table, and below it what is wrong."""
    table = Table("", "lab", "minutes", "tests", "mutants", "the grader")
    for row in rows:
        words = f"[red]{len(row.wrong)} wrong[/]" if row.wrong else "as it should be"
        numbers = (f"{row.minutes:.2f}", str(row.tests), str(row.mutants))
        table.add_row(str(row.number), row.lab, *numbers, words)
    console.print(table)
    console.print("minutes of processor time, to grade the solution with all tests")
    for fault in (fault for row in rows for fault in row.wrong):
        console.print(f"[red]wrong:[/] {escape(fault)}", soft_wrap=True)
