# SPDX-License-Identifier: MIT
"""Figures of overload: replies beyond the peak, the course of a spike, the robust peak."""

from __future__ import annotations

import polars as pl
from matplotlib.figure import Figure

from artifact.judge.peaks import estimate_peaks
from artifact.judge.results import Results, summarize
from artifact.report.illustration import Illustration
from artifact.study.designs import Design
from figures import overload, recovery
from figures.recovery import PEAK_COLUMNS, RUN_COLUMNS
from figures.style import Provenance

BEYOND_METRICS = ("throughput", "latency_p99")


def list_overload_illustrations(design: Design) -> list[Illustration]:
    """Curves over the offered rate where there is no spike, else what it does."""
    if design.base.get("load.spike") == 0:
        return [make_beyond(design)]
    return [make_course(design), make_robust_peak(design)]


def make_beyond(design: Design) -> Illustration:
    """Replies and tail latency against offered rate."""
    return Illustration(
        design.id,
        design.id,
        "Replies per second and 99th percentile of a request's latency against the offered rate, "
        "up to twice the peak. A curve that falls while more is offered is livelock: the server "
        "spends its time on connections that it will not serve. Bands are 95 % intervals over "
        "seeds; hollow points broke a validity gate.",
        BEYOND_METRICS,
        lambda r, p: overload.draw(
            summarize(r, design.id, "throughput"), summarize(r, design.id, "latency_p99"), p
        ),
        lambda r: pl.concat(
            summarize(r, design.id, metric).with_columns(metric=pl.lit(metric))
            for metric in BEYOND_METRICS
        ),
    )


def make_course(design: Design) -> Illustration:
    """What a spike does in time, at the levels of the tier, seed 1."""
    return Illustration(
        f"{design.id}-course",
        design.id,
        "Replies per second, open connections and 99th percentile of latency in bins of 10 ms "
        "around a spike of 4,000 connections in 50 ms, at a steady rate (dashed); one seed. A "
        "server that stays where the spike has put it has failed metastably: the load that it "
        "served before is now too much for it.",
        (),
        lambda r, p: recovery.draw_course(tabulate_course(r, design), p),
        lambda r: tabulate_course(r, design),
    )


def tabulate_course(results: Results, design: Design) -> pl.DataFrame:
    """The courses of seed 1 at the levels of the tier; the search's runs are left out."""
    scope = design.tier.get(results.plan.tier)
    levels = list(scope.levels) if scope else []
    mine = results.courses.filter(
        (pl.col("design") == design.id) & (pl.col("seed") == 1) & pl.col("level").is_in(levels)
    )
    return mine.drop("design", "variant", "seed").sort("level", "server", "at_ms")


def make_robust_peak(design: Design) -> Illustration:
    """Recovery time against steady rate, and the peaks."""

    def draw(results: Results, provenance: Provenance) -> Figure:
        peaks = tabulate_robust_peaks(results, design)
        return recovery.draw_peak(tabulate_recoveries(results, design), peaks, provenance)

    return Illustration(
        f"{design.id}-peak",
        design.id,
        "Virtual time from a spike of 4,000 connections to recovery, against the steady rate; "
        "every run of the search is a point, those on top never recovered while the load lasted. "
        "Vertical lines: the robust peak, the highest steady rate from which a server recovers "
        "within a second (dashed), with its 95 % interval.",
        ("recovery_s",),
        draw,
        lambda r: tabulate_recoveries(r, design),
    )


def tabulate_recoveries(results: Results, design: Design) -> pl.DataFrame:
    """One row a run with a spike (RUN_COLUMNS): its recovery time, null if it never recovered."""
    runs = results.runs.filter((pl.col("design") == design.id) & pl.col("most_open").is_not_null())
    valid = runs.with_columns(valid=pl.col("outcome") == "measured")
    return valid.select(*RUN_COLUMNS).sort("server", "level", "seed")


def tabulate_robust_peaks(results: Results, design: Design) -> pl.DataFrame:
    """Robust peak of each server with its interval (PEAK_COLUMNS); none of one seed alone."""
    rows = [
        (server, peak.value, peak.low, peak.high)
        for server, peak in estimate_peaks(results, design.id).items()
    ]
    schema = dict.fromkeys(PEAK_COLUMNS, pl.Float64) | {"server": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")
