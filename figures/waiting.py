# SPDX-License-Identifier: MIT
"""Where the connections of a closed loop wait, against concurrency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from figures.style import KNOWN_SERVERS, PAGE_INCHES, Provenance, apply_style, make_figure

COLUMNS = ("panel", "level", "valid", "name", "value")
# What the server has accepted is blue, what its kernel holds green, what the card holds red, and
# what they turned away yellow;
# neighbours in the stack differ in lightness, and no two parts are alike.
FILLS = (
    *("#002B44", "#0072B2", "#56B4E9", "#A6D5F2", "#005080"),
    *("#009E73", "#88CCAA", "#00664B", "#E69F00"),
    *("#D55E00", "#882255", "#F0E442", "#DDDDDD"),
)
PALE = 0.45
PANEL_INCHES = 1.15
MOST_UPRIGHT = 6  # labels beside each other, before they are turned


def draw(frame: pl.DataFrame, order: Sequence[str], provenance: Provenance) -> Figure:
    """``frame`` has COLUMNS: the share ``value`` of connections that stand at ``name``, by level,
    stacked in ``order``, from below; levels that are not ``valid`` are pale.

    A panel each, with a bar a level; where there is one level alone, one panel with a bar each.
    """
    panels = _sort_panels(frame["panel"].unique().to_list())
    levels = frame["level"].unique().sort().to_list()
    colours = dict(zip(order, FILLS, strict=False))
    fills = {n: colours[n] for n in order if frame.filter(name=n)["value"].abs().sum() > 0}
    with apply_style():
        draw_kind = _draw_one_level if len(levels) == 1 else _draw_panels
        figure = draw_kind(frame, panels, levels, fills, provenance)
        handles = [Patch(color=fill, label=name) for name, fill in fills.items()]
        figure.legend(handles=handles, loc="outside upper center", ncols=4, fontsize=6)
        return figure


def _draw_panels(
    frame: pl.DataFrame,
    panels: Sequence[str],
    levels: Sequence[int],
    fills: Mapping[str, str],
    provenance: Provenance,
) -> Figure:
    height = 0.9 + PANEL_INCHES * len(panels)
    figure, rows = make_figure(len(panels), height, provenance, width=PAGE_INCHES)
    for axes, panel in zip(rows, panels, strict=True):
        shown = frame.filter(panel=panel)
        _draw_bars(axes, {f"{level:g}": shown.filter(level=level) for level in levels}, fills)
        axes.set_title(panel, loc="left", fontweight="bold", pad=2)
    rows[-1].set_xlabel("concurrency (connections)")
    return figure


def _draw_one_level(
    frame: pl.DataFrame,
    panels: Sequence[str],
    levels: Sequence[int],
    fills: Mapping[str, str],
    provenance: Provenance,
) -> Figure:
    figure, (axes,) = make_figure(1, 1.7 + PANEL_INCHES, provenance, width=PAGE_INCHES)
    _draw_bars(axes, {panel: frame.filter(panel=panel) for panel in panels}, fills)
    axes.tick_params(axis="x", rotation=30 if len(panels) > MOST_UPRIGHT else 0)
    axes.set_title(f"{levels[0]} connections", loc="left", pad=2)
    return figure


def _sort_panels(names: Sequence[str]) -> list[str]:
    known = [name for name in KNOWN_SERVERS if name in names]
    return [*known, *sorted(set(names) - set(known))]


def _draw_bars(axes: Axes, bars: Mapping[str, pl.DataFrame], fills: Mapping[str, str]) -> None:
    """A stacked bar a label; one without runs stays empty."""
    for place, rows in enumerate(bars.values()):
        bottom = 0.0
        alpha = 1.0 if rows["valid"].all() else PALE
        for name, fill in fills.items():
            share = float(rows.filter(name=name)["value"].sum())
            axes.bar(place, share, bottom=bottom, color=fill, width=0.85, alpha=alpha)
            bottom += share
    axes.set_xticks(range(len(bars)), list(bars))
    axes.set_xlim(-0.6, len(bars) - 0.4)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.set_axisbelow(True)
    axes.grid(visible=False, axis="x")
