# SPDX-License-Identifier: MIT
"""Servers over their reference, paired by seed: Figure 7, latency, ablation, sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import polars as pl
from matplotlib.figure import Figure

from artifact.judge.peaks import estimate_peaks
from artifact.judge.results import Results, select_valid, summarize
from artifact.report.illustration import Illustration, tabulate_ratio
from artifact.report.tables.overload import list_overload_illustrations
from artifact.statistics.estimates import Estimate, estimate_ratio
from artifact.study.claims import AnyClaim
from artifact.study.claims.peak import PeakClaim
from artifact.study.claims.ratio import RatioClaim
from artifact.study.designs import Design, Variant
from figures import forest, gain, latency, peak, schedulers, sweep, variants
from figures.forest import SCHEMA as FOREST
from figures.style import Provenance

PLAIN = "figure7"  # the design with runs of every plain variant
PERCENTILES = {
    "request, median": "latency_p50",
    "request, 99th perc.": "latency_p99",
    "connection, 99th perc.": "connection_p99",
}
CURVE_SCHEMA: dict[str, type[pl.DataType]] = {
    "server": pl.String,
    "level": pl.Int64,
    "valid": pl.Boolean,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "zone": pl.String,
}
SWEEP_SCHEMA: dict[str, type[pl.DataType]] = {
    "axis": pl.String,
    "at": pl.Float64,
    "server": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
PEAK_SCHEMA: dict[str, type[pl.DataType]] = {
    "server": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "seeds": pl.Int64,
}


def list_pair_illustrations(design: Design, claims: Sequence[AnyClaim]) -> list[Illustration]:
    """The figures of a design with a reference: by offered rate, by a parameter, as a list of
    servers at one level, or as curves.  The paper's numbers are those of ``claims``."""
    if design.kind.may_lose:
        return list_overload_illustrations(design)
    if design.kind.open_loop:
        return [make_peak(design, claims)]
    if len(design.variant) > 1:
        return [make_sweep(design), *_make_unplaced(design)]
    if max(len(scope.servers) for scope in design.tier.values()) > 4:
        return [
            make_ablation(design, m, w) for m, w in (("throughput", ""), ("l2_total", "-misses"))
        ]
    return [
        make_variants(design),
        make_gain(design, claims),
        make_latency(design),
        make_schedulers(design),
    ]


def compare(
    results: Results, design: Design, metric: str, *, server: str, level: int, variant: str = "base"
) -> Estimate | None:
    """``metric`` of ``server`` over the reference's at ``level``, over the seeds that have both;
    the reference in the same variant, or if none of its runs is planned in that, in the first."""
    mine, other = (
        _collect(results, design.id, metric, server=name, level=level, variant=variant)
        for name in (server, design.reference)
    )
    if not _is_planned(results, design.id, design.reference, variant):
        # The reference has no such knob: its plain runs are another design's.
        other = _collect(
            results, PLAIN, metric, server=design.reference, level=level, variant="base"
        )
    seeds = sorted(set(mine) & set(other))
    if not seeds:
        return None
    return estimate_ratio([mine[s] for s in seeds], [other[s] for s in seeds])


def _is_planned(results: Results, name: str, server: str, variant: str) -> bool:
    """Whether a design runs ``server`` in ``variant``; such runs may all be invalid."""
    wanted = (name, server, variant)
    return any((run.design, run.server, run.variant) == wanted for run in results.plan.runs)


def _collect(
    results: Results, name: str, metric: str, *, server: str, level: int, variant: str
) -> dict[int, float]:
    frame = select_valid(results, name, metric, server=server, variant=variant)
    return dict(frame.filter(pl.col("level") == level).select("seed", "value").iter_rows())


def _list_servers(results: Results, design: Design) -> list[str]:
    scope = design.tier.get(results.plan.tier)
    return [s for s in scope.servers if s != design.reference] if scope else []


def _list_levels(results: Results, design: Design) -> Sequence[int]:
    scope = design.tier.get(results.plan.tier)
    return scope.levels if scope else ()


def tabulate_gain(results: Results, design: Design, metric: str) -> pl.DataFrame:
    """Curves of ratios (CURVE_SCHEMA), over the valid runs."""
    rows = [
        (server, level, True, found.value, found.low, found.high, "")
        for server in _list_servers(results, design)
        for level in _list_levels(results, design)
        if (found := compare(results, design, metric, server=server, level=level))
    ]
    return pl.DataFrame(rows, schema=CURVE_SCHEMA, orient="row")


