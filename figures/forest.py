# SPDX-License-Identifier: MIT
"""Ratios with intervals under each other, with the bands that were fixed beforehand."""

from __future__ import annotations

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from figures.style import COLOURS, COLUMN_INCHES, PAPER, Provenance, apply_style, make_figure

ROW_INCHES = 0.2
COLUMNS = ("label", "value", "low", "high", "band_low", "band_high", "paper", "note")
SCHEMA: dict[str, type[pl.DataType]] = {
    "label": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "band_low": pl.Float64,
    "band_high": pl.Float64,
    "paper": pl.Float64,
    "note": pl.String,
}
NOTE_COLOURS = {"REPRODUCED": "#116329", "DIRECTION": "#7d4e00", "CONTRADICTED": "#a40e26"}
FINE_TICKS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.5, 1.7, 2, 2.5)
MIDDLE_TICKS = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10)
COARSE_TICKS = (0.001, 0.01, 0.1, 1, 10, 100)


def draw(
    frame: pl.DataFrame,
    provenance: Provenance,
    title: str = "ratio",
    *,
    width: float = COLUMN_INCHES,
    clip: tuple[float, float] | None = None,
) -> Figure:
    """One row of ``frame`` (COLUMNS) per line, the first on top.

    Null ``value`` draws no point, null ``low`` and ``high`` no interval (one of them: an interval
    that is open there), null ``band_low`` and ``band_high`` an open band (both null: none), null
    ``paper`` no star.  ``note`` stands at the right.  What lies outside of ``clip`` is an arrow at
    the edge, with its number.
    """
    with apply_style():
        figure, (axes,) = make_figure(1, 0.9 + ROW_INCHES * len(frame), provenance, width)
        limits = clip or _find_limits(frame)
        axes.set_xscale("log")
        axes.set_xlim(*limits)
        axes.axvline(1, color="#333333", linewidth=0.8, zorder=1)
        for i, row in enumerate(frame.iter_rows(named=True)):
            _draw_row(axes, i, row, limits)
        axes.set_yticks(range(len(frame)), frame["label"].to_list(), fontsize=5.5)
        axes.set_ylim(len(frame) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        ticks = [tick for tick in _choose_ticks(limits) if limits[0] <= tick <= limits[1]]
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        bands = frame["band_low"].count() + frame["band_high"].count()
        signs = ["95 % interval"]
        signs += ["shaded: band fixed beforehand"] * (bands > 0)
        signs += ["star: the paper's number"] * (frame["paper"].count() > 0)
        axes.set_xlabel(f"{title} ({'; '.join(signs)})", fontsize=6.5)
        return figure


def _choose_ticks(limits: tuple[float, float]) -> tuple[float, ...]:
    width = limits[1] / limits[0]
    return FINE_TICKS if width < 5 else MIDDLE_TICKS if width < 150 else COARSE_TICKS


def _find_limits(frame: pl.DataFrame) -> tuple[float, float]:
    numbers = [1.0]
    for name in ("value", "low", "high", "band_low", "band_high"):
        numbers += frame[name].drop_nulls().to_list()
    return min(numbers) / 1.15, max(numbers) * 1.15


def _draw_row(
    axes: Axes, y: int, row: dict[str, float | str | None], limits: tuple[float, float]
) -> None:
    if row["band_low"] is not None or row["band_high"] is not None:
        left = float(row["band_low"] or limits[0])
        right = float(row["band_high"] or limits[1])
        axes.add_patch(
            Rectangle((left, y - 0.36), right - left, 0.72, color="#009E73", alpha=0.18, lw=0)
        )
    if row["low"] is not None or row["high"] is not None:
        left, right = float(row["low"] or limits[0]), float(row["high"] or limits[1])
        axes.hlines(y, left, right, color=COLOURS[0], linewidth=1.4)
    if row["paper"] is not None:
        axes.plot([float(row["paper"])], [y], **PAPER, zorder=2.5)
    if row["value"] is not None and not limits[0] <= float(row["value"]) <= limits[1]:
        _draw_beyond(axes, y, float(row["value"]), limits)
    elif row["value"] is not None:
        hollow = row["low"] is None or row["high"] is None
        axes.plot(
            [float(row["value"])],
            [y],
            marker="o",
            color=COLOURS[0],
            markerfacecolor="white" if hollow else COLOURS[0],
            linestyle="none",
        )
    axes.annotate(
        str(row["note"] or ""),
        (1.01, y),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=5.5,
        color=NOTE_COLOURS.get(str(row["note"]), "#333333"),
    )


def _draw_beyond(axes: Axes, y: int, value: float, limits: tuple[float, float]) -> None:
    above = value > limits[1]
    axes.annotate(
        f"{value:.3g}",
        (limits[1] if above else limits[0], y),
        xytext=(-14 if above else 14, 0),
        textcoords="offset points",
        ha="right" if above else "left",
        va="center",
        fontsize=5.5,
        color=COLOURS[0],
        path_effects=[withStroke(linewidth=2, foreground="white")],
        arrowprops={"arrowstyle": "-|>", "color": COLOURS[0], "linewidth": 0.9, "shrinkB": 0},
    )
