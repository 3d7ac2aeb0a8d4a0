# SPDX-License-Identifier: MIT
"""Claims about places, the bend of a curve and the onset of failure: each verdict, and mutants."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import polars as pl
import pytest

from artifact.judge.onsets import find_onset
from artifact.judge.verdicts import Judgement, judge
from artifact.statistics.bends import Bend, Interval
from artifact.study.claims import AnyClaim, Claims, bend, load_claims
from artifact.study.claims.evidence import Verdict
from tests.artifact.curves import LEVELS, Curve, make_line, make_results

THROUGHPUT = make_line(1000, (1, 0.8), (6, 0.0), (100, -0.12))
FETCH = make_line(400, (1, -0.5), (40, 0.01))
DATA = make_line(20, (1, 0.1), (256, 0.4), (3800, -0.4))


def find_claim(name: str) -> AnyClaim:
    return next(claim for claim in load_claims() if claim.id == name)


def judge_one(name: str, *arguments: object, **keywords: object) -> Judgement:
    results = make_results(*arguments, **keywords)  # type: ignore[arg-type]
    (judgement,) = judge([find_claim(name)], results)
    return judgement


def test_the_elastic_zone_ends_where_it_does() -> None:
    found = judge_one("tux.elastic-zone-ends", {"throughput": THROUGHPUT})
    assert found.verdict is Verdict.REPRODUCED, found
    assert found.value == pytest.approx(100 / 40, rel=0.15)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= 2.6
    assert found.high >= 2.4
    assert found.seeds == 5
    assert len(found.keys) == 10 * 5
    assert found.measured == "bend of throughput, c / 40"


@pytest.mark.parametrize(
    ("name", "curves", "verdict"),
    [
        # it falls, but from elsewhere on
        (
            "tux.elastic-zone-ends",
            {"throughput": make_line(1000, (1, 0.8), (6, 0.0), (900, -0.4))},
            Verdict.DIRECTION,
        ),
        # it never falls
        (
            "tux.elastic-zone-ends",
            {"throughput": make_line(1000, (1, 0.8), (6, 0.0))},
            Verdict.CONTRADICTED,
        ),
        (
            "tux.elastic-zone-ends",
            {"throughput": make_line(1000, (1, 0.8), (6, 0.05), (100, 0.15))},
            Verdict.CONTRADICTED,
        ),
        ("tux.instruction-misses-settle", {"l2_fetch": FETCH}, Verdict.REPRODUCED),
        (
            "tux.instruction-misses-settle",
            {"l2_fetch": make_line(400, (1, -0.3), (600, 0.2))},
            Verdict.DIRECTION,
        ),
        (
            "tux.instruction-misses-settle",
            {"l2_fetch": make_line(400, (1, 0.0), (40, 0.3))},
            Verdict.CONTRADICTED,
        ),
        ("tux.data-misses-peak", {"l2_data": DATA}, Verdict.REPRODUCED),
        (
            "tux.data-misses-peak",
            {"l2_data": make_line(20, (1, 0.1), (256, 0.4), (1024, -0.3))},
            Verdict.DIRECTION,
        ),
        # it only rises
        (
            "tux.data-misses-peak",
            {"l2_data": make_line(20, (1, 0.1), (256, 0.4), (4000, 0.1))},
            Verdict.CONTRADICTED,
        ),
    ],
)
def test_known_bends_get_their_verdicts(
    name: str, curves: dict[str, Curve], verdict: Verdict
) -> None:
    found = judge_one(name, curves, noise=0.003)
    assert found.verdict is verdict, found


def test_noise_is_inconclusive() -> None:
    flat = {"throughput": make_line(1000, (1, 0.0))}
    found = judge_one("tux.elastic-zone-ends", flat, noise=0.5)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "it is open whether" in found.reason


def test_lost_runs_are_inconclusive() -> None:
    claim = find_claim("tux.data-misses-peak").model_copy(update={"lossy": False})
    results = make_results({"l2_data": DATA}, noise=0.003, lost=lambda c, s: c > 4500)
    (found,) = judge([claim], results)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "0 of 5 seeds" in found.reason


def test_a_lossy_claim_takes_runs_that_only_lost() -> None:
    claim = find_claim("tux.data-misses-peak")
    assert claim.lossy
    lost = make_results({"l2_data": DATA}, noise=0.003, lost=lambda c, s: c > 4500)
    assert judge([claim], lost)[0].verdict is Verdict.REPRODUCED
    worse = dataclasses.replace(lost, runs=lost.runs.with_columns(only_lost=False))
    assert judge([claim], worse)[0].verdict is Verdict.INCONCLUSIVE


def test_levels_with_few_seeds_only_draw_the_curve() -> None:
    """A wild level does not move the bend if the plan has two seeds there; if it has five and
    three are missing, nothing is judged."""
    wild = make_results({"l2_data": lambda c: DATA(c) * (9 if c == 512 else 1)})
    drawn = pl.col("level") != 512
    few = dataclasses.replace(wild, runs=wild.runs.filter(drawn | (pl.col("seed") < 3)))
    claim = find_claim("tux.data-misses-peak")
    assert judge([claim], few)[0].verdict is Verdict.REPRODUCED
    lost = (
        pl.when(drawn | (pl.col("seed") < 3)).then(pl.col("outcome")).otherwise(pl.lit("missing"))
    )
    holed = dataclasses.replace(wild, runs=wild.runs.with_columns(outcome=lost))
    assert "2 of 5 seeds" in judge([claim], holed)[0].reason


def test_the_onset_takes_levels_with_enough_seeds() -> None:
    results = make_results({"throughput": THROUGHPUT}, lost=lambda c, s: c > 3000)
    few = results.runs.filter((pl.col("level") != 5000) | (pl.col("seed") == 1))
    sparse = dataclasses.replace(results, runs=few)
    assert find_onset(sparse, "figure1", "tux").seeds == 1
    assert find_onset(sparse, "figure1", "tux", needed=5).seeds == 5


@pytest.mark.parametrize(
    ("lost", "levels", "verdict"),
    [
        (lambda c, s: c > 3000, LEVELS, Verdict.REPRODUCED),
        (lambda c, s: c > 200, LEVELS, Verdict.DIRECTION),
        (lambda c, s: c > 5500, LEVELS, Verdict.REPRODUCED),
        # seeds disagree at some level, which widens the bracket beyond the band
        (lambda c, s: c > (300 if s == 1 else 3000), LEVELS, Verdict.DIRECTION),
        (lambda c, s: False, LEVELS, Verdict.CONTRADICTED),
        # some seeds fail, others do not: neither an onset nor its absence
        (lambda c, s: s == 1 and c > 3000, LEVELS, Verdict.INCONCLUSIVE),
        (lambda c, s: False, LEVELS[:-3], Verdict.INCONCLUSIVE),
    ],
)
def test_the_onset_of_failure(
    lost: Callable[[int, int], bool], levels: tuple[int, ...], verdict: Verdict
) -> None:
    found = judge_one("tux.failure-zone", {"throughput": THROUGHPUT}, levels, lost=lost)
    assert found.verdict is verdict, found


def test_the_bracket_of_the_onset() -> None:
    def lost(level: int, seed: int) -> bool:
        return level > (600 if seed == 2 else 3000)

    onset = find_onset(make_results({"throughput": THROUGHPUT}, lost=lost), "figure1", "tux")
    assert (onset.holds, onset.fails, onset.last, onset.seeds) == (512, 4096, 6000, 5)
    assert onset.middle == pytest.approx((512 * 4096) ** 0.5)
    assert onset.describe() == "between c = 512 and c = 4096"
    assert len(onset.keys) == len(LEVELS) * 5
    with pytest.raises(ValueError, match="no run"):
        find_onset(make_results({"throughput": THROUGHPUT}), "figure1", "nginx")


def turn_over(bend: Bend) -> Bend:
    return dataclasses.replace(bend, before=bend.after, after=bend.before)


def move(bend: Bend) -> Bend:
    at = Interval(bend.at.value / 20, bend.at.low / 20, bend.at.high / 20)
    return dataclasses.replace(bend, at=at)


@pytest.mark.parametrize(
    ("mutate", "verdict"),
    [(turn_over, Verdict.CONTRADICTED), (move, Verdict.DIRECTION)],
)
def test_mutants_of_the_estimate_flip_the_verdict(
    monkeypatch: pytest.MonkeyPatch, mutate: Callable[[Bend], Bend], verdict: Verdict
) -> None:
    original = bend.find_bends
    monkeypatch.setattr(bend, "find_bends", lambda *a: [mutate(b) for b in original(*a)])
    found = judge_one("tux.data-misses-peak", {"l2_data": DATA}, noise=0.003)
    assert found.verdict is verdict


def test_without_the_check_of_the_shape_a_rising_curve_would_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rising = {"l2_data": make_line(20, (1, 0.1), (256, 0.4), (3800, 0.1))}
    assert judge_one("tux.data-misses-peak", rising).verdict is Verdict.CONTRADICTED
    monkeypatch.setattr(bend.BendClaim, "find_objection", lambda claim, found: None)
    assert judge_one("tux.data-misses-peak", rising).verdict is Verdict.REPRODUCED


def test_the_breakpoint_judged_is_one_of_those_sought() -> None:
    document = find_claim("tux.elastic-zone-ends").model_dump(by_alias=True, mode="json")
    with pytest.raises(ValueError, match="index = 3 exceeds breaks = 2"):
        Claims.model_validate({"claim": [document | {"index": 3}]})
