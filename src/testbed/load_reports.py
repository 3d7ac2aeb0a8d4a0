# SPDX-License-Identifier: MIT
"""The load generators' own reports, parsed into typed results; nothing is guessed.

A report that lacks a line or was cut off is an error, never a zero.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ground.voice import ArtifactError
from testbed.measurement import LoadReport


class ReportError(ArtifactError):
    """A load generator's report is incomplete or not in its known form."""


def parse_ab(text: str) -> LoadReport:
    """One ApacheBench process' report.

    ``wrong`` counts responses of another length or status; ``errors`` failed connects, failed
    receives and exceptions.
    """
    completed = _integer(text, r"^Complete requests:\s+(\d+)$", "ab", "Complete requests")
    failed = _integer(text, r"^Failed requests:\s+(\d+)$", "ab", "Failed requests")
    length = errors = 0
    if failed:
        causes = re.search(
            r"\(Connect: (\d+), Receive: (\d+), Length: (\d+), Exceptions: (\d+)\)", text
        )
        if causes is None:
            raise ReportError("ab: failed requests without their causes")
        connect, receive, length, exceptions = (int(group) for group in causes.groups())
        errors = connect + receive + exceptions
    other_status = re.search(r"^Non-2xx responses:\s+(\d+)$", text, re.MULTILINE)
    return LoadReport(
        tool="ab",
        processes=1,
        completed=completed,
        wrong=length + (int(other_status[1]) if other_status else 0),
        errors=errors,
        body_bytes=_integer(text, r"^HTML transferred:\s+(\d+) bytes$", "ab", "HTML transferred"),
        requests_per_s=_number(
            text, r"^Requests per second:\s+([\d.]+) \[#/sec\]", "ab", "Requests per second"
        ),
    )


def parse_httperf(text: str) -> LoadReport:
    """One httperf process' report: ``errors`` are its own total, timeouts included."""
    status = re.search(
        r"^Reply status: 1xx=(\d+) 2xx=(\d+) 3xx=(\d+) 4xx=(\d+) 5xx=(\d+)$", text, re.MULTILINE
    )
    total = re.search(
        r"^Total: connections (\d+) requests (\d+) replies (\d+) test-duration ([\d.]+) s$",
        text,
        re.MULTILINE,
    )
    size = re.search(r"^Reply size \[B\]: .*content ([\d.]+) ", text, re.MULTILINE)
    if status is None or total is None or size is None:
        raise ReportError("httperf: the report lacks its totals; did it end by itself?")
    replies, seconds = int(total[3]), float(total[4])
    return LoadReport(
        tool="httperf",
        processes=1,
        completed=replies,
        wrong=replies - int(status[2]),
        errors=_integer(text, r"^Errors: total (\d+) ", "httperf", "Errors"),
        timeouts=_integer(text, r"^Errors: .* client-timo (\d+) ", "httperf", "client-timo"),
        body_bytes=round(float(size[1]) * replies),
        requests_per_s=replies / seconds if seconds else 0.0,
    )


def parse_netperf(text: str, test: str) -> LoadReport:
    """One netperf process' keyword output (`-k THROUGHPUT,THROUGHPUT_UNITS,ELAPSED_TIME`).

    Throughput is in 10^6 bits/s for the bulk tests and in transactions/s for the others.
    """
    values = dict(re.findall(r"^([A-Z_]+)=(.+)$", text, re.MULTILINE))
    try:
        units, amount = values["THROUGHPUT_UNITS"], float(values["THROUGHPUT"])
        seconds = float(values["ELAPSED_TIME"])
    except (KeyError, ValueError) as error:
        raise ReportError(f"netperf: the report lacks {error}") from None
    bulk = test in {"TCP_STREAM", "TCP_MAERTS"}
    if units != ("10^6bits/s" if bulk else "Trans/s"):
        raise ReportError(f"netperf {test}: unexpected unit {units!r}")
    transactions = 0.0 if bulk else amount
    return LoadReport(
        tool="netperf",
        processes=1,
        completed=round(transactions * seconds),
        wrong=0,
        errors=0,
        body_bytes=round(amount * 1e6 / 8 * seconds) if bulk else 0,
        requests_per_s=transactions,
        throughput_bit_s=amount * 1e6 if bulk else 0.0,
        transactions_per_s=transactions,
    )


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


def _integer(text: str, pattern: str, tool: str, what: str) -> int:
    return int(_find(text, pattern, tool, what))


def _number(text: str, pattern: str, tool: str, what: str) -> float:
    return float(_find(text, pattern, tool, what))
