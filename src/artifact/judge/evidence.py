# SPDX-License-Identifier: MIT
"""From stored results to the evidence for a claim: which runs it may see, what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from artifact.judge.onsets import find_onset
from artifact.judge.peaks import pair_peaks
from artifact.judge.results import Results, select_valid
from artifact.runs.store import Outcome
from artifact.study.claims import AnyClaim
from artifact.study.claims.evidence import Evidence
from artifact.study.claims.measured import Onset, PeakPairs, Sample
from artifact.study.claims.points import Levels, Selector
from artifact.study.coverage import Coverage
from artifact.study.metrics import METRICS


@dataclass(frozen=True)
class Case:
    """A claim for one server, with its evidence, before any adjustment for the number of tests.

    If there is none, ``problem`` says why; ``judged`` is False if the tier is not meant to judge.
    """

    claim: AnyClaim
    server: str
    evidence: Evidence | None = None
    problem: str = ""
    judged: bool = True


def gather(claim: AnyClaim, server: str, results: Results) -> Case:
    """The numbers that decide ``claim`` for ``server``, or the problem that prevents a verdict."""
    tier = results.plan.tier
    needed = claim.seeds.get(tier)
    if needed is None:
        problem = f"the {tier} tier has too few runs for a verdict"
        return Case(claim, server, judged=False, problem=problem)
    try:
        points = claim.list_points(server, cover_results(results, claim.design), needed)
    except ValueError as gap:
        return Case(claim, server, judged=False, problem=f"in the {tier} tier {gap}")
    try:
        evidence = claim.weigh(server, points, StoredRuns(results, claim, needed))
        _refuse_repeats(evidence, claim.design, results)
    except ValueError as error:
        return Case(claim, server, problem=str(error))
    return Case(claim, server, evidence)


def cover_results(results: Results, design: str) -> Coverage:
    """What was planned of ``design``, whatever came of it."""
    runs = results.runs.filter(pl.col("design") == design)
    counts = runs.group_by("server", "variant", "level").agg(pl.col("seed").n_unique())
    searches = {s.server: s.seeds for s in results.plan.searches if s.design == design}
    return Coverage({tuple(point): seeds for *point, seeds in counts.iter_rows()}, searches)


def _refuse_repeats(evidence: Evidence, design: str, results: Results) -> None:
    """Raises ValueError if seeds moved nothing at all: one run repeated is no sample.

    One metric may well be the same in every boot; all metrics are not.
    """
    runs = results.runs.filter((pl.col("design") == design) & pl.col("key").is_in(evidence.keys))
    points = runs.group_by("server", "variant", "level").agg(
        seeds=pl.col("seed").n_unique(), outcomes=pl.struct(*METRICS).n_unique()
    )
    several = points.filter(pl.col("seeds") > 1)
    if len(several) and (several["outcomes"] == 1).all():
        raise ValueError("all seeds gave the same runs: no sample")


@dataclass(frozen=True)
class StoredRuns:
    """What a claim may ask for (`artifact.study.claims.measured`), answered from ``results``, over
    at least ``needed`` seeds."""

    results: Results
    claim: AnyClaim
    needed: int

    def collect(self, points: Sequence[Selector]) -> Sample:
        """Valid values at ``points``, of the seeds that have all."""
        columns: list[dict[int, float]] = []
        keys: list[str] = []
        for point in points:
            frame = select_valid(
                self.results,
                self.claim.design,
                self.claim.metric,
                server=point.server or "",
                variant=point.variant,
                lossy=self.claim.lossy,
            ).filter(pl.col("level") == point.level)
            columns.append(dict(frame.select("seed", "value").iter_rows()))
            keys += frame["key"].to_list()
        seeds = sorted(set.intersection(*(set(column) for column in columns)))
        if len(seeds) < self.needed:
            worst = min(points, key=lambda p: len(columns[points.index(p)]))
            raise ValueError(
                f"{len(seeds)} of {self.needed} seeds are complete and valid; "
                f"fewest at c = {worst.level}{self._explain_losses(worst)}"
            )
        table = [[column[seed] for column in columns] for seed in seeds]
        return Sample(table, tuple(sorted(set(keys))))

    def _explain_losses(self, point: Selector) -> str:
        rows = self.results.runs.filter(
            (pl.col("design") == self.claim.design)
            & (pl.col("server") == point.server)
            & (pl.col("variant") == point.variant)
            & (pl.col("level") == point.level)
            & (pl.col("outcome") != Outcome.MEASURED.value)
        )
        return f" ({rows['outcome'][0]}: {rows['reasons'][0]})" if len(rows) else ""

    def find_onsets(self, *servers: str, levels: Levels, variant: str = "base") -> list[Onset]:
        """By what was lost at ``levels``, whether it is valid otherwise or not."""
        found = [
            find_onset(
                self.results,
                self.claim.design,
                server,
                variant=variant,
                levels=(levels.start, levels.end),
                needed=self.needed,
            )
            for server in servers
        ]
        if (seeds := min(onset.seeds for onset in found)) < self.needed:
            raise ValueError(f"{seeds} of {self.needed} seeds ran at every level")
        return found

    def pair_peaks(self, server: str, reference: str) -> PeakPairs:
        """Of the design's searches."""
        return pair_peaks(self.results, self.claim.design, server, reference, self.needed)
