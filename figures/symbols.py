# SPDX-License-Identifier: MIT
"""L2 misses per request by function, a row a function, a point a server."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from matplotlib.figure import Figure

from figures.style import Provenance, apply_style, find_looks, make_figure

COLUMNS = ("server", "symbol", "value")


def draw(frame: pl.DataFrame, servers: Sequence[str], provenance: Provenance) -> Figure:
    """``frame`` has COLUMNS, functions in the order of the rows from the top; the legend has
    each server's sum over all of them."""
    symbols = frame["symbol"].unique(maintain_order=True).to_list()
    rows = {symbol: row for row, symbol in enumerate(symbols)}
    with apply_style():
        figure, (axes,) = make_figure(1, 1.0 + 0.14 * max(1, len(symbols)), provenance)
        for server, (colour, marker) in find_looks(servers).items():
            mine = frame.filter(server=server)
            if not len(mine):
                continue
            axes.plot(
                mine["value"],
                [rows[symbol] for symbol in mine["symbol"]],
                color=colour,
                marker=marker,
                linestyle="none",
                markersize=3.5,
                label=f"{server}: {mine['value'].sum():.0f} in all",
            )
        axes.set_yticks(range(len(symbols)), symbols, fontsize=5.5)
        axes.set_ylim(len(symbols) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.grid(visible=True, axis="y", linewidth=0.3)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("L2 misses / request")
        if axes.lines:
            figure.legend(loc="outside upper center", ncols=1, fontsize=6)
        return figure
