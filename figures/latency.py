# SPDX-License-Identifier: MIT
"""Percentiles of latency against concurrency, one panel each."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from figures.curves import draw_curves, make_handles
from figures.style import Provenance, apply_style, make_figure


def draw(percentiles: Mapping[str, pl.DataFrame], provenance: Provenance) -> Figure:
    """Frames by the label of their percentile, with the columns of `figures.curves.COLUMNS`;
    values are microseconds."""
    with apply_style():
        figure, panels = make_figure(len(percentiles), 0.6 + 1.6 * len(percentiles), provenance)
        frame = pl.DataFrame()
        for axes, (label, frame) in zip(panels, percentiles.items(), strict=True):
            milliseconds = frame.with_columns(pl.col("value", "low", "high") / 1000)
            draw_curves(axes, milliseconds, f"{label} (ms)")
            axes.set_yscale("log")
            values = [v for v in milliseconds["value"].to_list() if v > 0] or [1.0]
            axes.set_ylim(min(values) / 1.5, max(values) * 1.5)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.yaxis.set_minor_formatter(NullFormatter())
            if axes is not panels[-1]:
                axes.set_xlabel("")
        figure.legend(handles=make_handles(frame), loc="outside upper center", ncols=3)
        return figure
