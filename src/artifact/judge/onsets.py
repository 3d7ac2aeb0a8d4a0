# SPDX-License-Identifier: MIT
"""The failure zone: from which concurrency on connections are lost.

Runs in it break a validity gate, so their values are never judged; that they break it, at which
level and for how many seeds, is what is counted here.
"""

# DEVIATIONS.md: [zones]

from __future__ import annotations

import polars as pl

from artifact.judge.results import MISSING, Results
from artifact.runs.store import Outcome
from artifact.study.claims.measured import Onset
from testbed.measurement import Zone


def find_onset(
    results: Results,
    design: str,
    server: str,
    *,
    variant: str = "base",
    levels: tuple[int, int] = (1, 1 << 30),
    needed: int = 1,
) -> Onset:
    """The onset of ``server``'s failure zone, over the seeds that have a result, at the levels for
    which ``needed`` seeds are planned.

    A run fails if it lost packets or connections, or if the server died; one that is invalid
    for another reason does neither fail nor hold.  Raises ValueError if nothing was run.
    """
    planned = results.runs.filter(
        (pl.col("design") == design)
        & (pl.col("server") == server)
        & (pl.col("variant") == variant)
        & pl.col("level").is_between(*levels)
    )
    runs = planned.filter(
        (pl.col("seed").n_unique().over("level") >= needed) & (pl.col("outcome") != MISSING)
    )
    if not len(runs):
        raise ValueError("no run of this server is stored")
    return _bracket(runs)


def _bracket(runs: pl.DataFrame) -> Onset:
    """Between the level up to which all ``runs`` hold and the one from which on all fail."""
    failed = (pl.col("zone") == Zone.FAILURE.value) | (
        pl.col("outcome") == Outcome.SUBJECT_FAILED.value
    )
    held = pl.col("outcome") == Outcome.MEASURED.value
    table = (
        runs.group_by("level")
        .agg(none=held.all(), all=failed.all(), seeds=pl.col("seed").n_unique())
        .sort("level")
    )
    listed = table["level"].to_list()
    good, bad = table["none"].to_list(), table["all"].to_list()
    hold = good.index(False) if False in good else len(listed)
    fail = len(bad) - (bad[::-1].index(False) if False in bad else len(bad))
    return Onset(
        holds=listed[hold - 1] if hold else 1,
        fails=listed[fail] if fail < len(listed) else None,
        last=listed[-1],
        seeds=int(table["seeds"].to_numpy().min()),
        keys=tuple(sorted(runs["key"].unique().to_list())),
    )
