# SPDX-License-Identifier: MIT
"""Figure 7(b) and (c) of the paper: throughput and L2 misses of TUX with and without Stingy."""

from __future__ import annotations

import polars as pl
from matplotlib.figure import Figure

from figures.curves import draw_curves, make_handles
from figures.style import Provenance, apply_style, make_figure


def draw(
    throughput: pl.DataFrame, data: pl.DataFrame, fetch: pl.DataFrame, provenance: Provenance
) -> Figure:
    """All frames have the columns of `figures.curves.COLUMNS`."""
    with apply_style():
        figure, panels = make_figure(3, 5.6, provenance)
        thousands = throughput.with_columns(pl.col("value", "low", "high") / 1000)
        draw_curves(panels[0], thousands, "1000 requests / s")
        draw_curves(panels[1], data, "L2 data misses / request")
        draw_curves(panels[2], fetch, "L2 instruction misses / request")
        for axes, name in zip(panels, ("7(b)", "7(c), data", "7(c), instructions"), strict=True):
            axes.set_title(name, loc="left", fontsize=6.5, pad=2)
            if axes is not panels[-1]:
                axes.set_xlabel("")
        figure.legend(handles=make_handles(throughput), loc="outside upper center", ncols=3)
        return figure
