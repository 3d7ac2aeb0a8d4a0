# SPDX-License-Identifier: MIT
"""A server over its reference, against concurrency: throughput above, L2 misses below."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from figures.curves import draw_curves, make_handles
from figures.style import PAPER, Provenance, apply_style, make_figure

Points = Sequence[tuple[int, float]]


def draw(
    throughput: pl.DataFrame,
    misses: pl.DataFrame,
    reference: str,
    provenance: Provenance,
    *,
    paper: tuple[Points, Points] = ((), ()),
) -> Figure:
    """Both frames have the columns of `figures.curves.COLUMNS`; values are ratios, paired by seed,
    to the server ``reference``.  ``paper`` has the paper's own (level, ratio) for each panel."""
    with apply_style():
        figure, panels = make_figure(2, 3.9, provenance)
        for axes, frame, what, points in zip(
            panels, (throughput, misses), ("throughput", "L2 misses"), paper, strict=True
        ):
            draw_curves(axes, frame, f"{what} / {reference}'s")
            axes.axhline(1, color="#333333", linewidth=0.8, zorder=1)
            for level, ratio in points:
                axes.plot([level], [ratio], **PAPER, zorder=5)
                axes.set_ylim(top=max(axes.get_ylim()[1], 1.08 * ratio))
        # Only misses can come near to nothing.
        lowest = min([1.0, *throughput["value"].to_list(), *throughput["low"].drop_nulls()])
        panels[0].set_ylim(bottom=0.95 * lowest)
        panels[0].set_xlabel("")
        handles = make_handles(throughput)
        if any(paper):
            handles.append(Line2D([], [], **PAPER, label="the paper"))
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
        return figure
