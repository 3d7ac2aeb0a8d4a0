# SPDX-License-Identifier: MIT
"""The labs' data from stored runs: peak.csv of lab 7 and runs.csv of lab 6, and their figures.

Both come from the runs of one tier as ``results/reference/TIER/runs.csv`` has them; the course of a
spike in lab 7 from a measurement of its own.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from ground.errors import UsageError
from ground.files import write_atomically
from labs.catalogue import HERE

Row = dict[str, str]
BEYOND_THE_PEAK = ("overload", "peak")  # designs with offered rates; the first that has runs
BY_LEVEL = "figure7"
SERVERS = ("tux", "tux-stingy", "tux-stingy-net")
SEEDS = range(1, 6)  # that a level must have for all servers


def read_runs(path: Path) -> list[Row]:
    """The measured runs of a tier; UsageError if ``path`` is not such a table."""
    try:
        with path.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", hint="give results/reference/TIER/runs.csv"
        ) from None
    if not rows or not {"design", "server", "variant", "level", "outcome"} <= rows[0].keys():
        raise UsageError(
            f"{path} is not a table of runs", hint="give results/reference/TIER/runs.csv"
        )
    return [row for row in rows if row["outcome"] == "measured" and row["variant"] == "base"]


def choose_rates(runs: Sequence[Row]) -> list[Row]:
    """Runs at offered rates; UsageError if the tier has none."""
    for design in BEYOND_THE_PEAK:
        if found := [r for r in runs if r["design"] == design and r["server"] in SERVERS]:
            return found
    raise UsageError(
        f"no runs of {' or '.join(BEYOND_THE_PEAK)}", hint="give a tier that has measured them"
    )


def make_peak(runs: Sequence[Row]) -> str:
    """overload/peak.csv: replies by offered rate."""
    rows = [
        (r["server"], int(r["level"]), int(r["seed"]), round(float(r["throughput"])))
        for r in choose_rates(runs)
    ]
    return write_table(("server", "offered_per_s", "seed", "replies_per_s"), sorted(rows))


def make_levels(runs: Sequence[Row]) -> str:
    """evaluation/runs.csv: throughput and tail by level and seed, of the three servers."""
    found = {
        (r["server"], int(r["level"]), int(r["seed"])): r for r in runs if r["design"] == BY_LEVEL
    }
    levels = {level for _, level, _ in found}
    rows = [
        (server, level, seed, round(float(found[server, level, seed]["throughput"]), 1),
         round(float(found[server, level, seed]["latency_p99"]), 1))
        for server in SERVERS for level in sorted(levels) for seed in SEEDS
        if all((s, level, n) in found for s in SERVERS for n in SEEDS)
    ]  # fmt: skip
    if not rows:
        raise UsageError(f"no runs of {BY_LEVEL}", hint="give a tier that has measured them")
    header = ("server", "connections", "seed", "requests_per_s", "p99_us")
    return write_table(header, rows)


def make_course(path: Path) -> str:
    """overload/spike.csv: replies and open connections after a spike, from a measurement.json."""
    try:
        course = json.loads(path.read_bytes())["recovery"]["course"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} has no course of a spike: {error!r}",
            hint="keep one: ./invoke testbed.run --load 'spike ...' --keep DIR",
        ) from None
    rows = [(m["at_ms"], round(m["replies_per_s"]), round(m["open_connections"])) for m in course]
    return write_table(("at_ms", "replies_per_s", "open_connections"), rows)


def write_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([header, *rows])
    return stream.getvalue()


def refresh(runs_file: Path, course: Path | None, folder: Path = HERE) -> list[Path]:
    """Write all tables below ``folder``; the paths of those that are others now."""
    runs = read_runs(runs_file)
    tables = {"overload/peak.csv": make_peak(runs), "evaluation/runs.csv": make_levels(runs)}
    if course:
        tables["overload/spike.csv"] = make_course(course)
    changed = []
    for name, text in tables.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            write_atomically(path, text.encode())
            changed.append(path)
    return changed
