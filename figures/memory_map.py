# SPDX-License-Identifier: MIT
"""Figure 5: the memory map, to scale, with the L2 sets that the cache slab occupies."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from figures.style import COLUMN_INCHES, FOOTER_INCHES, Origin, add_footer, apply_style
from stingy.stingygen.drawing import draw_map
from stingy.stingygen.map import Map

HEIGHT_INCHES = 2.7


def draw(plan: Map, origin: Origin) -> Figure:
    """The map of one server on one machine; it has no data but the map itself."""
    share = FOOTER_INCHES / HEIGHT_INCHES
    with apply_style():
        layout = ConstrainedLayoutEngine(rect=(0, share, 1, 1 - share))
        figure = Figure(figsize=(COLUMN_INCHES, HEIGHT_INCHES), layout=layout)
        draw_map(figure, plan)
        add_footer(figure, str(origin))
        return figure
