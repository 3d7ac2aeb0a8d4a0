# SPDX-License-Identifier: MIT
"""The search for a peak load, against servers whose knee is known; its estimates by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact.judge.origins import summarize_origins
from artifact.judge.peaks import list_peaks
from artifact.judge.results import load_results
from artifact.judge.verdicts import judge
from artifact.report.tables.ratios import find_vanishing
from artifact.reproduce import ResultFolders, run_sweep
from artifact.runs.bisection import (
    Bracket,
    Wanted,
    expect_probes,
    find_bracket,
    make_grid,
)
from artifact.runs.engines import LocalEngine
from artifact.runs.forecast import forecast
from artifact.runs.plan import make_plan
from artifact.runs.rehearsal import Effect, SyntheticRunner
from artifact.runs.searches import (
    Peak,
    UselessRunError,
    bears,
    expand_plan,
    follow_searches,
)
from artifact.runs.store import Store
from artifact.runs.worker import Task, perform
from artifact.statistics.estimates import estimate_peak_ratio
from artifact.study.claims import load_claims
from artifact.study.claims.evidence import Verdict
from artifact.study.designs import Tier, load_design, parse_design
from ground.errors import UsageError
from testbed.records import make_gate

PEAK = """
id = "peak"
title = "peak"
question = "which?"
geometry = "banias-1400"
load = "httperf"
seconds = 1.0
reference = "tux"
[tier.quick]
servers = ["tux", "tux-stingy"]
levels = [10000]
seeds = 5
seeds_at = { 10000 = 1 }
search = { lowest = 8000, highest = 40000, accuracy = 0.02 }
"""


@given(
    st.integers(1, 30_000), st.floats(0.005, 0.2), st.floats(0.2, 60_000.0), st.integers(0, 1000)
)
def test_the_bracket_holds_the_knee(lowest: int, accuracy: float, knee: float, guess: int) -> None:
    rates = sorted(set(make_grid(lowest, lowest * 4 + 4, accuracy)))
    for start in (None, rates[guess % len(rates)]):
        found = find_bracket(rates, lambda rate: rate <= knee, start)
        assert isinstance(found, Bracket)
        assert (found.low or 0) <= knee
        assert found.high is None or found.high > knee
        assert len(set(found.probes)) == len(found.probes) <= 2 * math.log2(len(rates) + 2) + 2
        if found.low and found.high:
            assert rates.index(found.high) == rates.index(found.low) + 1


def test_a_good_guess_costs_two_runs() -> None:
    rates = make_grid(8000, 40_000, 0.02)
    low = max(rate for rate in rates if rate <= 20_000)
    found = find_bracket(rates, lambda rate: rate <= 20_000, low)
    assert isinstance(found, Bracket)
    assert len(found.probes) == 2
    assert expect_probes(rates, 1) == 7


@pytest.mark.parametrize("knee", [1, 1e9])
def test_a_peak_outside_the_grid_costs_another_seed_one_run(knee: float) -> None:
    rates = make_grid(6000, 30_000, 0.02)
    first = find_bracket(rates, lambda rate: rate <= knee)
    assert isinstance(first, Bracket)
    found = find_bracket(rates, lambda rate: rate <= knee, first.guess)
    assert isinstance(found, Bracket)
    assert (found.low, found.high) == (first.low, first.high)
    assert len(first.probes) > 5
    assert len(found.probes) == 1


def test_an_unknown_answer_is_asked_for() -> None:
    rates = (100, 110, 121)
    assert find_bracket(rates, lambda rate: None) == Wanted(110, ())
    known = {110: True}
    assert find_bracket(rates, known.get) == Wanted(121, (110,))


@pytest.mark.parametrize(
    ("knee", "words", "bounds"),
    [
        (1, "no rate is sustained, not even 100", (None, 100)),
        (1e9, "even 110 requests/s, the highest", (110, None)),
    ],
)
def test_a_peak_outside_the_grid_is_a_bound(
    knee: float, words: str, bounds: tuple[int | None, int | None]
) -> None:
    found = find_bracket((100, 110), lambda rate: rate <= knee)
    assert isinstance(found, Bracket)
    assert found.peak is None
    assert words in found.problem
    assert (found.least_peak, found.most_peak) == bounds


def test_the_ratio_of_peaks_by_hand() -> None:
    found = estimate_peak_ratio([12, 24.2], [10, 20], 0.0)
    logs = [math.log(1.2), math.log(1.21)]
    mean = sum(logs) / 2
    half = 12.706204736 * abs(logs[0] - logs[1]) / 2  # Student's t of one degree of freedom
    assert found.value == pytest.approx(math.exp(mean))
    assert (found.low, found.high) == (
        pytest.approx(math.exp(mean - half)),
        pytest.approx(math.exp(mean + half)),
    )
    same = estimate_peak_ratio([121] * 3, [100] * 3, 0.05)
    assert (same.low, same.high) == (pytest.approx(1.21 / 1.05), pytest.approx(1.21 * 1.05))


def test_the_search_finds_the_knee_of_a_synthetic_server(tmp_path: Path) -> None:
    """Capacities are known from the effects; probes are the sweep's runs, and it resumes."""
    effects = {
        "tux": Effect(cycles=60_000, spilled=0, cold=0),
        "tux-stingy": Effect(cycles=48_000, spilled=0, cold=0),
    }
    runner = SyntheticRunner(effects, noise=0.0001)  # with none, all seeds would be one run
    plan = make_plan(Tier.QUICK, [parse_design(PEAK, Path("peak.toml"))], runner.products)
    folders = ResultFolders(tmp_path)
    expected = forecast(plan, folders.store, LocalEngine(1))
    assert expected.probes == 2 * expect_probes(plan.searches[0].rates, 5)
    engine = LocalEngine(1)
    tally = run_sweep(plan, runner, engine, folders, found=expected)
    assert not tally.unfinished
    standing = follow_searches(plan, folders.store)
    assert not standing.pending
    results = load_results(plan, folders.store)
    stall = 25 * 125  # 20 data misses and 5 of instructions
    for server, effect in effects.items():
        peaks = list_peaks(results, "peak", server)
        capacity = 1.4e9 / (effect.cycles + stall)
        assert sorted(peaks) == [1, 2, 3, 4, 5]
        for peak in peaks.values():
            assert peak.bracket.low is not None
            assert peak.bracket.low <= capacity * 1.021  # a rate just above is served to 98 %
            assert peak.bracket.high is not None
            assert peak.bracket.high >= capacity
    (claim,) = (c for c in load_claims() if c.id == "stingy.peak")
    (verdict,) = judge([claim.model_copy(update={"servers": ("tux-stingy",)})], results)
    assert verdict.value == pytest.approx((60_000 + stall) / (48_000 + stall), rel=0.03)
    assert verdict.verdict is Verdict.REPRODUCED
    # everything is in the store: nothing is run again, and nothing is left to run
    before = set(folders.store.find_keys())
    assert before == set(expand_plan(plan, standing).keys)
    again = run_sweep(
        plan,
        runner,
        engine,
        folders,
        found=forecast(plan, folders.store, LocalEngine(1)),
    )
    assert set(folders.store.find_keys()) == before
    assert not again.unfinished
    # a lost run is asked for again, and only that
    key = next(key for key in standing.peaks[0].keys if key not in plan.keys)
    folders.store.set_aside(key)
    assert [run.key for run in follow_searches(plan, folders.store).pending] == [key]


