# SPDX-License-Identifier: MIT
"""Figure 1 of the paper: throughput with its zones, and L2 misses, against concurrency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures.curves import draw_curves, make_handles
from figures.style import (
    COLOURS,
    MARKERS,
    Provenance,
    apply_style,
    make_figure,
    set_concurrency_axis,
)

SHADES = {
    "elastic": "#009E73",
    "plastic": "#E69F00",
    "elastic, plastic": "#999999",
    "failure": "#D55E00",
}


@dataclass(frozen=True)
class Zones:
    """Where the zones meet, as estimated from the data; each place with its interval (low,
    middle, high) or None if it was not found.  ``paper`` has the places that the paper names."""

    elastic_ends: tuple[float, float, float] | None = None
    failure_begins: tuple[float, float, float] | None = None
    paper: tuple[float, ...] = ()


def draw(
    throughput: pl.DataFrame,
    data: pl.DataFrame,
    fetch: pl.DataFrame,
    zones: Zones,
    provenance: Provenance,
) -> Figure:
    """Frames have the columns of `figures.curves.COLUMNS`; ``data`` and ``fetch`` of one server.

    Above: throughput of all servers, TUX's zones shaded, the intervals of their borders darker;
    none is shaded where the data do not tell them apart.  Triangles are the paper's borders.
    Below: misses per request of TUX, of data on the left axis, of instructions on the right.
    """
    with apply_style():
        figure, (above, below) = make_figure(2, 4.4, provenance)
        thousands = throughput.with_columns(pl.col("value", "low", "high") / 1000)
        draw_curves(above, thousands, "1000 requests / s")
        _shade_zones(above, zones)
        _mark_paper(above, zones.paper)
        above.set_xlabel("")
        _draw_misses(below, data, fetch)
        below.set_xlim(above.get_xlim())
        figure.legend(handles=make_handles(throughput), loc="outside upper center", ncols=3)
        return figure


def _shade_zones(axes: Axes, zones: Zones) -> None:
    left, right = axes.get_xlim()
    places = [place for place in (zones.elastic_ends, zones.failure_begins) if place]
    if not places:
        return
    for low, _, high in places:
        axes.axvspan(low, high, color="#555555", alpha=0.18, linewidth=0, zorder=0)
    edges = [left, *(min(middle, right) for _, middle, _ in places), right]
    for name, (low, high) in zip(_name_zones(zones), pairwise(edges), strict=True):
        axes.axvspan(low, high, color=SHADES[name], alpha=0.10, linewidth=0, zorder=0)
        axes.annotate(
            name,
            ((low * high) ** 0.5, 0.03),
            xycoords=("data", "axes fraction"),
            ha="center",
            fontsize=6,
            color="#333333",
        )


def _name_zones(zones: Zones) -> Sequence[str]:
    """Names of the zones from the left, told apart as far as the known borders allow."""
    if not zones.elastic_ends:
        return ["elastic, plastic", "failure"]
    return ["elastic", "plastic", "failure"] if zones.failure_begins else ["elastic", "plastic"]


def _mark_paper(axes: Axes, places: Sequence[float]) -> None:
    left, right = axes.get_xlim()
    # A mark beside the axes would take all their room, as long as one level is drawn.
    for place in (place for place in places if left <= place <= right):
        axes.plot(
            [place], [0.985], marker="v", markersize=3, color="black", linestyle="none",
            transform=axes.get_xaxis_transform(), clip_on=False,
        )  # fmt: skip
        axes.annotate(
            f"paper: {place:g}",
            (place, 1.01),
            xycoords=("data", "axes fraction"),
            ha="center",
            fontsize=5.5,
        )


def _draw_misses(axes: Axes, data: pl.DataFrame, fetch: pl.DataFrame) -> None:
    """Two curves on two axes, each labelled in its own colour."""
    right = axes.twinx()
    # The axes that is drawn last lies on top, the frame of the other shines through.
    right.grid(visible=False)
    for place, frame, index, label in (
        (axes, data, 0, "L2 data misses / request"),
        (right, fetch, 1, "L2 instruction misses / request"),
    ):
        _draw_band(place, frame, COLOURS[index], MARKERS[index])
        place.set_ylabel(label, color=COLOURS[index])
        place.tick_params(axis="y", colors=COLOURS[index])
    set_concurrency_axis(axes, data["level"].to_list() or [1])
    axes.set_ylim(0, _find_top(data))
    right.set_ylim(0, _find_top(fetch))
    axes.legend(
        handles=[
            Line2D([], [], color=COLOURS[0], marker=MARKERS[0], label="data (left)"),
            Line2D([], [], color=COLOURS[1], marker=MARKERS[1], label="instructions (right)"),
        ],
        loc="lower right",
        bbox_to_anchor=(1, 0.98),
        ncols=2,
        fontsize=6,
    )
    axes.set_title("TUX", loc="left", pad=2)


def _draw_band(axes: Axes, frame: pl.DataFrame, colour: str, marker: str) -> None:
    valid = frame.filter("valid").sort("level")
    invalid = frame.filter(~pl.col("valid")).sort("level")
    axes.plot(valid["level"], valid["value"], color=colour, marker=marker, zorder=3)
    band = valid.drop_nulls(["low", "high"])
    if len(band):
        axes.fill_between(
            band["level"], band["low"], band["high"], color=colour, alpha=0.2, linewidth=0
        )
    axes.plot(
        invalid["level"],
        invalid["value"],
        color=colour,
        marker=marker,
        markerfacecolor="white",
        linestyle="none",
        zorder=4,
    )


def _find_top(frame: pl.DataFrame) -> float:
    return 1.15 * float(max([1e-9, *frame["value"], *frame["high"].drop_nulls()]))
