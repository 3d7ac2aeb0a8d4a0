# SPDX-License-Identifier: MIT
"""A spike of connections: its course in time, and from which steady rates a server recovers."""

from __future__ import annotations

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from figures.curves import make_handles
from figures.style import (
    COLUMN_INCHES,
    PAGE_INCHES,
    Provenance,
    apply_style,
    find_looks,
    make_figure,
)

COURSE_COLUMNS = (
    "server", "level", "at_ms", "replies_per_s", "open_connections", "latency_p99_us"
)  # fmt: skip
RUN_COLUMNS = ("server", "level", "seed", "valid", "recovery_s")
PEAK_COLUMNS = ("server", "value", "low", "high")
LIMIT_S = 1.0
# Where runs that never recover stand, over the largest recovery time: a row for each server, since
# at one rate they would hide each other.
NEVER, ROW = 1.12, 0.07


def draw_course(frame: pl.DataFrame, provenance: Provenance) -> Figure:
    """``frame`` has COURSE_COLUMNS.  A column of panels a steady rate: replies, open connections,
    tail latency."""
    levels = sorted(set(frame["level"].to_list())) or [0]
    looks = find_looks(frame["server"].to_list())
    with apply_style():
        width = COLUMN_INCHES if len(levels) == 1 else PAGE_INCHES
        figure, _ = make_figure(1, 4.6, provenance, width)
        figure.delaxes(figure.axes[0])
        grid = figure.subplots(3, len(levels), squeeze=False, sharex=True, sharey="row")
        for column, level in enumerate(levels):
            panels = [row[column] for row in grid]
            for server, (colour, _) in looks.items():
                mine = frame.filter(server=server, level=level).sort("at_ms")
                time = mine["at_ms"]
                panels[0].plot(time, mine["replies_per_s"] / 1000, color=colour, linewidth=0.8)
                panels[1].plot(time, mine["open_connections"], color=colour, linewidth=0.8)
                tail = mine["latency_p99_us"] / 1000
                panels[2].plot(time, tail, color=colour, linewidth=0.8)
            panels[0].axhline(level / 1000, color="#888888", linewidth=0.6, linestyle="--")
            panels[0].set_title(f"{level:,} / s", fontsize=6.5, pad=2)
            panels[2].set_xlabel("ms after the begin of the spike")
            _mark_spike(panels)
        _finish(grid[0][0], grid[1][0], grid[2][0])
        handles = [Line2D([], [], color=c, label=server) for server, (c, _) in looks.items()]
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
        return figure


def _mark_spike(panels: list[Axes]) -> None:
    for axes in panels:
        axes.axvline(0, color="#333333", linewidth=0.6, linestyle=":")


def _finish(replies: Axes, connections: Axes, tail: Axes) -> None:
    replies.set_ylabel("1000 replies / s")
    replies.set_ylim(0, None)
    connections.set_ylabel("open connections")
    tail.set_ylabel("99 % within (ms)")
    for axes in (connections, tail):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def draw_peak(runs: pl.DataFrame, peaks: pl.DataFrame, provenance: Provenance) -> Figure:
    """``runs`` has RUN_COLUMNS (``recovery_s`` null: never), ``peaks`` PEAK_COLUMNS."""
    longest = max([LIMIT_S, *runs["recovery_s"].drop_nulls().to_list()])
    looks = find_looks(runs["server"].to_list())
    with apply_style():
        figure, (axes,) = make_figure(1, 2.6, provenance)
        for row_number, (server, (colour, marker)) in enumerate(looks.items()):
            never = longest * (NEVER + ROW * row_number)
            mine = runs.filter(server=server).with_columns(pl.col("recovery_s").fill_null(never))
            for valid, fill in ((True, colour), (False, "white")):
                chosen = mine.filter(pl.col("valid") == valid)
                axes.plot(
                    chosen["level"] / 1000,
                    chosen["recovery_s"],
                    color=colour,
                    marker=marker,
                    markersize=2.8,
                    markerfacecolor=fill,
                    linestyle="none",
                )
            for row in peaks.filter(server=server).iter_rows(named=True):
                axes.axvline(row["value"] / 1000, color=colour, linewidth=0.7)
                if row["low"] is not None:
                    low, high = row["low"] / 1000, row["high"] / 1000
                    axes.axvspan(low, high, color=colour, alpha=0.12, lw=0)
        axes.axhline(LIMIT_S, color="#888888", linewidth=0.6, linestyle="--")
        axes.annotate(
            "never", (0, longest * NEVER), xytext=(2, 3), textcoords="offset points", fontsize=5.5,
            xycoords=("axes fraction", "data"), color="#555555",
        )  # fmt: skip
        axes.set_ylim(0, longest * (NEVER + ROW * (len(looks) + 1)))
        axes.set_xlabel("steady rate (1000 requests / s)")
        axes.set_ylabel("recovery (s)")
        figure.legend(handles=make_handles(runs), loc="outside upper center", ncols=3)
        return figure
