# SPDX-License-Identifier: MIT
"""Figure 1 of the paper."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from matplotlib.figure import Figure

from artifact.judge.evidence import gather
from artifact.judge.results import Results, summarize
from artifact.report.illustration import Illustration
from artifact.study.claims import AnyClaim
from artifact.study.claims.families import ConcurrencyClaim
from artifact.study.designs import Design
from figures import zones
from figures.style import Provenance
from figures.zones import Zones

FIGURE1 = "figure1"
OTHERS = "footnote3"  # the packaged servers' runs
SERVER = "tux"


def make_figure1(design: Design, claims: Sequence[AnyClaim]) -> Illustration:
    """Throughput with zones (``claims`` are about their borders), and L2 misses of data and
    instructions."""
    return Illustration(
        "figure1",
        design.id,
        "Above: throughput of stock TUX (and of the packaged servers, where their runs are part of "
        "the plan) against concurrency; TUX's elastic, plastic and failure zones as estimated "
        "from the data, with the intervals of their borders in grey (none where the data do not "
        "tell them apart; triangles: the borders that the paper names). Below: L2 misses per "
        "request of TUX, data on the left axis, instructions on the right. Bands are 95 % "
        "intervals over seeds.",
        ("throughput", "l2_data", "l2_fetch"),
        lambda results, provenance: draw_figure1(results, design, claims, provenance),
        lambda results: tabulate_figure1(results, design),
    )


def draw_figure1(
    results: Results, design: Design, claims: Sequence[AnyClaim], provenance: Provenance
) -> Figure:
    """The figure from all results that are there."""
    throughput = [summarize(results, name, "throughput") for name in (design.id, OTHERS)]
    data, fetch = (
        summarize(results, design.id, metric).filter(pl.col("server") == SERVER)
        for metric in ("l2_data", "l2_fetch")
    )
    found = find_zones(results, design, claims)
    return zones.draw(pl.concat(throughput), data, fetch, found, provenance)


def tabulate_figure1(results: Results, design: Design) -> pl.DataFrame:
    """All points of the figure, with their metric."""
    wanted = [(design.id, metric) for metric in ("throughput", "l2_data", "l2_fetch")]
    return pl.concat(
        summarize(results, name, metric).with_columns(metric=pl.lit(metric))
        for name, metric in [*wanted, (OTHERS, "throughput")]
    )


def find_zones(results: Results, design: Design, claims: Sequence[AnyClaim]) -> Zones:
    """The borders of TUX's zones, by the same estimates that decide those of ``claims`` that are
    about them."""
    borders: dict[str, tuple[float, float, float]] = {}
    paper = []
    for claim in claims:
        if claim.design != design.id or claim.metric != "throughput":
            continue
        if not isinstance(claim, ConcurrencyClaim):
            continue
        paper.append(claim.expected)
        evidence = gather(claim, SERVER, results).evidence
        if evidence is None or not claim.finds_border(evidence):
            continue
        estimate = evidence.estimate
        if estimate.low is None or estimate.high is None:
            continue
        low, middle, high = (
            value * claim.expected for value in (estimate.low, estimate.value, estimate.high)
        )
        borders[claim.border] = (low, middle, high)
    return Zones(borders.get("elastic_ends"), borders.get("failure_begins"), tuple(paper))
