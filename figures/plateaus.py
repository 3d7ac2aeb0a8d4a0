# SPDX-License-Identifier: MIT
"""Latency of a load against the size of the memory that a pointer chase walks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from figures.style import COLOURS, MARKERS, Provenance, apply_style, make_figure

COLUMNS = ("geometry", "valid", "working_set_bytes", "cycles")
EXPECTED_COLUMNS = ("geometry", "l1_bytes", "l2_bytes", "l1_cycles", "l2_cycles", "memory_cycles")
SIZES = tuple(4096 << i for i in range(0, 15, 2))
LATENCIES = (2, 5, 10, 20, 50, 100, 200, 500)


def draw(frame: pl.DataFrame, expected: pl.DataFrame, provenance: Provenance) -> Figure:
    """Points: ``frame`` (COLUMNS), cycles per load as the guest's clock saw them; hollow if the
    run broke a validity gate.

    Lines: ``expected`` (EXPECTED_COLUMNS), plateaus and steps that the geometry files say.
    """
    with apply_style():
        figure, (axes,) = make_figure(1, 2.7, provenance)
        for i, row in enumerate(expected.sort("geometry").iter_rows(named=True)):
            points = frame.filter(pl.col("geometry") == row["geometry"]).sort("working_set_bytes")
            if not len(points):
                continue
            draw_machine(axes, points, row, COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)])
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.xaxis.set_major_locator(FixedLocator(SIZES))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_bytes(value)))
        axes.yaxis.set_major_locator(FixedLocator(LATENCIES))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xlabel("memory walked (lines: as configured)")
        axes.set_ylabel("cycles per load")
        figure.legend(loc="outside upper center", ncols=2)
        return figure


def draw_machine(
    axes: Axes, points: pl.DataFrame, expected: Mapping[str, Any], colour: str, marker: str
) -> None:
    """One geometry: its points, and the steps that its file says."""
    sizes = points["working_set_bytes"]
    edges = [sizes.min(), expected["l1_bytes"], expected["l2_bytes"], sizes.max()]
    levels = [expected["l1_cycles"], expected["l2_cycles"], expected["memory_cycles"]]
    axes.stairs(levels, edges, baseline=None, color=colour, linewidth=0.8, alpha=0.6)
    axes.plot(
        sizes,
        points["cycles"],
        color=colour,
        marker=marker,
        markersize=2.6,
        markerfacecolor=colour if points["valid"].all() else "white",
        linestyle="none",
        label=expected["geometry"],
    )


def format_bytes(value: float) -> str:
    """``value`` in KiB or MiB, without a unit symbol that crowds the axis."""
    return f"{value / (1 << 20):g}M" if value >= 1 << 20 else f"{value / 1024:g}K"
