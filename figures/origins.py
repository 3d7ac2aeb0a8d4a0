# SPDX-License-Identifier: MIT
"""Where L2 misses come from, and how many objects of requests are alive, against concurrency."""

from __future__ import annotations

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import (
    COLOURS,
    MARKERS,
    Provenance,
    apply_style,
    make_figure,
    set_concurrency_axis,
)

COLUMNS = ("level", "name", "value")
# Neighbours in the stack differ in lightness too.
FILLS = (
    *("#0072B2", "#56B4E9", "#004466", "#D55E00", "#E69F00", "#F0E442", "#882255"),
    *("#009E73", "#88CCAA", "#CC79A7", "#999999", "#DDDDDD"),
)


def draw(
    misses: pl.DataFrame, live: pl.DataFrame, kib: pl.DataFrame, provenance: Provenance
) -> Figure:
    """All frames have COLUMNS.  ``misses``: L2 misses per request by origin, stacked in the order
    in which the names come.  ``live``: objects alive, ``kib``: their KiB, by type."""
    with apply_style():
        figure, (above, middle, below) = make_figure(3, 6.4, provenance)
        _draw_stack(above, misses)
        _draw_lines(middle, live, "objects alive")
        _draw_lines(below, kib, "KiB alive")
        below.axhline(1024, color="#555555", linewidth=0.8, linestyle="--")
        below.annotate("size of L2", (0.01, 1100), xycoords=("axes fraction", "data"), fontsize=6)
        for axes in (above, middle):
            axes.set_xlabel("")
        return figure


def _draw_stack(axes: Axes, frame: pl.DataFrame) -> None:
    names = frame["name"].unique(maintain_order=True).to_list()
    levels = frame["level"].unique().sort().to_list()
    layers = [
        [float(frame.filter(level=level, name=name)["value"].sum()) for level in levels]
        for name in names
    ]
    axes.stackplot(levels, layers, labels=names, colors=FILLS, linewidth=0)
    _set_levels(axes, levels)
    axes.set_ylabel("L2 misses / request")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1, 0.5), fontsize=5.5
    )


def _draw_lines(axes: Axes, frame: pl.DataFrame, label: str) -> None:
    for i, name in enumerate(frame["name"].unique(maintain_order=True).to_list()):
        line = frame.filter(pl.col("name") == name, pl.col("value") > 0).sort("level")
        axes.plot(
            line["level"],
            line["value"],
            color=COLOURS[i % len(COLOURS)],
            marker=MARKERS[i % len(MARKERS)],
            label=name,
        )
    axes.set_yscale("log")
    _set_levels(axes, frame["level"].unique().sort().to_list())
    axes.set_ylabel(label)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=5.5)


def _set_levels(axes: Axes, levels: list[int]) -> None:
    set_concurrency_axis(axes, levels or [1])
    if levels:
        axes.set_xlim(levels[0], levels[-1])
