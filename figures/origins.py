# SPDX-License-Identifier: MIT
"""Where L2 misses come from, and how many objects of requests are alive."""

from __future__ import annotations

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from figures.style import (
    COLOURS,
    MARKERS,
    SHORT_RANGE,
    Provenance,
    apply_style,
    make_figure,
    set_concurrency_axis,
)

COLUMNS = ("level", "name", "value")
SERVER_COLUMNS = ("server", "name", "value")
# Neighbours in the stack differ in lightness too.
FILLS = (
    *("#0072B2", "#56B4E9", "#004466", "#D55E00", "#E69F00", "#F0E442", "#882255"),
    *("#009E73", "#88CCAA", "#CC79A7", "#999999", "#DDDDDD"),
)


def draw(
    server: str,
    misses: pl.DataFrame,
    live: pl.DataFrame,
    kib: pl.DataFrame,
    provenance: Provenance,
) -> Figure:
    """All frames have COLUMNS, and are of ``server``.  ``misses``: L2 misses per request by origin,
    stacked in the order in which the names come.  ``live``: objects alive, ``kib``: their KiB, by
    type."""
    with apply_style():
        figure, (above, middle, below) = make_figure(3, 6.0, provenance)
        above.set_title(server, loc="left", fontweight="bold", pad=3)
        _draw_stack(above, misses)
        _draw_lines(middle, live, "objects alive")
        _draw_lines(below, kib, "KiB alive")
        below.axhline(1024, color="#555555", linewidth=0.8, linestyle="--")
        below.annotate("size of L2", (0.01, 1100), xycoords=("axes fraction", "data"), fontsize=6)
        for axes in (above, middle):
            axes.set_xlabel("")
        return figure


def draw_servers(frame: pl.DataFrame, level: int, provenance: Provenance) -> Figure:
    """``frame`` has SERVER_COLUMNS: L2 misses per request by origin at concurrency ``level``, a
    bar a server with its sum at the end, stacked in the order in which the names come."""
    servers = frame["server"].unique(maintain_order=True).to_list()
    names = frame["name"].unique(maintain_order=True).to_list()
    with apply_style():
        figure, (axes,) = make_figure(1, 1.6 + 0.3 * len(servers), provenance)
        for row, server in enumerate(servers):
            left = 0.0
            for name, fill in zip(names, FILLS, strict=False):
                part = float(frame.filter(server=server, name=name)["value"].sum())
                axes.barh(row, part, left=left, color=fill, height=0.7, label="" if row else name)
                left += part
            axes.annotate(f" {left:.0f}", (left, row), va="center", fontsize=6.5)
        axes.set_yticks(range(len(servers)), servers)
        axes.invert_yaxis()
        axes.set_axisbelow(True)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.1)
        axes.set_xlim(left=0)
        axes.set_xlabel(f"L2 misses / request, {level} connections")
        figure.legend(loc="outside upper center", ncols=3, fontsize=5.5)
        return figure


def _draw_stack(axes: Axes, frame: pl.DataFrame) -> None:
    names = frame["name"].unique(maintain_order=True).to_list()
    levels = frame["level"].unique().sort().to_list()
    layers = [
        [float(frame.filter(level=level, name=name)["value"].sum()) for level in levels]
        for name in names
    ]
    axes.stackplot(levels, layers, labels=names, colors=FILLS, linewidth=0)
    axes.set_axisbelow(True)
    _set_levels(axes, levels)
    axes.set_ylabel("L2 misses / request")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1, 0.5), fontsize=5.5
    )


def _draw_lines(axes: Axes, frame: pl.DataFrame, label: str) -> None:
    for i, name in enumerate(frame["name"].unique(maintain_order=True).to_list()):
        line = frame.filter(pl.col("name") == name, pl.col("value") > 0).sort("level")
        if not len(line):
            continue
        axes.plot(
            line["level"],
            line["value"],
            color=COLOURS[i % len(COLOURS)],
            marker=MARKERS[i % len(MARKERS)],
            label=name,
            clip_on=False,
            # Types that live and die together lie on each other: the later is drawn smaller.
            markersize=4.6 - 0.45 * i,
        )
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < SHORT_RANGE * low else (1,)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    _set_levels(axes, frame["level"].unique().sort().to_list())
    axes.set_ylabel(label)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=5.5)


def _set_levels(axes: Axes, levels: list[int]) -> None:
    set_concurrency_axis(axes, levels or [1])
    if levels:
        axes.set_xlim(levels[0], levels[-1])
