# SPDX-License-Identifier: MIT
"""Results of a design made by hand: curves whose bends and losses are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from artifact.judge.results import LATENCY_SCHEMA, SCHEMA, Results
from artifact.runs.plan import make_plan
from artifact.runs.store import Outcome
from artifact.study.designs import Design, Tier, parse_design
from testbed.measurement import Zone

LEVELS = (1, 4, 8, 16, 40, 100, 256, 512, 1024, 2500, 4096, 5000, 6000)
Curve = Callable[[float], float]


def make_line(start: float, *pieces: tuple[float, float]) -> Curve:
    """A curve that begins with ``start`` at 1 and has from each concurrency on the elasticity
    given with it."""

    def value(level: float) -> float:
        log = np.log(start)
        places = [place for place, _ in pieces] + [np.inf]
        for (place, slope), end in zip(pieces, places[1:], strict=True):
            log += slope * max(0.0, np.log(min(level, end)) - np.log(place))
        return float(np.exp(log))

    return value


def make_design(levels: Sequence[int] = LEVELS, seeds: int = 5) -> Design:
    """A design named figure1 with just TUX."""
    text = f"""
id = "figure1"
title = "curves"
question = "which verdict?"
geometry = "banias-1400"
requests = {{ {levels[-1]} = 60000 }}
tier.quick = {{ servers = ["tux"], levels = {list(levels)}, seeds = {seeds} }}
"""
    return parse_design(text, Path("figure1.toml"))


def make_results(
    curves: dict[str, Curve],
    levels: Sequence[int] = LEVELS,
    *,
    noise: float = 0.01,
    lost: Callable[[int, int], bool] = lambda level, seed: False,
    seeds: int = 5,
) -> Results:
    """Results with ``curves`` by metric; a run for which ``lost`` is true lost connections."""
    plan = make_plan(Tier.QUICK, [make_design(levels, seeds)], {"tests": "none"})
    random = np.random.default_rng(2006)
    rows = []
    for run in plan.runs:
        fails = lost(run.level, run.seed)
        row: dict[str, object] = {
            "design": run.design,
            "server": run.server,
            "variant": run.variant,
            "level": run.level,
            "seed": run.seed,
            "key": run.key,
            "outcome": Outcome.INVALID.value if fails else Outcome.MEASURED.value,
            "zone": Zone.FAILURE.value if fails else Zone.PLASTIC.value,
            "only_lost": fails,
            "reasons": "retransmissions" if fails else "",
            "digest": run.key,
        }
        row |= {
            metric: curve(run.level) * float(np.exp(random.normal(0, noise)))
            for metric, curve in curves.items()
        }
        rows.append(row)
    runs = pl.DataFrame(rows, schema=SCHEMA)
    return Results(plan, runs, pl.DataFrame(schema=LATENCY_SCHEMA), "digest")
