# SPDX-License-Identifier: MIT
"""What a figure is to the report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
from matplotlib.figure import Figure

from artifact.judge.results import Results
from artifact.statistics.estimates import Estimate
from figures.style import Provenance


@dataclass(frozen=True)
class Illustration:
    """A figure: what it shows, its files, the table behind it.

    ``command`` repeats it where that is not the sweep of ``design``.
    """

    name: str
    design: str
    caption: str
    metrics: tuple[str, ...]
    draw: Callable[[Results, Provenance], Figure]
    tabulate: Callable[[Results], pl.DataFrame]
    command: str = ""


def find_highest_level(frame: pl.DataFrame, design: str) -> int:
    """The highest level at which ``frame`` has rows of the design named ``design`` for each server
    that has any, so that they can be compared; 0 without."""
    mine = frame.filter(design=design)
    servers = mine.group_by("level").agg(pl.col("server").n_unique())
    shared = servers.filter(server=mine["server"].n_unique())
    return int(str(shared["level"].max() or 0))


def tabulate_ratio(label: str, found: Estimate | None) -> dict[str, object]:
    """A row of a list of ratios (`figures.forest`)."""
    return {
        "label": label,
        "value": found.value if found else None,
        "low": found.low if found else None,
        "high": found.high if found else None,
        "note": "" if found else "no valid runs",
    }
