# SPDX-License-Identifier: MIT
"""A ratio against the values of one assumption or parameter at a time, a panel each."""

from __future__ import annotations

import polars as pl
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from figures.style import Provenance, apply_style, find_looks, make_figure

COLUMNS = ("axis", "at", "server", "value", "low", "high")


def draw(frame: pl.DataFrame, reference: str, provenance: Provenance) -> Figure:
    """``frame`` has COLUMNS: the ratio ``value`` of ``server``'s throughput to that of
    ``reference``, at ``at`` on ``axis``; points
    without interval have one seed.  Where a line crosses 1 there is no gain left."""
    counts = frame.group_by("axis", maintain_order=True).agg(pl.col("at").n_unique())
    names = counts.filter(pl.col("at") > 1)["axis"].to_list()  # one place is no sweep
    looks = find_looks(frame["server"].to_list())
    with apply_style():
        figure, panels = make_figure(max(1, len(names)), 0.6 + 1.5 * max(1, len(names)), provenance)
        for axes, name in zip(panels, names, strict=False):
            for server, (colour, marker) in looks.items():
                line = frame.filter(axis=name, server=server).drop_nulls("value").sort("at")
                if not len(line):
                    continue
                drawn = line["low"].is_null().all()
                axes.plot(
                    line["at"],
                    line["value"],
                    color=colour,
                    marker=marker,
                    markerfacecolor="white" if drawn else colour,
                )
                bars = line.drop_nulls(["low", "high"])
                axes.vlines(bars["at"], bars["low"], bars["high"], color=colour, linewidth=1)
            places = sorted(set(frame.filter(axis=name)["at"].to_list()))
            if places and places[0] > 0 and places[-1] / places[0] > 4:
                axes.set_xscale("log")
            axes.xaxis.set_major_locator(FixedLocator(places))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.axhline(1, color="#333333", linewidth=0.8, zorder=1)
            axes.set_xlabel(name)
            axes.set_ylabel(f"throughput / {reference}'s")
        handles = [
            Line2D([], [], color=colour, marker=marker, label=server)
            for server, (colour, marker) in looks.items()
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=3)
        return figure
