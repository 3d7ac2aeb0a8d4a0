# SPDX-License-Identifier: MIT
"""The tests that a hand-out contains: the form, and the report for practice."""

from __future__ import annotations

from pathlib import Path

from labs.evaluation.judging import PRACTICE, REPORTS, check_form, find_report, make_cases
from labs.evaluation.reports import RUNS, format_csv, format_report
from labs.grader.marks import Case

CASES = [
    Case("form", 4, "answers.toml can be read", check_form),
    *make_cases(PRACTICE, 5, 3, hidden=False),
]


def prepare(folder: Path, seed: int, secret: str) -> None:
    """The reports and their data; they depend on the course's secret and the student's seed."""
    (folder / "reports").mkdir()
    for name in (PRACTICE, *REPORTS):
        report = find_report(name, secret, seed)
        (folder / "reports" / f"{name}.md").write_text(format_report(report))
        (folder / "reports" / f"{name}.csv").write_text(format_csv(report))
    (folder / ".grader/labs/evaluation/runs.csv").write_bytes(RUNS.read_bytes())