def test_the_robust_peak_is_the_highest_rate_from_which_a_server_recovers(tmp_path: Path) -> None:
    """Of a server that loses no speed under a backlog: what is to spare works 4,000 connections
    off within a second, but for those that are open without a backlog, too."""
    text = PEAK.replace('"httperf"', '"spike"').replace("seconds = 1.0", "seconds = 1.5")
    text = text.replace("accuracy = 0.02", 'accuracy = 0.02, bears = "recovers"')
    text = text.replace("seeds = 5", "seeds = 1").replace(', "tux-stingy"', "")
    runner = SyntheticRunner({"tux": Effect(cycles=60_000, spilled=0, cold=0)}, noise=0.0001)
    plan = make_plan(Tier.QUICK, [parse_design(text, Path("peak.toml"))], runner.products)
    store = Store(tmp_path)
    while pending := follow_searches(plan, store).pending:
        for run in pending:
            perform(Task(run.key, run.label, run.experiment, tmp_path), runner)
    (found,) = follow_searches(plan, store).peaks
    assert isinstance(found, Peak)
    capacity = 1.4e9 / (60_000 + 25 * 125)
    assert found.bracket.peak == pytest.approx(capacity - 4000, rel=0.03)
    run = plan.searches[0].plan_probe(found.bracket.low or 0, 1, plan.products)
    entry = store.load(run.key)
    assert entry is not None
    assert entry.measurement is not None
    assert bears(entry, plan.searches[0])
    assert entry.measurement.window is not None
    assert entry.measurement.window.requests_per_s == run.level  # before the spike
    slow = entry.measurement.model_copy(
        update={"gates": (make_gate("offered-spike", 1, "<=", 0.1, "distance", "wait"),)}
    )
    with pytest.raises(UselessRunError, match="offered-spike"):
        bears(entry.model_copy(update={"measurement": slow}), plan.searches[0])


