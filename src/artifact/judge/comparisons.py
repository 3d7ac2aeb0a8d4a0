# SPDX-License-Identifier: MIT
"""Estimates that compare two servers otherwise than by one ratio at one level."""

from __future__ import annotations

from collections.abc import Sequence

from artifact.judge.onsets import Onset, find_onset
from artifact.judge.results import Results
from artifact.runs.searches import Peak
from artifact.statistics.estimates import Estimate, estimate_peak_ratio, estimate_ratio
from artifact.study.claims import NoWorseClaim, PeakClaim, ShiftClaim


def find_worst(
    claim: NoWorseClaim, pairs: Sequence[tuple[int, Sequence[float], Sequence[float]]]
) -> Estimate:
    """The level that speaks most against ``claim``, of (level, values, reference's values).

    All levels must be within the margin, so each is held against it at full confidence and the
    worst decides (an intersection-union test).  A level whose whole interval is beyond the margin
    comes before all others.  Raises ValueError if a level has one seed only.
    """
    found: list[tuple[bool, float, Estimate]] = []
    for level, values, reference in pairs:
        estimate = estimate_ratio(values, reference)
        if estimate.low is None or estimate.high is None:
            raise ValueError(f"c = {level}: {estimate.note}")
        falls = claim.worse == "falls"
        near, far = (estimate.low, estimate.high) if falls else (-estimate.high, -estimate.low)
        bound = 1 - claim.margin if falls else -(1 + claim.margin)
        worst = Estimate(
            estimate.value, estimate.low, estimate.high, estimate.n, f"worst at c = {level}"
        )
        found.append((far >= bound, near, worst))
    return min(found, key=lambda item: item[:2])[2]


def estimate_peak_claim(
    claim: PeakClaim, server: str, results: Results, needed: int
) -> tuple[Estimate, tuple[str, ...]]:
    """The ratio of peaks, and the runs behind it.  Raises ValueError, in words, if fewer than
    ``needed`` seeds have both."""
    mine, other = (list_peaks(results, claim.design, name) for name in (server, claim.reference))
    seeds = sorted(set(mine) & set(other))
    if len(seeds) < needed:
        problems = [
            f"{peak.search.server}, seed {peak.seed}: {peak.problem or _explain(peak)}"
            for peak in results.peaks
            if peak.search.design == claim.design
            and peak.search.server in {server, claim.reference}
            and peak.seed not in (mine if peak.search.server == server else other)
        ]
        why = f" ({problems[0]})" if problems else ""
        raise ValueError(f"{len(seeds)} of {needed} seeds have both peaks{why}")
    pairs = [(mine[seed], other[seed]) for seed in seeds]
    accuracy = max(peak.search.accuracy for pair in pairs for peak in pair)
    above, below = ([_middle(pair[side]) for pair in pairs] for side in (0, 1))
    keys = {key for pair in pairs for peak in pair for key in peak.keys}
    return estimate_peak_ratio(above, below, accuracy), tuple(sorted(keys))


def list_peaks(results: Results, design: str, server: str) -> dict[int, Peak]:
    """Peaks that were found inside the searched range, by seed."""
    return {
        peak.seed: peak
        for peak in results.peaks
        if (peak.search.design, peak.search.server) == (design, server)
        and not peak.problem
        and not _explain(peak)
    }


def _explain(peak: Peak) -> str:
    """Why a finished search has no peak; empty if it has one."""
    try:
        _middle(peak)
    except ValueError as error:
        return str(error)
    return ""


def _middle(peak: Peak) -> float:
    if peak.bracket is None:
        raise ValueError(peak.problem)
    return peak.bracket.peak


def estimate_shift(
    claim: ShiftClaim, server: str, results: Results, needed: int
) -> tuple[Estimate, tuple[str, ...]]:
    """How far the onset of failure moves, from the levels between which it lies for both.

    Raises ValueError, in words, if the reference does not fail in the range, or seeds are missing.
    """
    levels = (claim.levels.start, claim.levels.end)
    mine, other = (
        find_onset(results, claim.design, name, levels=levels, needed=needed)
        for name in (server, claim.reference)
    )
    seeds = min(mine.seeds, other.seeds)
    if seeds < needed:
        raise ValueError(f"{seeds} of {needed} seeds ran at every level")
    if other.fails is None:
        raise ValueError(f"{claim.reference}: {other.describe()}")
    keys = tuple(sorted({*mine.keys, *other.keys}))
    return _bound_shift(mine, other, seeds), keys


def _bound_shift(mine: Onset, other: Onset, seeds: int) -> Estimate:
    assert other.fails is not None
    note = "" if mine.fails else f"no failure up to c = {mine.last}: at least this"
    return Estimate(
        mine.middle / other.middle,
        mine.holds / other.fails,
        (mine.fails or mine.last) / other.holds,
        seeds,
        note,
    )
