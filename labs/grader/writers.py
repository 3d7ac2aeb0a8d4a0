# SPDX-License-Identifier: MIT
"""The report in the forms that terminals and platforms take; each writer is one function."""

from __future__ import annotations

import json
from collections.abc import Callable
from xml.sax.saxutils import escape, quoteattr

from labs.grader.marks import Outcome, Report


def number(value: float) -> str:
    """A number of points without needless zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def write_terminal(report: Report) -> str:
    """Lines for a person."""
    lines = []
    for outcome in report.outcomes:
        word = "GOOD" if outcome.passed else "PART" if outcome.earned else "BAD "
        points = f"{number(outcome.earned)}/{outcome.points}"
        lines.append(f"{word} {points:>8}  {outcome.name}: {outcome.title}")
        if not outcome.passed:
            lines += [f"               {line}" for line in outcome.message.splitlines()]
    lines += [f"note: {note}" for note in report.notes]
    lines.append(f"{report.lab}: {number(report.earned)} of {report.possible} points")
    return "\n".join(lines) + "\n"


def write_json(report: Report) -> str:
    """Everything, for other programs."""
    return _dump(
        {
            "lab": report.lab,
            "score": report.earned,
            "max_score": report.possible,
            "complete": report.complete,
            "notes": list(report.notes),
            "tests": [
                {
                    "name": o.name,
                    "title": o.title,
                    "score": o.earned,
                    "max_score": o.points,
                    "message": o.message,
                    "hidden": o.hidden,
                }
                for o in report.outcomes
            ],
        }
    )


def write_gradescope(report: Report) -> str:
    """results.json of Gradescope; tests with hidden inputs show after the due date."""
    return _dump(
        {
            "score": report.earned,
            "output": "" if report.complete else "Grading stopped before its end.",
            "output_format": "text",
            "stdout_visibility": "hidden",
            "tests": [_gradescope_test(n, o) for n, o in enumerate(report.outcomes, 1)],
            "extra_data": {"lab": report.lab, "max_score": report.possible},
        }
    )


def _gradescope_test(position: int, outcome: Outcome) -> dict[str, object]:
    return {
        "number": str(position),
        "name": f"{outcome.name}: {outcome.title}",
        "name_format": "text",
        "score": outcome.earned,
        "max_score": outcome.points,
        "status": "passed" if outcome.passed else "failed",
        "output": outcome.message,
        "output_format": "text",
        "visibility": "after_due_date" if outcome.hidden else "visible",
    }


def write_autolab(report: Report) -> str:
    """Lines for a person; the last is the JSON that Autolab reads, problem by problem."""
    scores = {o.name: o.earned for o in report.outcomes}
    return write_terminal(report) + json.dumps({"scores": scores}, sort_keys=True) + "\n"


def write_junit(report: Report) -> str:
    """JUnit's XML; part of the points counts as failed, and the points are properties."""
    failed = sum(not o.passed for o in report.outcomes)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuite name={quoteattr(report.lab)} "
        f'tests="{len(report.outcomes)}" failures="{failed}" errors="0">',
        "  <properties>",
        f'    <property name="score" value="{number(report.earned)}"/>',
        f'    <property name="max_score" value="{report.possible}"/>',
        "  </properties>",
    ]
    for o in report.outcomes:
        lines.append(f"  <testcase classname={quoteattr(report.lab)} name={quoteattr(o.name)}>")
        lines.append(f"    <system-out>{number(o.earned)} of {o.points}</system-out>")
        if not o.passed:
            text = _printable(o.message)
            head = quoteattr(text.partition("\n")[0])
            lines.append(f"    <failure message={head}>{escape(text)}</failure>")
        lines.append("  </testcase>")
    return "\n".join([*lines, "</testsuite>"]) + "\n"


def _printable(text: str) -> str:
    return "".join(c if c >= " " or c in "\n\t" else "?" for c in text)


def _dump(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"


WRITERS: dict[str, Callable[[Report], str]] = {
    "terminal": write_terminal,
    "json": write_json,
    "gradescope": write_gradescope,
    "autolab": write_autolab,
    "junit": write_junit,
}