def _stack(results: Results, design: Design, metrics: Sequence[str]) -> pl.DataFrame:
    return pl.concat(
        summarize(results, design.id, metric).with_columns(metric=pl.lit(metric))
        for metric in metrics
    )


def make_variants(design: Design) -> Illustration:
    """Figure 7(b) and (c)."""
    metrics = ("throughput", "l2_data", "l2_fetch")
    return Illustration(
        design.id,
        design.id,
        "Figure 7(b) and (c): throughput, L2 data misses and L2 instruction misses per request "
        "against concurrency. Bands are 95 % intervals over seeds; hollow points broke a validity "
        "gate, such as lost connections.",
        metrics,
        lambda r, p: variants.draw(
            summarize(r, design.id, "throughput"),
            summarize(r, design.id, "l2_data"),
            summarize(r, design.id, "l2_fetch"),
            p,
        ),
        lambda r: _stack(r, design, metrics),
    )


def make_gain(design: Design, claims: Sequence[AnyClaim]) -> Illustration:
    """What the paper reads off Figure 7, with intervals."""
    metrics = ("throughput", "l2_total")
    return Illustration(
        f"{design.id}-gain",
        design.id,
        f"Throughput and L2 misses over those of {design.reference}, paired by seed, with 95 % "
        "intervals; valid runs only. Stars are the paper's own numbers.",
        metrics,
        lambda r, p: gain.draw(
            tabulate_gain(r, design, "throughput"),
            tabulate_gain(r, design, "l2_total"),
            design.reference,
            p,
            paper=(
                find_paper(claims, design, "throughput"),
                find_paper(claims, design, "l2_total"),
            ),
        ),
        lambda r: pl.concat(
            tabulate_gain(r, design, metric).with_columns(metric=pl.lit(metric))
            for metric in metrics
        ),
    )


def find_paper(claims: Sequence[AnyClaim], design: Design, metric: str) -> list[tuple[int, float]]:
    """Level and ratio of the numbers that the paper gives for ``metric``."""
    return [
        (claim.point.level, claim.paper)
        for claim in claims
        if isinstance(claim, RatioClaim) and (claim.design, claim.metric) == (design.id, metric)
        if claim.paper is not None and claim.point.level is not None
    ]


def make_latency(design: Design) -> Illustration:
    """Latency beside throughput."""
    return Illustration(
        f"{design.id}-latency",
        design.id,
        "Latency at the server's end of the wire against concurrency: of a request, from its first "
        "byte in to the last byte out, and of a connection, from its first SYN to the last byte "
        "out.",
        tuple(PERCENTILES.values()),
        lambda r, p: latency.draw(
            {label: summarize(r, design.id, metric) for label, metric in PERCENTILES.items()}, p
        ),
        lambda r: _stack(r, design, tuple(PERCENTILES.values())),
    )


def make_schedulers(design: Design) -> Illustration:
    """Figure 6."""
    rows = [(s.title, s.rule, s.loop) for s in schedulers.SCHEDULERS]
    return Illustration(
        "figure6",
        design.id,
        "Figure 6: which request an I/O-limited server, TUX, and TUX with Stingy elect next.",
        (),
        lambda _, p: schedulers.draw(p),
        lambda _: pl.DataFrame(rows, schema=["scheduler", "elects", "iterates"], orient="row"),
    )


def make_peak(design: Design, claims: Sequence[AnyClaim]) -> Illustration:
    """Figure 7(a)."""

    def draw(results: Results, provenance: Provenance) -> Figure:
        def take(metric: str) -> pl.DataFrame:
            return summarize(results, design.id, metric)

        peaks = tabulate_peaks(results, design)
        return peak.draw(
            take("throughput"),
            take("open_connections"),
            take("failed_share"),
            take("timeout_share"),
            peaks=peaks,
            paper=find_paper_peak(peaks, design, claims),
            provenance=provenance,
        )

    return Illustration(
        f"{design.id}",
        design.id,
        "Figure 7(a): replies per second against offered rate; small numbers are connections open "
        "at a time, vertical lines the peak loads found by search, with their 95 % intervals, the "
        "black one where the peak would be with the paper's gain. "
        "Below: open connections; failed connections (dotted: timed out). Hollow points broke a "
        "validity gate, such as no connection lost.",
        ("throughput",),
        draw,
        lambda r: _stack(r, design, ("throughput", "open_connections", "failed_share")),
    )


def find_paper_peak(
    peaks: pl.DataFrame, design: Design, claims: Sequence[AnyClaim]
) -> float | None:
    """Where the peak would be if it rose as in the paper, from ``peaks`` (PEAK_SCHEMA); None
    without a reference's peak."""
    stock = peaks.filter(server=design.reference)["value"].to_list()
    gains = [c.paper for c in claims if isinstance(c, PeakClaim) and c.design == design.id]
    return stock[0] * gains[0] if stock and gains and gains[0] else None


