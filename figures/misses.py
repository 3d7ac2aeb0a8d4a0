# SPDX-License-Identifier: MIT
"""L2 misses per request against concurrency: data above, instructions below."""

from __future__ import annotations

import polars as pl
from matplotlib.figure import Figure

from figures.curves import draw_curves, make_handles
from figures.style import Provenance, apply_style, make_figure


def draw(data: pl.DataFrame, fetch: pl.DataFrame, provenance: Provenance) -> Figure:
    """Both frames have the columns of `figures.curves.COLUMNS`; values are misses per request."""
    with apply_style():
        figure, (above, below) = make_figure(2, 3.9, provenance)
        draw_curves(above, data, "L2 data misses / request")
        draw_curves(below, fetch, "L2 instruction misses / request")
        above.set_xlabel("")
        figure.legend(handles=make_handles(data), loc="outside upper center", ncols=4)
        return figure
