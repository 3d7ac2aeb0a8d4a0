# SPDX-License-Identifier: MIT
"""Reports with planted flaws, and their data, made from runs of the project's testbed.

``runs.csv`` has real runs (five seeds, nine levels, three servers).  What a flaw needs beyond them
(repeats, invalid runs, runs of another machine) is made from these for the exercise.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean, stdev

from labs.grader.chance import Chance

FLAWS = {
    "repeats": "runs that are not samples of their own are counted as such",
    "unpaired": "runs that belong together in pairs are treated as independent",
    "invalid": "runs that the testbed calls invalid are used",
    "subset": "only levels that suit the claim are shown",
    "one-metric": "another metric of the same runs got worse, and is not mentioned",
    "relative": "no absolute numbers are given",
    "no-interval": "nothing says how sure the numbers are",
    "unequal": "the two servers were not measured on the same machine",
}
RUNS = Path(__file__).with_name("runs.csv")
BASELINE = "tux"
CANDIDATES = ("tux-stingy", "tux-stingy-net")
MACHINE, OTHER_MACHINE = "banias-1400", "tualatin-1400"
SEEDS = range(1, 6)
EXTRA_SEEDS = (6, 7)  # of these one server's run is invalid
REPEATS = 3
T_975 = {4: 2.776445}  # Student's t, by degrees of freedom


@dataclass(frozen=True)
class Row:
    """A run as the CSV has it."""

    server: str
    connections: int
    seed: int
    machine: str
    valid: bool
    throughput: float
    p99: float


@dataclass(frozen=True)
class Truth:
    """What a reader should find."""

    flaws: frozenset[str]
    ratio: float
    low: float
    high: float


@dataclass
class Report:
    """One report: its data, its text, and the truth about it."""

    name: str
    new: str
    level: int
    flaws: frozenset[str]
    rows: list[Row] = field(default_factory=list)

    def truth(self) -> Truth:
        """The geometric mean of paired ratios and Student's interval on their logarithms."""
        logs = []
        for seed in sorted({row.seed for row in self.rows}):
            pair = [self._find(server, seed) for server in (self.new, BASELINE)]
            if pair[0] and pair[1]:
                logs.append(math.log(pair[0].throughput / pair[1].throughput))
        middle = fmean(logs)
        half = T_975[len(logs) - 1] * stdev(logs) / math.sqrt(len(logs))
        return Truth(self.flaws, *(math.exp(x) for x in (middle, middle - half, middle + half)))

    def _find(self, server: str, seed: int) -> Row | None:
        """The valid run of a server and seed at the level, on the common machine."""
        wanted = (server, seed, self.level, MACHINE, True)
        for row in self.rows:
            if (row.server, row.seed, row.connections, row.machine, row.valid) == wanted:
                return row
        return None


def read_runs() -> list[Row]:
    """The real runs."""
    with RUNS.open() as stream:
        return [
            Row(
                r["server"], int(r["connections"]), int(r["seed"]), MACHINE, True,
                float(r["requests_per_s"]), float(r["p99_us"]),
            )
            for r in csv.DictReader(stream)
        ]  # fmt: skip


def mean(rows: list[Row], server: str, level: int, metric: str = "throughput") -> float:
    """The mean over rows of a server at a level."""
    return fmean(
        getattr(row, metric) for row in rows if (row.server, row.connections) == (server, level)
    )


def make_report(chance: Chance, name: str) -> Report:
    """A report with two to four flaws that its data allow."""
    runs = read_runs()
    new = chance.pick(CANDIDATES)
    rows = [row for row in runs if row.server in {new, BASELINE}]
    levels = sorted({row.connections for row in rows})
    level = chance.pick([number for number in levels if number >= 16])
    possible = ["repeats", "unpaired", "invalid", "relative", "no-interval", "unequal"]
    if mean(rows, new, level, "p99") > 1.02 * mean(rows, BASELINE, level, "p99"):
        possible.append("one-metric")
    if any(mean(rows, new, n) < 1.001 * mean(rows, BASELINE, n) for n in levels if n != level):
        possible.append("subset")
    chosen = set(chance.sample(possible, chance.between(2, 4)))
    if {"unpaired", "no-interval"} <= chosen:
        chosen.remove(chance.pick(("unpaired", "no-interval")))
    report = Report(name, new, level, frozenset(chosen), rows)
    _plant(chance, report)
    return report


def _plant(chance: Chance, report: Report) -> None:
    """Add the rows that the flaws need.  Where there is no flaw, there are decoys at times."""
    if "invalid" in report.flaws or chance.chance(1, 2):
        for seed in EXTRA_SEEDS:
            for server in (report.new, BASELINE):
                like = next(
                    row for row in report.rows
                    if (row.server, row.seed, row.connections)
                    == (server, seed - len(EXTRA_SEEDS), report.level)
                )  # fmt: skip
                broken = server == BASELINE
                factor = chance.between(600, 750) / 1000 if broken else 1.0
                report.rows.append(
                    Row(server, report.level, seed, MACHINE, not broken,
                        round(like.throughput * factor, 1), round(like.p99 / factor, 1))
                )  # fmt: skip
    if "unequal" in report.flaws:
        factor = chance.between(880, 940) / 1000
        report.rows += [
            replace(
                row,
                machine=OTHER_MACHINE,
                throughput=round(row.throughput * factor, 1),
                p99=round(row.p99 / factor, 1),
            )
            for row in report.rows
            if row.server == BASELINE
        ]
    if "repeats" in report.flaws:
        report.rows = [row for row in report.rows for _ in range(REPEATS)]


