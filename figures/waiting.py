# SPDX-License-Identifier: MIT
"""Where the connections of a closed loop wait, against concurrency."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from figures.style import KNOWN_SERVERS, PAGE_INCHES, Provenance, apply_style, make_figure

COLUMNS = ("panel", "level", "valid", "name", "value")
# What the server has accepted is blue, what its kernel holds green, what the card holds red;
# neighbours in the stack differ in lightness.
FILLS = (
    *("#004466", "#0072B2", "#56B4E9", "#A6D5F2", "#0072B2"),
    *("#009E73", "#88CCAA", "#00664B", "#E69F00"),
    *("#D55E00", "#882255", "#DDDDDD"),
)
PALE = 0.45
PANEL_INCHES = 1.15


def draw(frame: pl.DataFrame, order: Sequence[str], provenance: Provenance) -> Figure:
    """``frame`` has COLUMNS: the share ``value`` of connections that stand at ``name``, by level,
    a panel each; stacked in ``order``, from below.  Levels that are not ``valid`` are pale."""
    panels = _sort_panels(frame["panel"].unique().to_list())
    levels = frame["level"].unique().sort().to_list()
    fills = dict(zip(order, FILLS, strict=False))
    used = [name for name in order if frame.filter(name=name)["value"].abs().sum() > 0]
    with apply_style():
        height = 0.9 + PANEL_INCHES * len(panels)
        figure, rows = make_figure(len(panels), height, provenance, width=PAGE_INCHES)
        for axes, panel in zip(rows, panels, strict=True):
            _draw_panel(axes, frame.filter(panel=panel), levels, {n: fills[n] for n in used})
            axes.set_title(panel, loc="left", fontweight="bold", pad=2)
        rows[-1].set_xlabel("concurrency (connections)")
        handles = [Patch(color=fills[name], label=name) for name in used]
        figure.legend(handles=handles, loc="outside upper center", ncols=4, fontsize=6)
        return figure


def _sort_panels(names: Sequence[str]) -> list[str]:
    known = [name for name in KNOWN_SERVERS if name in names]
    return [*known, *sorted(set(names) - set(known))]


def _draw_panel(
    axes: Axes, frame: pl.DataFrame, levels: Sequence[int], fills: dict[str, str]
) -> None:
    """A bar a level; a level without runs stays empty."""
    for place, level in enumerate(levels):
        rows = frame.filter(level=level)
        bottom = 0.0
        for name, fill in fills.items():
            share = float(rows.filter(name=name)["value"].sum())
            alpha = 1.0 if rows["valid"].all() else PALE
            axes.bar(place, share, bottom=bottom, color=fill, width=0.85, alpha=alpha)
            bottom += share
    axes.set_xticks(range(len(levels)), [f"{level:g}" for level in levels])
    axes.set_xlim(-0.6, len(levels) - 0.4)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.set_axisbelow(True)
    axes.grid(visible=False, axis="x")
