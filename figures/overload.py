# SPDX-License-Identifier: MIT
"""Beyond the peak: replies and tail latency against offered rate."""

from __future__ import annotations

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from figures.curves import make_handles
from figures.style import Provenance, apply_style, find_looks, make_figure

COLUMNS = ("server", "level", "valid", "value", "low", "high", "seeds")


def draw(replies: pl.DataFrame, tails: pl.DataFrame, provenance: Provenance) -> Figure:
    """Frames have COLUMNS; ``level`` is the offered rate, ``tails`` are in us."""
    with apply_style():
        figure, (above, below) = make_figure(2, 3.6, provenance)
        for server, look in find_looks(replies["server"].to_list()).items():
            _draw_line(above, replies.filter(server=server), look, 1e-3)
            _draw_line(below, tails.filter(server=server), look, 1e-3)
        limit = max([1000, *replies["level"].to_list()]) / 1000
        above.plot([0, limit], [0, limit], color="#888888", linewidth=0.6, linestyle="--", zorder=1)
        above.set_ylabel("1000 replies / s")
        highest = max([1.0, *(replies["value"] / 1000).to_list()])
        above.set_ylim(0, 1.15 * highest)
        below.set_yscale("log")
        below.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        below.set_ylabel("99 % of requests within (ms)")
        below.set_xlabel("offered rate (1000 requests / s)")
        for axes in (above, below):
            axes.set_xlim(0, 1.05 * limit)
        figure.legend(handles=make_handles(replies), loc="outside upper center", ncols=3)
        return figure


def _draw_line(axes: Axes, frame: pl.DataFrame, look: tuple[str, str], factor: float) -> None:
    """One point a rate and validity; a line through all, intervals where there are any."""
    colour, marker = look
    points = frame.sort("level", "valid", descending=[False, True]).unique(
        "level", keep="first", maintain_order=True
    )
    axes.plot(points["level"] / 1000, points["value"] * factor, color=colour, linewidth=0.8)
    bars = points.drop_nulls(["low", "high"])
    axes.vlines(
        bars["level"] / 1000, bars["low"] * factor, bars["high"] * factor, color=colour, linewidth=1
    )
    for valid, fill in ((True, colour), (False, "white")):
        chosen = points.filter(pl.col("valid") == valid)
        axes.plot(
            chosen["level"] / 1000,
            chosen["value"] * factor,
            color=colour,
            marker=marker,
            markersize=2.8,
            markerfacecolor=fill,
            linestyle="none",
        )
