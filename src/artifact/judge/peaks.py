# SPDX-License-Identifier: MIT
"""Peak loads that the searches found, by seed and in pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from artifact.judge.results import Results
from artifact.runs.searches import NoPeak, Peak
from artifact.statistics.estimates import Estimate, estimate_peak
from artifact.study.claims.measured import PeakPairs, Side

Pair = tuple[Peak, Peak]
Rates = tuple[float, float]


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
    exact = [pair for pair in pairs if all(peak.bracket.peak for peak in pair)]
    if len(exact) >= needed:
        return _collect(_list_bounds(exact, Side.LOW))
    problem = _find_problem(results, design, (server, reference))
    for side in Side:
        bounds = _list_bounds(pairs, side)
        if len(bounds) >= needed:
            return replace(_collect(bounds), bounds=side, note=problem)
    why = f" ({problem})" if problem else ""
    raise ValueError(f"{len(exact)} of {needed} seeds have both peaks{why}")


def list_peaks(results: Results, design: str, server: str) -> dict[int, Peak]:
    """Searches that came to their end, by seed."""
    return {
        peak.seed: peak
        for peak in results.peaks
        if isinstance(peak, Peak) and (peak.search.design, peak.search.server) == (design, server)
    }


def estimate_peaks(results: Results, design: str) -> dict[str, Estimate]:
    """The peak of each server of which two searches or more found one."""
    estimates = {}
    for server in sorted({s.server for s in results.plan.searches if s.design == design}):
        peaks = list_peaks(results, design, server).values()
        found = [peak.bracket.peak for peak in peaks if peak.bracket.peak]
        if len(found) > 1:
            accuracy = max(peak.search.accuracy for peak in peaks)
            estimates[server] = estimate_peak(found, accuracy)
    return estimates


def _list_bounds(pairs: Iterable[Pair], side: Side) -> list[tuple[Pair, Rates]]:
    """The pairs that have two rates whose ratio bounds that of their peaks from ``side``, with
    these.  If both peaks are known, they are the two."""
    found: list[tuple[Pair, Rates]] = []
    for pair in pairs:
        mine, other = (peak.bracket for peak in pair)
        above, below = (
            (mine.least_peak, other.most_peak)
            if side is Side.LOW
            else (mine.most_peak, other.least_peak)
        )
        if above is not None and below is not None:
            found.append((pair, (above, below)))
    return found


def _collect(bounds: Sequence[tuple[Pair, Rates]]) -> PeakPairs:
    peaks = [peak for pair, _ in bounds for peak in pair]
    above, below = ([rates[i] for _, rates in bounds] for i in (0, 1))
    accuracy = max(peak.search.accuracy for peak in peaks)
    keys = {key for peak in peaks for key in peak.keys}
    return PeakPairs(above, below, accuracy, tuple(sorted(keys)))


def _find_problem(results: Results, design: str, servers: Sequence[str]) -> str:
    """The first peak of ``servers`` that was not found, and why; empty if all were."""
    for peak in results.peaks:
        if peak.search.design == design and peak.search.server in servers:
            why = peak.problem if isinstance(peak, NoPeak) else peak.bracket.problem
            if why:
                return f"{peak.search.server}, seed {peak.seed}: {why}"
    return ""
