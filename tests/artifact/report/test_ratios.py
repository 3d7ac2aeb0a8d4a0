# SPDX-License-Identifier: MIT
"""What a server is compared with in the figures that are drawn as ratios."""

from __future__ import annotations

import polars as pl
import pytest

from artifact.judge.results import SCHEMA, Results
from artifact.report.tables.ratios import compare
from artifact.runs.plan import make_plan
from artifact.study.designs import Tier
from artifact.study.loading import load_study

Row = tuple[str, str, str, str, float]


def find_ratio(rows: list[Row], design: str, variant: str) -> float | None:
    """Throughput of tux-stingy over stock's where ``rows`` are stored: design, server, variant,
    outcome, throughput."""
    study = load_study()
    named = ("design", "server", "variant", "outcome", "throughput")
    runs = pl.DataFrame(
        [dict(zip(named, row, strict=True)) | {"level": 2500, "seed": 1} for row in rows],
        schema=SCHEMA,
    )
    plan = make_plan(Tier.FULL, study.designs, {"synthetic": "0"})
    results = Results(plan, runs, pl.DataFrame(), "0" * 64)
    wanted = next(one for one in study.designs if one.id == design)
    found = compare(results, wanted, "throughput", server="tux-stingy", level=2500, variant=variant)
    return found.value if found else None


PLAIN: Row = ("figure7", "tux", "base", "measured", 100.0)


def test_a_reference_whose_run_is_invalid_is_replaced_by_no_other() -> None:
    """Stock at another base cost of an instruction is no measure for Stingy at this one."""
    stingy: Row = ("gain", "tux-stingy", "cpi-1.5", "measured", 90.0)
    invalid: Row = ("gain", "tux", "cpi-1.5", "invalid", 70.0)
    base: Row = ("gain", "tux", "base", "measured", 100.0)
    assert find_ratio([PLAIN, base, invalid, stingy], "gain", "cpi-1.5") is None
    valid = (*invalid[:3], "measured", 60.0)
    assert find_ratio([PLAIN, base, valid, stingy], "gain", "cpi-1.5") == pytest.approx(1.5)


def test_what_the_reference_has_no_knob_for_is_compared_with_its_plain_runs() -> None:
    """A slab of another size: stock has none."""
    stingy: Row = ("slab", "tux-stingy", "slab-256", "measured", 120.0)
    assert find_ratio([PLAIN, stingy], "slab", "slab-256") == pytest.approx(1.2)
