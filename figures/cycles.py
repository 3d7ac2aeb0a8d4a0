# SPDX-License-Identifier: MIT
"""Where the time goes: busy cycles per request, and the share of them spent in stalls."""

from __future__ import annotations

import polars as pl
from matplotlib.figure import Figure

from figures.curves import draw_curves, make_handles
from figures.style import Provenance, apply_style, make_figure


def draw(cycles: pl.DataFrame, stalls: pl.DataFrame, provenance: Provenance) -> Figure:
    """Both frames have the columns of `figures.curves.COLUMNS`."""
    with apply_style():
        figure, (above, below) = make_figure(2, 3.9, provenance)
        thousands = cycles.with_columns(pl.col("value", "low", "high") / 1000)
        draw_curves(above, thousands, "1000 cycles / request")
        percent = stalls.with_columns(pl.col("value", "low", "high") * 100)
        draw_curves(below, percent, "stalls (% of busy cycles)")
        above.set_xlabel("")
        figure.legend(handles=make_handles(cycles), loc="outside upper center", ncols=4)
        return figure
