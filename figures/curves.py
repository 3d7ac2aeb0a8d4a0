# SPDX-License-Identifier: MIT
"""Curves of a metric over concurrency, one per server, with bands; invalid runs drawn hollow."""

from __future__ import annotations

import polars as pl
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from figures.style import find_looks, set_concurrency_axis

COLUMNS = ("server", "level", "valid", "value", "low", "high", "zone")


def draw_curves(axes: Axes, frame: pl.DataFrame, label: str) -> None:
    """One curve per server of ``frame`` (COLUMNS), ``label`` on the vertical axis.

    The band is the interval over seeds.  Runs that broke a validity gate are hollow and joined
    by a dotted line: seen, but no part of the curve.
    """
    for server, look in find_looks(frame["server"].to_list()).items():
        _draw_curve(axes, frame.filter(pl.col("server") == server).sort("level"), *look)
    set_concurrency_axis(axes, frame["level"].to_list() or [1])
    axes.set_ylabel(label)
    top = max([1e-9, *frame["value"].to_list(), *frame["high"].drop_nulls().to_list()])
    axes.set_ylim(0, top * 1.08)


def _draw_curve(axes: Axes, curve: pl.DataFrame, colour: str, marker: str) -> None:
    valid, invalid = curve.filter("valid"), curve.filter(~pl.col("valid"))
    axes.plot(valid["level"], valid["value"], color=colour, marker=marker, zorder=3)
    band = valid.drop_nulls(["low", "high"])
    if len(band):
        axes.fill_between(
            band["level"], band["low"], band["high"], color=colour, alpha=0.2, linewidth=0
        )
        axes.vlines(band["level"], band["low"], band["high"], color=colour, linewidth=0.8)
    if not len(invalid):
        return
    last = valid.filter(pl.col("level") < invalid["level"].min()).tail(1)
    joined = pl.concat([last, invalid.filter(~pl.col("level").is_in(last["level"].to_list()))])
    axes.plot(joined["level"], joined["value"], color=colour, linestyle=":", linewidth=0.8)
    axes.plot(
        invalid["level"],
        invalid["value"],
        color=colour,
        marker=marker,
        markerfacecolor="white",
        linestyle="none",
        zorder=4,
    )


def make_handles(frame: pl.DataFrame) -> list[Line2D]:
    """Legend entries: the servers, and hollow points if there are any."""
    handles = [
        Line2D([], [], color=colour, marker=marker, label=server)
        for server, (colour, marker) in find_looks(frame["server"].to_list()).items()
    ]
    if not frame["valid"].all():
        handles.append(
            Line2D(
                [],
                [],
                color="#555555",
                marker="o",
                markerfacecolor="white",
                linestyle=":",
                label="invalid run",
            )
        )
    return handles
