# SPDX-License-Identifier: MIT
"""Figure 7(a) of the paper: replies against offered rate, open connections, failures."""

from __future__ import annotations

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter

from figures.curves import make_handles
from figures.style import Provenance, apply_style, find_looks, make_figure

COLUMNS = ("server", "level", "valid", "value", "seeds")
PEAK_COLUMNS = ("server", "value", "low", "high")
# Where the numbers of one server stand, so that those of another do not cover them: offset in
# points, horizontal and vertical alignment.
PLACES = (((0, -4), "center", "top"), ((0, 4), "center", "bottom"), ((-4, 1), "right", "bottom"))


def draw(
    replies: pl.DataFrame,
    connections: pl.DataFrame,
    failures: pl.DataFrame,
    timeouts: pl.DataFrame,
    *,
    peaks: pl.DataFrame,
    provenance: Provenance,
    paper: float | None = None,
) -> Figure:
    """Frames have COLUMNS (``level`` is the offered rate), ``peaks`` PEAK_COLUMNS.

    Above: replies per second; small numbers are connections open at a time, the vertical bands
    the peaks with their intervals; ``paper`` is the rate that the paper promises.  Below: open
    connections, and failed connections (solid) with those of them that timed out (dotted), in
    percent.  Hollow: a validity gate is broken.
    """
    with apply_style():
        figure, panels = make_figure(3, 5.2, provenance)
        for i, (server, look) in enumerate(find_looks(replies["server"].to_list()).items()):
            _draw_line(panels[0], _pick(replies, server, 1e-3), *look)
            _draw_line(panels[1], _pick(connections, server, 1.0), *look)
            _draw_line(panels[2], _pick(failures, server, 100.0), *look)
            late = _pick(timeouts, server, 100.0)
            panels[2].plot(late["level"] / 1000, late["value"], color=look[0], linestyle=":")
            places = PLACES[i % len(PLACES)]
            _mark_connections(panels[0], replies, connections, server, (look[0], *places))
            _mark_peak(panels[0], peaks.filter(server=server), look[0])
        limit = max([1000, *replies["level"].to_list()]) / 1000
        _draw_ideal(panels[0], limit)
        if paper is not None:
            panels[0].axvline(paper / 1000, color="black", linewidth=0.7, linestyle="-.")
        _finish(panels, limit)
        figure.legend(handles=make_handles(replies), loc="outside upper center", ncols=3)
        return figure


def _pick(frame: pl.DataFrame, server: str, factor: float) -> pl.DataFrame:
    """One point a rate; hollow if any of its runs broke a gate."""
    mine = frame.filter(pl.col("server") == server).group_by("level")
    weighted = (pl.col("value") * pl.col("seeds")).sum() / pl.col("seeds").sum()
    return mine.agg(value=weighted * factor, valid=pl.col("valid").all()).sort("level")


def _draw_line(axes: Axes, frame: pl.DataFrame, colour: str, marker: str) -> None:
    good = frame.filter("valid")
    axes.plot(frame["level"] / 1000, frame["value"], color=colour, linewidth=0.8, linestyle=":")
    axes.plot(good["level"] / 1000, good["value"], color=colour, linewidth=0.9)
    for valid, fill in ((True, colour), (False, "white")):
        points = frame.filter(pl.col("valid") == valid)
        axes.plot(
            points["level"] / 1000,
            points["value"],
            color=colour,
            marker=marker,
            markersize=2.8,
            markerfacecolor=fill,
            linestyle="none",
        )


def _mark_connections(
    axes: Axes,
    replies: pl.DataFrame,
    connections: pl.DataFrame,
    server: str,
    look: tuple[str, tuple[float, float], str, str],
) -> None:
    """Numbers of open connections where the curve begins, is highest, and ends."""
    points = _pick(replies, server, 1e-3).join(
        _pick(connections, server, 1.0).select("level", open="value"), on="level"
    )
    if not len(points):
        return
    colour, offset, horizontal, vertical = look
    chosen = sorted({0, int(points["value"].arg_max() or 0), len(points) - 1})
    for row in points[chosen].iter_rows(named=True):
        axes.annotate(
            f"{row['open']:.0f}",
            (row["level"] / 1000, row["value"]),
            xytext=offset,
            textcoords="offset points",
            ha=horizontal,
            va=vertical,
            fontsize=5,
            color=colour,
            path_effects=[withStroke(linewidth=1.5, foreground="white")],
            zorder=5,
        )


def _draw_ideal(axes: Axes, limit: float) -> None:
    """All requests are replied to."""
    axes.plot([0, limit], [0, limit], color="#888888", linewidth=0.6, linestyle="--", zorder=1)
    axes.annotate(
        "all replied to", (0.3 * limit, 0.3 * limit), xytext=(-3, 3), textcoords="offset points",
        ha="right", fontsize=5.5, color="#555555",
    )  # fmt: skip


def _mark_peak(axes: Axes, peak: pl.DataFrame, colour: str) -> None:
    for row in peak.iter_rows(named=True):
        axes.axvline(row["value"] / 1000, color=colour, linewidth=0.7)
        if row["low"] is not None:
            axes.axvspan(row["low"] / 1000, row["high"] / 1000, color=colour, alpha=0.12, lw=0)


def _finish(panels: list[Axes], limit: float) -> None:
    labels = ("1000 replies / s", "open connections", "failed connections (%)")
    for axes, label in zip(panels, labels, strict=True):
        axes.set_ylabel(label)
        axes.set_xlim(0, 1.06 * limit)
    panels[0].set_title("7(a)", loc="left", fontsize=6.5, pad=2)
    panels[0].set_ylim(0, max(1.0, 1.1 * panels[0].get_ylim()[1]))
    panels[1].set_yscale("log")
    panels[1].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panels[2].set_ylim(0, max(1.0, panels[2].get_ylim()[1]))
    panels[2].set_xlabel("offered rate (1000 requests / s)")