def format_csv(report: Report) -> str:
    """The data of a report."""
    lines = ["run,server,connections,seed,machine,valid,reason,requests_per_s,p99_us"]
    for number, row in enumerate(report.rows, 1):
        valid = "yes," if row.valid else "no,client saturated"
        lines.append(
            f"{number},{row.server},{row.connections},{row.seed},{row.machine},{valid},"
            f"{row.throughput:.1f},{row.p99:.1f}"
        )
    return "\n".join(lines) + "\n"


def select_rows(report: Report) -> list[Row]:
    """The rows that the report's author used."""
    machine = OTHER_MACHINE if "unequal" in report.flaws else MACHINE
    return [
        row
        for row in report.rows
        if row.machine == (machine if row.server == BASELINE else MACHINE)
        and (row.valid or "invalid" in report.flaws)
        and (row.seed in SEEDS or "invalid" in report.flaws)
    ]


def format_report(report: Report) -> str:
    """The text of a report."""
    rows = select_rows(report)
    count = len([r for r in rows if (r.server, r.connections) == (report.new, report.level)])
    ratio = mean(rows, report.new, report.level) / mean(rows, BASELINE, report.level)
    parts = [
        f"# Report {report.name}: {report.new} beside {BASELINE}",
        f"We compare the server {report.new} with the baseline {BASELINE}. The load generator asks "
        "for files of 1 KiB; the level is the number of connections.",
        "## Method",
        _describe_machines(report),
        _describe_runs(report, count),
        _describe_statistics(report),
        "## Results",
        _format_table(report, rows),
        *_describe_latency(report, rows),
        f"At {report.level} connections {report.new} has {ratio:.3f} times the throughput of "
        f"{BASELINE}{_format_interval(report, rows)}.",
    ]
    return "\n\n".join(parts) + "\n"


def _describe_machines(report: Report) -> str:
    if "unequal" in report.flaws:
        return (
            f"{report.new} was measured on {MACHINE}. For {BASELINE} we take the runs on "
            f"{OTHER_MACHINE} that we had."
        )
    return f"All runs are on {MACHINE}."


def _describe_runs(report: Report, count: int) -> str:
    kept = "We use all runs." if "invalid" in report.flaws else "Invalid runs were left out."
    return f"{kept} At the level of the claim each server has n = {count} runs."


def _describe_statistics(report: Report) -> str:
    if "no-interval" in report.flaws:
        return "The table shows means over all runs."
    if "unpaired" in report.flaws:
        return (
            "The runs of the two servers are two independent samples; the interval is Welch's for "
            "the difference of their means, divided by the baseline's mean."
        )
    return (
        "A seed decides page placement and ports for both servers, so ratios are formed seed by "
        "seed; the interval is Student's over their logarithms."
    )


def _format_table(report: Report, rows: list[Row]) -> str:
    levels = sorted({row.connections for row in rows})
    ratios = {n: mean(rows, report.new, n) / mean(rows, BASELINE, n) for n in levels}
    intro = "All levels that were measured:"
    if "subset" in report.flaws:
        best = sorted(levels, key=lambda n: -ratios[n])[:3]
        levels = sorted({*best, report.level})
        intro = "Representative levels:"
    if "relative" in report.flaws:
        lines = ["| connections | gain |", "|---|---|"]
        lines += [f"| {n} | {100 * (ratios[n] - 1):+.1f} % |" for n in levels]
    else:
        lines = [f"| connections | {BASELINE}, requests/s | {report.new}, requests/s |",
                 "|---|---|---|"]  # fmt: skip
        lines += [
            f"| {n} | {mean(rows, BASELINE, n):,.0f} | {mean(rows, report.new, n):,.0f} |"
            for n in levels
        ]
    return intro + "\n\n" + "\n".join(lines)


def _describe_latency(report: Report, rows: list[Row]) -> list[str]:
    if "one-metric" in report.flaws:
        return []
    ratio = mean(rows, report.new, report.level, "p99") / mean(rows, BASELINE, report.level, "p99")
    return [f"The 99th percentile of latency changes by a factor of {ratio:.3f} there."]


def _format_interval(report: Report, rows: list[Row]) -> str:
    if "no-interval" in report.flaws:
        return ""
    values = {
        server: [r.throughput for r in rows if (r.server, r.connections) == (server, report.level)]
        for server in (report.new, BASELINE)
    }
    ratio = fmean(values[report.new]) / fmean(values[BASELINE])
    if "unpaired" in report.flaws:
        spread = math.hypot(*(stdev(v) / math.sqrt(len(v)) for v in values.values()))
        half = 2 * spread / fmean(values[BASELINE])
        return f" (95 % interval {ratio - half:.3f} to {ratio + half:.3f})"
    logs = [
        math.log(one / other)
        for one, other in zip(values[report.new], values[BASELINE], strict=True)
    ]
    half = 2 * stdev(logs) / math.sqrt(len(logs))
    middle = fmean(logs)
    return f" (95 % interval {math.exp(middle - half):.3f} to {math.exp(middle + half):.3f})"