def tabulate_peaks(results: Results, design: Design) -> pl.DataFrame:
    """Peak load of each server with its interval (PEAK_SCHEMA); none where the search found
    fewer than two."""
    rows = [
        (server, peak.value, peak.low, peak.high, peak.n)
        for server, peak in estimate_peaks(results, design.id).items()
    ]
    return pl.DataFrame(rows, schema=PEAK_SCHEMA, orient="row")


def make_ablation(design: Design, metric: str, suffix: str) -> Illustration:
    """One ratio a server and level, under each other."""
    what = "L2 misses" if metric == "l2_total" else metric
    return Illustration(
        f"{design.id}{suffix}",
        design.id,
        f"{what.capitalize()} of each variant over that of {design.reference}, paired by seed. "
        "Hollow points have one seed and no interval.",
        (metric,),
        lambda r, p: forest.draw(
            tabulate_servers(r, design, metric), p, f"{what} / {design.reference}'s"
        ),
        lambda r: tabulate_servers(r, design, metric),
    )


def tabulate_servers(results: Results, design: Design, metric: str) -> pl.DataFrame:
    """Ratios to the reference, of every server at every level (forest's columns)."""
    levels = _list_levels(results, design)
    rows = []
    for server in _list_servers(results, design):
        for level in levels:
            found = compare(results, design, metric, server=server, level=level)
            rows.append(
                tabulate_ratio(server if len(levels) == 1 else f"{server}, c = {level}", found)
            )
    return pl.DataFrame(rows, schema=FOREST)


def make_sweep(design: Design) -> Illustration:
    """Ratios against a parameter."""
    return Illustration(
        f"{design.id}-sweep",
        design.id,
        f"Throughput over that of {design.reference}, paired by seed, with one thing changed at a "
        "time. Below 1 nothing is gained. Hollow points have one seed and no interval.",
        ("throughput",),
        lambda r, p: sweep.draw(tabulate_sweep(r, design), design.reference, p),
        lambda r: tabulate_sweep(r, design),
    )


def tabulate_sweep(results: Results, design: Design) -> pl.DataFrame:
    """Ratios by axis and place on it (SWEEP_SCHEMA), at the highest level."""
    rows: list[tuple[object, ...]] = []
    placed = [
        (axis, at, variant)
        for variant in _list_variants(results, design)
        for axis, at in variant.at.items()
    ]
    order = [axis for variant in design.variant for axis in variant.at]
    for axis, at, variant in sorted(placed, key=lambda item: (order.index(item[0]), item[1])):
        for server in _list_servers(results, design):
            level = max(_list_levels(results, design))
            found = compare(
                results, design, "throughput", server=server, level=level, variant=variant.name
            )
            if found:
                rows.append((axis, at, server, found.value, found.low, found.high))
    return pl.DataFrame(rows, schema=SWEEP_SCHEMA, orient="row")


def find_vanishing(points: Sequence[tuple[float, float]]) -> float | None:
    """Where the gain (a ratio less than 1 is none) is gone, between two neighbouring (place,
    ratio), by a straight line; None if it stays on one side of 1 over all places."""
    ordered = sorted(points)
    for (left, above), (right, below) in pairwise(ordered):
        if (above - 1) * (below - 1) < 0:
            return left + (right - left) * (above - 1) / (above - below)
    return None


def _list_variants(results: Results, design: Design) -> list[Variant]:
    scope = design.tier.get(results.plan.tier)
    return design.find_variants(scope) if scope else []


def _make_unplaced(design: Design) -> list[Illustration]:
    """A list for variants that have no place on an axis, such as a replacement policy."""
    if all(variant.at for variant in design.variant[1:]):
        return []

    def tabulate(results: Results) -> pl.DataFrame:
        rows = []
        for variant in _list_variants(results, design):
            for server in _list_servers(results, design):
                level = max(_list_levels(results, design))
                found = compare(
                    results, design, "throughput", server=server, level=level, variant=variant.name
                )
                rows.append(tabulate_ratio(f"{variant.name}, {server}", found))
        return pl.DataFrame(rows, schema=FOREST)

    return [
        Illustration(
            f"{design.id}-list",
            design.id,
            f"Throughput over that of {design.reference}, paired by seed, for every machine.",
            ("throughput",),
            lambda r, p: forest.draw(tabulate(r), p, f"throughput / {design.reference}'s"),
            tabulate,
        )
    ]
