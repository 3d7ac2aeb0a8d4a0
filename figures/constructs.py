# SPDX-License-Identifier: MIT
"""Figure 2: the constructs of an event-driven server, and the functions that are them here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from figures.style import FOOTER_INCHES, POINTS_PER_INCH, Origin, apply_style, make_canvas
from stingy.model.results import Declaration

COLUMNS = (("construct", 3.0), ("function", 57.0), ("type", 133.0), ("defined in", 202.0))
RIGHT = 249.0
ROW_POINTS = 8.6
GAP_POINTS = 2.6  # between two constructs
HEAD_POINTS = 12.0
LEGEND_POINTS = 16.0
MONOSPACE = "DejaVu Sans Mono"


def draw(rows: Sequence[Declaration], task: str, origin: Origin) -> Figure:
    """A table with a row for each function; ``task`` is the C type of a request."""
    groups = len({row.kind for row in rows})
    footer = FOOTER_INCHES * POINTS_PER_INCH
    height = HEAD_POINTS + len(rows) * ROW_POINTS + groups * GAP_POINTS + LEGEND_POINTS + footer
    with apply_style():
        figure, axes = make_canvas(height, origin)
        _draw_rule(axes, height - 1.0, 0.9)
        for title, x in COLUMNS:
            axes.text(x, height - HEAD_POINTS / 2, title, fontsize=6, va="center", color="#444444")
        y = height - HEAD_POINTS
        _draw_rule(axes, y, 0.5)
        for number, row in enumerate(rows):
            first = not number or rows[number - 1].kind != row.kind
            if first and number:
                y -= GAP_POINTS / 2
                _draw_rule(axes, y, 0.25)
                y -= GAP_POINTS / 2
            y -= ROW_POINTS
            _draw_row(axes, row, y + ROW_POINTS / 2 - (0 if number else 0.6), first=first)
        y -= GAP_POINTS
        _draw_rule(axes, y, 0.9)
        legend = (
            f"T: a request, {task};  S: a stage;  O: an object.\n\N{ASTERISK OPERATOR}: a wrapper, "
        )
        legend += "which implies size or object, or counts in some places only."
        axes.text(3, y - LEGEND_POINTS / 2, legend, fontsize=5.2, va="center", linespacing=1.25)
        return figure


def format_type(text: str) -> str:
    """A type in roles, as the paper sets it."""
    return text.replace(" x ", " \N{MULTIPLICATION SIGN} ").replace("->", "\N{RIGHTWARDS ARROW}")


def _draw_row(axes: Axes, row: Declaration, y: float, *, first: bool) -> None:
    where = f"{row.location.file}:{row.location.line}" if row.location else "the system"
    mark = " \N{ASTERISK OPERATOR}" if row.wrapper else ""
    cells = (row.kind if first else "", row.name + mark, format_type(row.type), where)
    styles: tuple[dict[str, Any], ...] = (
        {"fontsize": 5.6, "fontweight": "bold"},
        {"fontsize": 5.4, "family": MONOSPACE},
        {"fontsize": 5.6},
        {"fontsize": 5.2, "color": "#666666"},
    )
    for (_, x), text, style in zip(COLUMNS, cells, styles, strict=True):
        axes.text(x, y, text, va="center", fontdict=style)


def _draw_rule(axes: Axes, y: float, width: float) -> None:
    axes.plot([1, RIGHT + 2], [y, y], color="#000000", linewidth=width, solid_capstyle="butt")