def test_shards_share_the_searches() -> None:
    plan = make_plan(Tier.QUICK, [parse_design(PEAK, Path("peak.toml"))], {})
    parts = [plan.take_shard(i, 2).searches for i in (1, 2)]
    assert [search.server for part in parts for search in part] == ["tux", "tux-stingy"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("lowest = 8000", "lowest = 50000", "must be below"),
        ("seconds = 1.0", "", "seconds"),
        ("accuracy = 0.02", "accuracy = 0.9", "accuracy"),
        ("accuracy = 0.02", 'accuracy = 0.02, bears = "recovers"', "load = 'spike'"),
        ('"httperf"', '"ab"', "open loop"),
    ],
)
def test_a_wrong_search_is_named(old: str, new: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_design(PEAK.replace(old, new), Path("peak.toml"))


def test_where_a_gain_vanishes() -> None:
    assert find_vanishing([(1024, 1.4), (2048, 1.1), (4096, 0.9)]) == pytest.approx(3072)
    assert find_vanishing([(1, 1.2), (2, 1.1)]) is None


def test_stock_runs_are_shared() -> None:
    """Figure 7's runs of stock TUX are Figure 1's, wherever the levels are the same."""
    one, seven = (
        {
            run.key
            for run in make_plan(Tier.QUICK, [load_design(name)], {}).runs
            if run.server == "tux"
        }
        for name in ("figure1", "figure7")
    )
    assert seven <= one


def test_origins_of_servers_are_not_added_up(tmp_path: Path) -> None:
    """One figure a server: its misses by origin sum to what a run of it has."""
    plan = make_plan(Tier.QUICK, [load_design("attribution")], SyntheticRunner().products)
    folders = ResultFolders(tmp_path)
    found = forecast(plan, folders.store, LocalEngine(1))
    runner = SyntheticRunner(noise=0.0)
    plan = make_plan(Tier.QUICK, [load_design("attribution")], runner.products)
    run_sweep(plan, runner, LocalEngine(1), folders, found=found)
    results = load_results(plan, folders.store)
    for server in ("tux", "tux-stingy"):
        table = summarize_origins(results.origins, "attribution", "misses", server)
        runs = results.runs.filter(server=server, level=2500)
        misses = runs["l2_total"][0] + runs["l2_fetch"][0]  # the synthetic runner adds code to it
        assert table.filter(level=2500)["value"].sum() == pytest.approx(misses)
        assert runs["l2_own"][0] == pytest.approx(runs["l2_total"][0] / 2)
