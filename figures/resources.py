# SPDX-License-Identifier: MIT
"""How full each resource is, test by test: the server, the client, the wire."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from matplotlib.figure import Figure

from figures.style import COLOURS, COLUMN_INCHES, MARKERS, Provenance, apply_style, make_figure

ROW_INCHES = 0.2
COLUMNS = ("variant", "level", "valid", "value", "low", "high")


def draw(resources: Mapping[str, pl.DataFrame], provenance: Provenance) -> Figure:
    """One frame (COLUMNS) a resource, by its label; values are shares of what it can do.

    A line for each test (variant) and level, in the order of the first frame; hollow points are
    of runs that broke a validity gate.
    """
    first = next(iter(resources.values()))
    tests = list(dict.fromkeys(first.select("variant", "level").iter_rows()))
    height = 0.9 + ROW_INCHES * max(len(tests), 1)
    with apply_style():
        figure, (axes,) = make_figure(1, height, provenance, COLUMN_INCHES)
        for i, (label, frame) in enumerate(resources.items()):
            rows = list(frame.iter_rows(named=True))
            lines = [tests.index((row["variant"], row["level"])) for row in rows]
            colour = COLOURS[i % len(COLOURS)]
            for row, line in zip(rows, lines, strict=True):
                if row["low"] is not None:
                    axes.plot([row["low"], row["high"]], [line, line], color=colour, linewidth=1)
            for valid in (True, False):
                chosen = [n for n, row in enumerate(rows) if row["valid"] is valid]
                axes.plot(
                    [rows[n]["value"] for n in chosen],
                    [lines[n] for n in chosen],
                    color=colour,
                    marker=MARKERS[i % len(MARKERS)],
                    markersize=3,
                    markerfacecolor=colour if valid else "white",
                    linestyle="none",
                    label=label if valid else None,
                )
        names = [f"{variant}, {level} stream{'s' * (level > 1)}" for variant, level in tests]
        axes.set_yticks(range(len(tests)), names, fontsize=5.5)
        axes.set_ylim(len(tests) - 0.4, -0.6)
        axes.set_xlim(0, 1.05)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("share in use")
        figure.legend(loc="outside upper center", ncols=3)
        return figure
