# SPDX-License-Identifier: MIT
"""The grader's own command line: a hand-out's check, and what platforms call."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from labs.grader.chance import PUBLISHED_SECRET
from labs.grader.errors import USAGE, GraderError
from labs.grader.grading import Lab, grade
from labs.grader.marks import Report
from labs.grader.writers import WRITERS


def main(
    lab: Lab,
    argv: Sequence[str] | None = None,
    *,
    secret: str = PUBLISHED_SECRET,
    seed: int = 0,
) -> int:
    """Grade a folder.  0: all points, 1: not all, 2: usage, 4: the grader could not go on."""
    parser = argparse.ArgumentParser(description=f"Check a submission for: {lab.title}")
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="default: here")
    parser.add_argument("--format", choices=sorted(WRITERS), default="terminal")
    parser.add_argument("--only", default="", metavar="NAME", help="tests whose name begins so")
    parser.add_argument("--seed", type=int, default=seed, help="the student's own")
    parser.add_argument("--results", type=Path, help="write there, after each test, not to stdout")
    given = parser.parse_args(argv)
    try:
        report = run(lab, given.folder, given.format, given.results,
                     secret=secret, seed=given.seed, only=given.only)  # fmt: skip
    except GraderError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.hint:
            print(f"  try: {error.hint}", file=sys.stderr)
        return error.code
    return int(report.earned < report.possible)


def run(
    lab: Lab,
    folder: Path,
    form: str,
    results: Path | None = None,
    *,
    secret: str = PUBLISHED_SECRET,
    seed: int = 0,
    only: str = "",
) -> Report:
    """Grade and write the report to stdout, or to ``results`` as it grows."""
    if form not in WRITERS:
        raise GraderError(
            f"no format {form!r}", hint=f"choose one of {', '.join(WRITERS)}", code=USAGE
        )
    write = WRITERS[form]

    def keep(report: Report) -> None:
        if results:
            partial = results.with_name(f".{results.name}")
            partial.write_text(write(report))
            partial.replace(results)

    report = grade(lab, folder, secret=secret, seed=seed, only=only, tell=keep)
    if not report.outcomes:
        raise GraderError(
            f"no test begins with {only!r}",
            hint=f"tests are {', '.join(case.name for case in lab.cases)}",
            code=USAGE,
        )
    if not results:
        sys.stdout.write(write(report))
    return report
