# SPDX-License-Identifier: MIT
"""Figure 5: the memory map, to scale, with the L2 sets that the cache slab occupies."""

from __future__ import annotations

from matplotlib.figure import Figure

from figures.style import COLUMN_INCHES, apply_style
from stingy.drawing import draw_map
from stingy.map import Map

HEIGHT_INCHES = 2.6


def draw(plan: Map) -> Figure:
    """The map of one server on one machine; it has no data but the map itself."""
    with apply_style():
        figure = Figure(figsize=(COLUMN_INCHES, HEIGHT_INCHES), layout="constrained")
        draw_map(figure, plan)
        return figure
