# SPDX-License-Identifier: MIT
"""Figures of the labs' texts, drawn from models and stored runs: python -m labs.drawing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labs.cache.model import Hierarchy
from labs.cache.traces import Config, Flavour, Shape, make_trace
from labs.catalogue import HERE
from labs.grader.chance import PUBLISHED_SECRET, Chance

STYLE: dict[str, Any] = {"svg.hashsalt": "labs", "svg.fonttype": "none", "font.size": 9.0}


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


FIGURES: dict[str, Callable[[Axes], None]] = {"cache/misses.svg": draw_misses}


def draw(path: Path, plot: Callable[[Axes], None]) -> None:
    """Write one figure; the same data give the same bytes."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.5, 2.8), layout="constrained")
        axes = figure.add_subplot()
        axes.grid(alpha=0.3)
        plot(axes)
        figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Draw all figures into the labs' folders."""
    for name, plot in FIGURES.items():
        draw(HERE / name, plot)


if __name__ == "__main__":
    main()
