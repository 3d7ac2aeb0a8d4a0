# SPDX-License-Identifier: MIT
"""Peak loads that the searches found, by seed and in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from artifact.judge.results import Results
from artifact.runs.searches import Peak
from artifact.statistics.estimates import Estimate, estimate_peak
from artifact.study.claims.measured import PeakPairs, Side

Pair = tuple[Peak, Peak]


def pair_peaks(
    results: Results, design: str, server: str, reference: str, needed: int
) -> PeakPairs:
    """The peaks of both servers, in the seeds whose searches tell their ratio.

    If too few seeds have both peaks within the searched rates, those seeds are taken whose pairs
    bound the ratio from one side.  Raises ValueError, in words, if these are too few as well.
    """
    found = list_peaks(results, design, server), list_peaks(results, design, reference)
    seeds = sorted(set(found[0]) & set(found[1]))
    pairs = [(found[0][seed], found[1][seed]) for seed in seeds]
    exact = [pair for pair in pairs if all(p.bracket and p.bracket.peak for p in pair)]
    if len(exact) >= needed:
        return _collect(exact, Side.LOW)
    problem = _find_problem(results, design, (server, reference))
    for side in Side:
        bounding = [pair for pair in pairs if _bound(pair, side)]
        if len(bounding) >= needed:
            return replace(_collect(bounding, side), bounds=side, note=problem)
    why = f" ({problem})" if problem else ""
    raise ValueError(f"{len(exact)} of {needed} seeds have both peaks{why}")


def list_peaks(results: Results, design: str, server: str) -> dict[int, Peak]:
    """Searches that came to their end, by seed."""
    return {
        peak.seed: peak
        for peak in results.peaks
        if (peak.search.design, peak.search.server) == (design, server) and peak.bracket
    }


def estimate_peaks(results: Results, design: str) -> dict[str, Estimate]:
    """The peak of each server of which two searches or more found one."""
    estimates = {}
    for server in sorted({s.server for s in results.plan.searches if s.design == design}):
        peaks = list_peaks(results, design, server).values()
        found = [p.bracket.peak for p in peaks if p.bracket and p.bracket.peak]
        if len(found) > 1:
            accuracy = max(peak.search.accuracy for peak in peaks)
            estimates[server] = estimate_peak(found, accuracy)
    return estimates


def _bound(pair: Pair, side: Side) -> tuple[float, float] | None:
    """Two rates whose ratio bounds that of the peaks from ``side``; None if none does.  If both
    peaks are known, they are the two."""
    mine, other = (peak.bracket for peak in pair)
    if mine is None or other is None:
        return None
    rates = (
        (mine.least_peak, other.most_peak)
        if side is Side.LOW
        else (mine.most_peak, other.least_peak)
    )
    return None if rates[0] is None or rates[1] is None else (rates[0], rates[1])


def _collect(pairs: Sequence[Pair], side: Side) -> PeakPairs:
    rates = [bound for pair in pairs if (bound := _bound(pair, side))]
    accuracy = max(peak.search.accuracy for pair in pairs for peak in pair)
    keys = {key for pair in pairs for peak in pair for key in peak.keys}
    above, below = ([rate[i] for rate in rates] for i in (0, 1))
    return PeakPairs(above, below, accuracy, tuple(sorted(keys)))


def _find_problem(results: Results, design: str, servers: Sequence[str]) -> str:
    """The first peak of ``servers`` that was not found, and why; empty if all were."""
    for peak in results.peaks:
        if peak.search.design == design and peak.search.server in servers:
            why = peak.problem or (peak.bracket.problem if peak.bracket else "")
            if why:
                return f"{peak.search.server}, seed {peak.seed}: {why}"
    return ""
