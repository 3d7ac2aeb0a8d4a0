# SPDX-License-Identifier: MIT
"""Verdicts on ratios of peak loads, some of which lie outside of the searched rates."""

from __future__ import annotations

import polars as pl
import pytest

from artifact.judge.peaks import estimate_peaks
from artifact.judge.reference import Agreement, find_agreement
from artifact.judge.results import SCHEMA as RUNS
from artifact.judge.results import Results
from artifact.judge.verdicts import Judgement, judge
from artifact.paper.bindings import RELATIONS
from artifact.paper.numbers import Number, State
from artifact.paper.wording import write_number
from artifact.report.page import format_estimate
from artifact.runs.bisection import Bracket
from artifact.runs.plan import make_plan
from artifact.runs.searches import NoPeak, Peak
from artifact.study.claims import load_claims
from artifact.study.claims.evidence import Verdict
from artifact.study.designs import Tier, load_design
from figures.forest import SCHEMA, draw
from figures.style import Provenance

SEEDS = 3  # of the quick tier
NONE = Bracket(None, 6000, ())  # not even the lowest rate
ALL = Bracket(30000, None, ())
AT_10K = Bracket(9600, 10400, ())
AT_20K = Bracket(19200, 20800, ())


def find_verdict(server: Bracket, reference: Bracket, lost: int = 0) -> Judgement:
    """On the robust peak, if each search found this; the first ``lost`` ones of the server none."""
    plan = make_plan(Tier.QUICK, [load_design("recovery")], {})
    found = {"tux": reference, "tux-stingy": NONE, "tux-stingy-net": server}
    peaks = tuple(
        NoPeak(search, seed, (), "a client was saturated")
        if search.server == "tux-stingy-net" and seed <= lost
        else Peak(search, seed, found[search.server], (f"{search.server}{seed}",))
        for search in plan.searches
        for seed in range(1, SEEDS + 1)
    )
    results = Results(plan, pl.DataFrame(schema=RUNS), pl.DataFrame(), "digest", peaks=peaks)
    (claim,) = (claim for claim in load_claims() if claim.id == "stingy.robust-peak")
    (judgement,) = judge([claim.model_copy(update={"servers": ("tux-stingy-net",)})], results)
    assert ("tux-stingy-net" in estimate_peaks(results, "recovery")) == (
        lost < SEEDS - 1 and server in {AT_10K, AT_20K}
    )
    return judgement


def test_two_peaks_within_the_rates_have_an_interval() -> None:
    found = find_verdict(AT_20K, AT_10K)
    assert found.verdict is Verdict.REPRODUCED
    assert found.value == pytest.approx(2)
    assert (found.low, found.high) == (pytest.approx(2 / 1.1), pytest.approx(2 * 1.1))


@pytest.mark.parametrize(
    ("server", "reference", "low", "high", "verdict"),
    [
        # More than 9,992 over less than 6,000, to within a step of a tenth.
        (AT_10K, NONE, 9992 / 6000 / 1.1, None, Verdict.REPRODUCED),
        (ALL, AT_20K, 30000 / 19984 / 1.1, None, Verdict.REPRODUCED),
        (ALL, NONE, 5 / 1.1, None, Verdict.REPRODUCED),
        (NONE, AT_10K, None, 6000 / 9992 * 1.1, Verdict.CONTRADICTED),
        (AT_20K, ALL, None, 19984 / 30000 * 1.1, Verdict.CONTRADICTED),
    ],
)
def test_a_peak_outside_of_the_rates_bounds_the_ratio(
    server: Bracket, reference: Bracket, low: float | None, high: float | None, verdict: Verdict
) -> None:
    found = find_verdict(server, reference)
    assert found.verdict is verdict
    assert found.seeds == SEEDS
    assert found.low == (low and pytest.approx(low, rel=1e-3))
    assert found.high == (high and pytest.approx(high, rel=1e-3))
    assert len(found.keys) == 2 * SEEDS
    assert "rate" in found.reason


@pytest.mark.parametrize(("server", "reference"), [(NONE, NONE), (ALL, ALL)])
def test_two_peaks_on_the_same_side_tell_nothing(server: Bracket, reference: Bracket) -> None:
    found = find_verdict(server, reference)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.value is None
    assert "rate" in found.reason


def test_a_bound_needs_as_many_seeds_as_an_interval() -> None:
    found = find_verdict(AT_10K, NONE, lost=1)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "seed" in found.reason


def test_a_bound_is_written_and_drawn_as_one() -> None:
    found = find_verdict(AT_10K, NONE)
    assert format_estimate(found) == "at least 1.51"
    number = Number(
        state=State.MEASURED,
        value=found.value,
        low=found.low,
        verdict=found.verdict,
    )
    assert write_number(number) == {
        "interval": "at least 1.51",
        "bounds": "at least 1.51",
        "verdict": "REPRODUCED",
    }
    assert RELATIONS["rises"](number)
    assert not RELATIONS["falls"](number)
    assert not RELATIONS["same"](number)
    row = dict.fromkeys(SCHEMA) | {"label": "x", "value": found.value, "low": found.low}
    frame = pl.DataFrame([row], schema=SCHEMA)
    assert draw(frame, Provenance("quick", SEEDS, "0" * 16)).axes


def test_a_bound_agrees_with_what_it_does_not_exclude() -> None:
    bound, near = find_verdict(AT_10K, NONE), find_verdict(AT_20K, AT_10K)
    below = find_verdict(AT_10K, AT_10K)
    assert find_agreement(bound, near) is Agreement.OVERLAPS
    assert find_agreement(bound, below) is Agreement.APART
    assert find_agreement(bound, bound) is Agreement.SAME
