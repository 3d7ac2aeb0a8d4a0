# SPDX-License-Identifier: MIT
"""The load generators' own reports become typed results; nothing is guessed.

A report that lacks a line or was cut off is an error, never a zero.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ground.errors import ArtifactError
from testbed.records import LoadReport


class ReportError(ArtifactError):
    """A load generator's report is incomplete or not in its known form."""


def add_reports(reports: Sequence[LoadReport]) -> LoadReport:
    """The sum over the processes of a fleet; all of the same tool."""
    if not reports:
        raise ReportError("no load generator reported", hint="read the client's console")
    if len({report.tool for report in reports}) != 1:
        raise ReportError("reports of different load generators")
    return LoadReport(
        tool=reports[0].tool,
        processes=sum(r.processes for r in reports),
        completed=sum(r.completed for r in reports),
        wrong=sum(r.wrong for r in reports),
        errors=sum(r.errors for r in reports),
        timeouts=sum(r.timeouts for r in reports),
        body_bytes=sum(r.body_bytes for r in reports),
        requests_per_s=sum(r.requests_per_s for r in reports),
        throughput_bit_s=sum(r.throughput_bit_s for r in reports),
        transactions_per_s=sum(r.transactions_per_s for r in reports),
    )


def _find(text: str, pattern: str, tool: str, what: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        tail = " / ".join(text.strip().splitlines()[-3:])
        raise ReportError(
            f"{tool}: the report has no line {what!r}; it ends with: {tail or 'nothing'}",
            hint="the load generator gave up: read the client's console",
        )
    return str(match[1])


def find_integer(text: str, pattern: str, tool: str, what: str) -> int:
    """The number in the first group of ``pattern``; ``tool`` and ``what`` are for the error."""
    return int(_find(text, pattern, tool, what))


def find_number(text: str, pattern: str, tool: str, what: str) -> float:
    """As `find_integer`, of a number that need not be whole."""
    return float(_find(text, pattern, tool, what))
