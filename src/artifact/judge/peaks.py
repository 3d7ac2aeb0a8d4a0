# SPDX-License-Identifier: MIT
"""Peak loads that the searches found, by seed and in pairs."""

from __future__ import annotations

from artifact.judge.results import Results
from artifact.runs.searches import Peak
from artifact.study.claims.measured import PeakPairs


def pair_peaks(
    results: Results, design: str, server: str, reference: str, needed: int
) -> PeakPairs:
    """The peaks of both servers in the seeds that have both.  Raises ValueError, in words, if
    these are fewer than ``needed``."""
    mine, other = (list_peaks(results, design, name) for name in (server, reference))
    seeds = sorted(set(mine) & set(other))
    if len(seeds) < needed:
        problems = [
            f"{peak.search.server}, seed {peak.seed}: {peak.problem or _explain(peak)}"
            for peak in results.peaks
            if peak.search.design == design
            and peak.search.server in {server, reference}
            and peak.seed not in (mine if peak.search.server == server else other)
        ]
        why = f" ({problems[0]})" if problems else ""
        raise ValueError(f"{len(seeds)} of {needed} seeds have both peaks{why}")
    pairs = [(mine[seed], other[seed]) for seed in seeds]
    accuracy = max(peak.search.accuracy for pair in pairs for peak in pair)
    above, below = ([_middle(pair[side]) for pair in pairs] for side in (0, 1))
    keys = {key for pair in pairs for peak in pair for key in peak.keys}
    return PeakPairs(above, below, accuracy, tuple(sorted(keys)))


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
