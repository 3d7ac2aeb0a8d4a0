# SPDX-License-Identifier: MIT
"""The numbers that decide a claim: which runs are compared, their estimate, their tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from artifact.judge.comparisons import estimate_peak_claim, estimate_shift, find_worst
from artifact.judge.onsets import find_onset
from artifact.judge.results import Results, select_valid
from artifact.runs.store import Outcome
from artifact.statistics.bends import Bend, find_bends
from artifact.statistics.estimates import (
    Estimate,
    estimate_maximum,
    estimate_ratio,
    find_equivalence_p,
    find_sign_flip_p,
    find_trend_p,
    log_ratios,
)
from artifact.study.claims import (
    AnyClaim,
    BendClaim,
    EffectClaim,
    EquivalenceClaim,
    MaximumClaim,
    NoWorseClaim,
    OnsetClaim,
    PeakClaim,
    RatioClaim,
    Selector,
    ShiftClaim,
    TrendClaim,
    ValueClaim,
)
from artifact.study.coverage import Coverage, list_points
from artifact.study.metrics import METRICS


@dataclass(frozen=True)
class Evidence:
    """Numbers for one claim and server, before any adjustment for the number of tests.

    ``p`` is for the claim, ``p_reverse`` for its opposite; both are None, and ``problem`` says
    why, if there is no estimate.  ``judged`` is False if the tier is not meant to judge.  For a
    claim about a place the estimate is a ratio to the expected one, without p; ``bend`` has the
    slopes, and ``beyond`` says that no level up to the last reached the place.
    """

    claim: AnyClaim
    server: str
    judged: bool = True
    problem: str = ""
    estimate: Estimate | None = None
    p: float | None = None
    p_reverse: float | None = None
    keys: tuple[str, ...] = ()
    bend: Bend | None = None
    beyond: bool = False


def gather(claim: AnyClaim, server: str, results: Results) -> Evidence:
    """The numbers that decide ``claim`` for ``server``, or the problem that prevents a verdict."""
    tier = results.plan.tier
    needed = claim.seeds.get(tier)
    if needed is None:
        problem = f"the {tier} tier has too few runs for a verdict"
        return Evidence(claim, server, judged=False, problem=problem)
    try:
        points = list_points(claim, server, cover_results(results, claim.design), needed)
    except ValueError as gap:
        return Evidence(claim, server, judged=False, problem=f"in the {tier} tier {gap}")
    try:
        evidence = _weigh(claim, server, points, results, needed)
        _refuse_repeats(evidence, results)
    except ValueError as error:
        return Evidence(claim, server, problem=str(error))
    return evidence


def cover_results(results: Results, design: str) -> Coverage:
    """What was planned of ``design``, whatever came of it."""
    runs = results.runs.filter(pl.col("design") == design)
    counts = runs.group_by("server", "variant", "level").agg(pl.col("seed").n_unique())
    searches = {s.server: s.seeds for s in results.plan.searches if s.design == design}
    return Coverage({tuple(point): seeds for *point, seeds in counts.iter_rows()}, searches)


def _weigh(
    claim: AnyClaim, server: str, points: Sequence[Selector], results: Results, needed: int
) -> Evidence:
    """The numbers; raises ValueError, in words, if the runs that there are do not give them."""
    if isinstance(claim, OnsetClaim):
        return _gather_onset(claim, server, results, needed)
    if isinstance(claim, PeakClaim | ShiftClaim):
        estimate, keys = (
            estimate_peak_claim(claim, server, results, needed)
            if isinstance(claim, PeakClaim)
            else estimate_shift(claim, server, results, needed)
        )
        return Evidence(claim, server, estimate=estimate, keys=keys)
    table, keys = _collect(claim, points, results, needed)
    if isinstance(claim, BendClaim):
        bend = find_bends([point.level or 1 for point in points], table, claim.breaks)
        return _gather_bend(claim, server, bend[claim.index - 1], keys)
    if isinstance(claim, NoWorseClaim):
        # Where the point is one for all levels, those of the reference are the ones compared.
        levels = [p.level or 1 for p in points[1 if claim.point.level else 0 :: 2]]
        columns = list(zip(*table, strict=True))
        pairs = list(zip(levels, columns[0::2], columns[1::2], strict=True))
        return Evidence(claim, server, estimate=find_worst(claim, pairs), keys=keys)
    estimate, p, p_reverse = _estimate(claim, table)
    return Evidence(claim, server, estimate=estimate, p=p, p_reverse=p_reverse, keys=keys)


def _refuse_repeats(evidence: Evidence, results: Results) -> None:
    """Raises ValueError if seeds moved nothing at all: one run repeated is no sample.

    One metric may well be the same in every boot; all metrics are not.
    """
    runs = results.runs.filter(
        (pl.col("design") == evidence.claim.design) & pl.col("key").is_in(evidence.keys)
    )
    points = runs.group_by("server", "variant", "level").agg(
        seeds=pl.col("seed").n_unique(), outcomes=pl.struct(*METRICS).n_unique()
    )
    several = points.filter(pl.col("seeds") > 1)
    if len(several) and (several["outcomes"] == 1).all():
        raise ValueError("all seeds gave the same runs: no sample")


def _gather_bend(claim: BendClaim, server: str, bend: Bend, keys: tuple[str, ...]) -> Evidence:
    estimate = Estimate(
        bend.at.value / claim.expected,
        bend.at.low / claim.expected,
        bend.at.high / claim.expected,
        bend.n,
    )
    return Evidence(claim, server, estimate=estimate, keys=keys, bend=bend)


def _gather_onset(claim: OnsetClaim, server: str, results: Results, needed: int) -> Evidence:
    onset = find_onset(
        results,
        claim.design,
        server,
        variant=claim.variant,
        levels=(claim.levels.start, claim.levels.end),
        needed=needed,
    )
    if onset.seeds < needed:
        raise ValueError(f"{onset.seeds} of {needed} seeds ran at every level")
    expected = claim.expected
    if onset.fails is None:
        estimate = Estimate(onset.holds / expected, None, None, onset.seeds, onset.describe())
        return Evidence(claim, server, estimate=estimate, keys=onset.keys, beyond=True)
    estimate = Estimate(
        onset.middle / expected, onset.holds / expected, onset.fails / expected, onset.seeds
    )
    return Evidence(claim, server, estimate=estimate, keys=onset.keys)


def _collect(
    claim: AnyClaim, points: Sequence[Selector], results: Results, needed: int
) -> tuple[list[list[float]], tuple[str, ...]]:
    """One row per seed that has every point of the claim; the runs' keys.

    Raises ValueError, in words, if fewer than ``needed`` seeds are complete.
    """
    columns: list[dict[int, float]] = []
    keys: list[str] = []
    for point in points:
        frame = select_valid(
            results,
            claim.design,
            claim.metric,
            server=point.server or "",
            variant=point.variant,
            lossy=claim.lossy,
        ).filter(pl.col("level") == point.level)
        columns.append(dict(frame.select("seed", "value").iter_rows()))
        keys += frame["key"].to_list()
    seeds = sorted(set.intersection(*(set(column) for column in columns)))
    if len(seeds) < needed:
        worst = min(points, key=lambda p: len(columns[points.index(p)]))
        raise ValueError(
            f"{len(seeds)} of {needed} seeds are complete and valid; "
            f"fewest at c = {worst.level}{_explain_losses(results, claim, worst)}"
        )
    return [[column[seed] for column in columns] for seed in seeds], tuple(sorted(set(keys)))


def _explain_losses(results: Results, claim: AnyClaim, point: Selector) -> str:
    rows = results.runs.filter(
        (pl.col("design") == claim.design)
        & (pl.col("server") == point.server)
        & (pl.col("variant") == point.variant)
        & (pl.col("level") == point.level)
        & (pl.col("outcome") != Outcome.MEASURED.value)
    )
    return f" ({rows['outcome'][0]}: {rows['reasons'][0]})" if len(rows) else ""


def _estimate(
    claim: RatioClaim | ValueClaim | TrendClaim | MaximumClaim | EquivalenceClaim,
    table: list[list[float]],
) -> tuple[Estimate, float, float]:
    """Estimate, p of the claim, p of its opposite, from one row per seed."""
    if isinstance(claim, MaximumClaim):
        pairs = [list(log_ratios(row[0::2], row[1::2])) for row in table]
        top = estimate_maximum(pairs)
        largest = [row[top.level] for row in pairs]
        return Estimate(top.value, top.low, top.high, top.n), *_flip_both(largest, claim)
    if isinstance(claim, TrendClaim):
        ends = estimate_ratio([row[-1] for row in table], [row[0] for row in table])
        rises, falls = find_trend_p(table, "rises"), find_trend_p(table, "falls")
        return ends, *((rises, falls) if claim.direction == "rises" else (falls, rises))
    above = [row[0] for row in table]
    below = [1.0 if isinstance(claim, ValueClaim) else row[1] for row in table]
    logs = list(log_ratios(above, below))
    if isinstance(claim, EquivalenceClaim):
        return estimate_ratio(above, below), find_equivalence_p(logs, claim.margin), 1.0
    return estimate_ratio(above, below), *_flip_both(logs, claim)


def _flip_both(logs: Sequence[float], claim: EffectClaim) -> tuple[float, float]:
    rises, falls = find_sign_flip_p(logs, "above"), find_sign_flip_p(logs, "below")
    return (rises, falls) if claim.direction == "rises" else (falls, rises)
