# SPDX-License-Identifier: MIT
"""Throughput against concurrency."""

from __future__ import annotations

import polars as pl
from matplotlib.figure import Figure

from figures.curves import draw_curves, make_handles
from figures.style import Provenance, apply_style, make_figure


def draw(frame: pl.DataFrame, provenance: Provenance) -> Figure:
    """``frame`` has the columns of `figures.curves.COLUMNS`; values are requests per second."""
    with apply_style():
        figure, (axes,) = make_figure(1, 2.5, provenance)
        thousands = frame.with_columns(pl.col("value", "low", "high") / 1000)
        draw_curves(axes, thousands, "throughput (1000 requests/s)")
        figure.legend(handles=make_handles(frame), loc="outside upper center", ncols=4)
        return figure
