# SPDX-License-Identifier: MIT
"""The figure of where connections wait."""

from __future__ import annotations

from typing import Final

import polars as pl
from matplotlib.figure import Figure

from artifact.judge.ledgers import ORDER
from artifact.judge.results import Results
from artifact.report.illustration import Illustration
from artifact.report.tables.figure1 import FIGURE1, OTHERS
from artifact.study.designs import Design
from figures import waiting
from figures.style import Provenance

# Name of the figure -> the designs whose runs it shows, and what has a panel of its own.
FIGURES: Final = {
    f"{FIGURE1}-waiting": ((FIGURE1, OTHERS), "server"),
    "figure7-waiting": (("figure7",), "server"),
    "platform-waiting": (("platform",), "variant"),
}


def list_waiting(design: Design) -> list[Illustration]:
    """The figures that belong to ``design``."""
    return [
        make_waiting(name, designs, panel)
        for name, (designs, panel) in FIGURES.items()
        if designs[0] == design.id
    ]


def make_waiting(name: str, designs: tuple[str, ...], panel: str) -> Illustration:
    """The figure ``name`` of the runs of ``designs``, a panel a ``panel``."""

    def draw(results: Results, provenance: Provenance) -> Figure:
        return waiting.draw(tabulate_waiting(results, designs, panel), ORDER, provenance)

    return Illustration(
        name,
        designs[0],
        "Where the connections of a closed loop are, as shares of the concurrency: means over the "
        "samples of the steady window and over seeds. The emulator reads the server's own "
        "counters, which costs the server no instruction. Pale: levels at which no run is valid.",
        (),
        draw,
        lambda results: tabulate_waiting(results, designs, panel),
    )


def tabulate_waiting(results: Results, designs: tuple[str, ...], panel: str) -> pl.DataFrame:
    """Rows (`figures.waiting.COLUMNS`): mean shares by panel, level and name.

    Panels by ``variant`` show the designs' first server alone, those by ``server`` its first
    variant.  Where a level has valid runs, the others do not count.
    """
    runs = [run for run in results.plan.runs if run.design in designs]
    other, name = ("server", "server") if panel == "variant" else ("variant", "variant")
    first = {run.design: getattr(run, name) for run in reversed(runs)}
    rows = results.ledgers.filter(pl.col("design").is_in(designs)).filter(
        pl.col(other) == pl.col("design").replace_strict(first, default=None)
    )
    best = pl.col("valid") == pl.col("valid").max().over("panel", "level")
    return (
        rows.with_columns(panel=pl.col(panel))
        .filter(best)
        .group_by("panel", "level", "valid", "name")
        .agg(pl.col("value").mean())
        .sort("panel", "level", "name")
        .select(waiting.COLUMNS)
    )
