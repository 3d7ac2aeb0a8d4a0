# SPDX-License-Identifier: MIT
"""Figure 3: what the annotation file declares, one function a line."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from figures.style import COLOURS, FOOTER_INCHES, POINTS_PER_INCH, Origin, apply_style, make_canvas
from stingy.model.results import Declaration

FONT_POINTS = 5.2
CHARACTER_POINTS = FONT_POINTS * 0.602
LINE_POINTS = 7.2
PAD_POINTS = 4.0
LEFT_POINTS = 5.5
CHARACTERS = 77  # of a line
NAMES = 17  # characters before the declaration, with the equals sign
NOTES = 34  # characters of a declaration beside which there is room for notes


def draw(rows: Sequence[Declaration], origin: Origin) -> Figure:
    """The listing; wrappers carry a bar, and what they imply is in brackets."""
    lines = [(row, *part) for row in rows for part in break_line(row)]
    footer = FOOTER_INCHES * POINTS_PER_INCH
    height = len(lines) * LINE_POINTS + 2 * PAD_POINTS + footer
    with apply_style():
        figure, axes = make_canvas(height, origin)
        panel = Rectangle((0.5, footer), 251, height - footer - 0.5, facecolor="#F6F8FA",
                          edgecolor="#BBBBBB", linewidth=0.4)  # fmt: skip
        axes.add_patch(panel)
        y = height - PAD_POINTS - LINE_POINTS / 2
        for row, text, note in lines:
            if row.wrapper:
                axes.add_patch(Rectangle((1.5, y - LINE_POINTS / 2), 1.6, LINE_POINTS,
                                         facecolor=COLOURS[1], edgecolor="none"))  # fmt: skip
            if text:
                _write(axes, 0, y, row.kind, color=COLOURS[0], fontweight="bold")
                _write(axes, NAMES - 2, y, "=")
                _write(axes, NAMES, y, text)
            _write(axes, NAMES + NOTES, y, note, color="#666666")
            y -= LINE_POINTS
        return figure


def break_line(row: Declaration) -> list[tuple[str, str]]:
    """The declaration and its notes beside it, on as many lines as they need."""
    notes = f"[{'; '.join(row.notes)}]" if row.notes else ""
    parts = textwrap.wrap(notes, CHARACTERS - NAMES - NOTES)
    if not parts:
        return [(row.text, "")]
    if len(row.text) >= NOTES:
        return [(row.text, ""), *(("", part) for part in parts)]
    return [(row.text, parts[0]), *(("", part) for part in parts[1:])]


def _write(
    axes: Axes,
    column: int,
    y: float,
    text: str,
    *,
    color: str = "black",
    fontweight: str = "normal",
) -> None:
    axes.text(
        LEFT_POINTS + column * CHARACTER_POINTS, y, text, va="center", color=color,
        family="DejaVu Sans Mono", fontsize=FONT_POINTS, fontweight=fontweight,
    )  # fmt: skip
