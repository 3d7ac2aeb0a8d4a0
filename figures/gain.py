# SPDX-License-Identifier: MIT
"""A server over its reference, against concurrency: throughput above, L2 misses below."""

from __future__ import annotations

import polars as pl
from matplotlib.figure import Figure

from figures.curves import draw_curves, make_handles
from figures.style import Provenance, apply_style, make_figure


def draw(throughput: pl.DataFrame, misses: pl.DataFrame, reference: str, p: Provenance) -> Figure:
    """Both frames have the columns of `figures.curves.COLUMNS`; values are ratios, paired by seed,
    to the server ``reference``."""
    servers = sorted({reference, *throughput["server"].to_list()})
    with apply_style():
        figure, panels = make_figure(2, 3.9, p)
        for axes, frame, what in zip(
            panels, (throughput, misses), ("throughput", "L2 misses"), strict=True
        ):
            draw_curves(axes, frame, f"{what} / {reference}'s", servers)
            axes.axhline(1, color="#333333", linewidth=0.8, zorder=1)
        panels[0].set_xlabel("")
        figure.legend(
            handles=make_handles(throughput, servers), loc="outside upper center", ncols=3
        )
        return figure
