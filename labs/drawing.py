# SPDX-License-Identifier: MIT
"""Figures of the labs' texts, drawn from models and stored runs: python -m labs.drawing."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labs.cache.model import Hierarchy
from labs.cache.traces import Config, Flavour, Shape, make_trace
from labs.catalogue import HERE
from labs.evaluation.reports import BASELINE, T_975, read_runs
from labs.grader.chance import PUBLISHED_SECRET, Chance

STYLE: Any = {"svg.hashsalt": "labs", "svg.fonttype": "none", "font.size": 9.0}


def draw_misses(axes: Axes) -> None:
    """Lab 2: L2 misses by the size of L2."""
    flavour = Flavour(6000, stores=30, regions=40, spread=2048)
    events = make_trace(Chance(PUBLISHED_SECRET, "figure"), flavour)
    l1 = Shape(2048, 2, 64)
    sizes = [2**n for n in range(12, 19)]
    misses = []
    for size in sizes:
        counts = Hierarchy(Config(l1, l1, Shape(size, 8, 64))).replay(events)[-1]
        misses.append(1000 * sum(counts[3:6]) / flavour.events)
    axes.plot([size // 1024 for size in sizes], misses, "o-")
    axes.set_xscale("log", base=2)
    axes.set_xlabel("size of L2, KiB")
    axes.set_ylabel("L2 misses in 1000 accesses")
    axes.set_ylim(bottom=0)


def draw_intervals(axes: Axes) -> None:
    """Lab 6: the interval of a ratio with pairs and without, by level."""
    rows = read_runs()
    levels = sorted({row.connections for row in rows})
    for shift, paired in ((-0.12, True), (0.12, False)):
        middles, halves = [], []
        for level in levels:
            one, other = (
                [r.throughput for r in rows if (r.server, r.connections) == (server, level)]
                for server in ("tux-stingy", BASELINE)
            )
            middle, half = estimate_ratio(one, other, paired=paired)
            middles.append(middle)
            halves.append(half)
        axes.errorbar(
            [place + shift for place in range(len(levels))],
            middles,
            halves,
            fmt="o",
            capsize=3,
            markersize=3,
            label="pairs" if paired else "as if independent",
        )
    axes.set_xticks(range(len(levels)), [str(level) for level in levels])
    axes.axhline(1, color="0.6", linewidth=0.8)
    axes.set_xlabel("connections")
    axes.set_ylabel("ratio of throughput")
    axes.legend()


def estimate_ratio(one: list[float], other: list[float], *, paired: bool) -> tuple[float, float]:
    """A ratio and half of its 95 % interval, of five runs each."""
    if paired:
        ratios = [a / b for a, b in zip(one, other, strict=True)]
        return fmean(ratios), T_975[4] * stdev(ratios) / math.sqrt(5)
    spread = math.hypot(stdev(one), stdev(other)) / math.sqrt(5)
    return fmean(one) / fmean(other), T_975[4] * spread / fmean(other)


def draw_peak(axes: Axes) -> None:
    """Lab 7: replies by offered load, of stored runs."""
    with (HERE / "overload/peak.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    for server in sorted({row["server"] for row in rows}):
        found: dict[int, list[float]] = {}
        for row in rows:
            if row["server"] == server:
                found.setdefault(int(row["offered_per_s"]), []).append(float(row["replies_per_s"]))
        offered = sorted(found)
        axes.plot(offered, [fmean(found[n]) for n in offered], "o-", markersize=3, label=server)
    axes.set_xlabel("connections offered a second")
    axes.set_ylabel("replies a second")
    axes.set_ylim(bottom=0)
    axes.legend()


FIGURES: dict[str, Callable[[Axes], None]] = {
    "cache/misses.svg": draw_misses,
    "evaluation/intervals.svg": draw_intervals,
    "overload/replies.svg": draw_peak,
}


def draw(path: Path, plot: Callable[[Axes], None]) -> None:
    """Write one figure; the same data give the same bytes."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.5, 2.8), layout="constrained")
        axes = figure.add_subplot()
        axes.grid(alpha=0.3)
        plot(axes)
        figure.savefig(path, metadata={"Date": None})


def draw_all() -> None:
    """Draw all figures into the labs' folders."""
    for name, plot in FIGURES.items():
        draw(HERE / name, plot)


if __name__ == "__main__":
    draw_all()
