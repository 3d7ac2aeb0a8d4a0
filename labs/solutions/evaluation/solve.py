# SPDX-License-Identifier: MIT
"""Finds the flaws in the reports as a reader would: from their text and their data alone."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path
from statistics import fmean, stdev

NAMES = ("practice", "a", "b", "c", "d")
T_975_OF_4 = 2.776445
Rows = list[dict[str, str]]


def read(folder: Path, name: str) -> tuple[str, Rows]:
    """Text and data of a report."""
    with (folder / "reports" / f"{name}.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    return (folder / "reports" / f"{name}.md").read_text(), rows


def find_claim(text: str) -> tuple[str, str]:
    """The new server and the level of the claim."""
    found = re.search(r"At (\d+) connections (\S+) has", text)
    assert found
    return found.group(2), found.group(1)


def find_flaws(text: str, rows: Rows) -> set[str]:
    """The ids of what is wrong."""
    new, level = find_claim(text)
    runs = [(r["server"], r["connections"], r["seed"], r["machine"]) for r in rows]
    shown = set(re.findall(r"^\| (\d+) \|", text, re.MULTILINE))
    at = [r for r in rows if r["connections"] == level and r["valid"] == "yes"]
    p99 = {
        server: fmean(float(r["p99_us"]) for r in at if r["server"] == server)
        for server in (new, "tux")
    }
    signs = {
        "repeats": len(set(runs)) < len(runs),
        "unpaired": "independent samples" in text,
        "invalid": "We use all runs" in text and any(r["valid"] == "no" for r in rows),
        "subset": shown < {r["connections"] for r in rows},
        "one-metric": "99th percentile" not in text and p99[new] > p99["tux"],
        "relative": "| gain |" in text,
        "no-interval": "95 %" not in text,
        "unequal": "that we had" in text,
    }
    return {flaw for flaw, there in signs.items() if there}


def find_ratio(text: str, rows: Rows) -> tuple[float, float, float]:
    """Ratio of throughput and its 95 % interval."""
    new, level = find_claim(text)
    values: dict[tuple[str, str], float] = {}
    for row in rows:
        if (row["connections"], row["valid"], row["machine"]) == (level, "yes", "banias-1400"):
            values[row["server"], row["seed"]] = float(row["requests_per_s"])
    seeds = sorted({seed for _, seed in values})
    logs = [
        math.log(values[new, seed] / values["tux", seed])
        for seed in seeds
        if (new, seed) in values and ("tux", seed) in values
    ]
    half = T_975_OF_4 * stdev(logs) / math.sqrt(len(logs))
    middle = fmean(logs)
    return math.exp(middle), math.exp(middle - half), math.exp(middle + half)


def write(folder: Path, answers: dict[str, tuple[set[str], tuple[float, float, float]]]) -> None:
    """answers.toml."""
    lines = []
    for name, (flaws, (ratio, low, high)) in answers.items():
        listed = ", ".join(f'"{flaw}"' for flaw in sorted(flaws))
        lines += [f"[{name}]", f"flaws = [{listed}]"]
        lines += [f"ratio = {ratio:.6f}", f"low = {low:.6f}", f"high = {high:.6f}", ""]
    (folder / "answers.toml").write_text("\n".join(lines))


def solve(folder: Path) -> None:
    """Answer all reports of a hand-out."""
    write(
        folder,
        {
            name: (find_flaws(*read(folder, name)), find_ratio(*read(folder, name)))
            for name in NAMES
        },
    )
