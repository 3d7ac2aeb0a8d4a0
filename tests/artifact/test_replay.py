# SPDX-License-Identifier: MIT
"""Replay: an export is judged and drawn elsewhere, and held against what was to be expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifact import replay
from artifact.judge.reference import FOLDER, Comparison, Match, compare, load_reference
from artifact.judge.results import load_results
from artifact.judge.verdicts import Judgement
from artifact.judge.verdicts import judge as judge_claims
from artifact.report.explorer import NAME as EXPLORER
from artifact.reproduce import ResultFolders
from artifact.runs.archive import export_runs, import_runs
from artifact.runs.engines import LocalEngine
from artifact.runs.plan import Plan, make_plan
from artifact.runs.rehearsal import SyntheticRunner
from artifact.runs.store import Store
from artifact.runs.sweep import list_tasks, sweep
from artifact.study.claims.evidence import Verdict
from artifact.study.designs import Tier, load_design
from artifact.study.loading import load_study
from checks.disturbed import Silence
from ground.errors import ExitCode, UsageError

ARCHIVES = sorted(FOLDER.glob(f"*/{replay.ARCHIVE}"))


@pytest.fixture
def kick(runner: SyntheticRunner) -> Plan:
    return make_plan(Tier.KICK, [load_design("figure1")], runner.products)


def test_an_export_of_the_kick_tier_is_judged_and_drawn(
    kick: Plan, runner: SyntheticRunner, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    sweep(list_tasks(kick.runs, store.root), runner, LocalEngine(1), Silence())
    archive = tmp_path / "runs.tar.xz"
    export_runs(kick, store, archive)
    there = ResultFolders(tmp_path / "there")
    conclusion = replay.replay(archive, there)
    assert conclusion.results.runs.height == len(kick.runs)
    folder = there.find_folder(Tier.KICK)
    assert conclusion.report == folder / "report.html"
    assert (folder / EXPLORER).is_file()
    assert list((folder / "figures").glob("figure1*.svg"))
    assert conclusion.code in {ExitCode.HOLDS, ExitCode.INCONCLUSIVE}
    # It is safe to repeat.
    assert replay.replay(archive, there).results.digest == conclusion.results.digest


def test_an_archive_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no stored runs"):
        replay.find_archive("full", str(tmp_path / "none.tar.xz"))


def test_the_fullest_tier_with_runs_is_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "find_folder", lambda tier: tmp_path / tier.value)
    for tier in (Tier.KICK, Tier.QUICK):
        (tmp_path / tier.value).mkdir()
        (tmp_path / tier.value / replay.ARCHIVE).touch()
        assert replay.find_archive("", "").parent.name == tier.value
    with pytest.raises(UsageError, match=r"no stored runs at .*full"):
        replay.find_archive("full", "")


@pytest.mark.parametrize("path", ARCHIVES, ids=lambda path: path.parent.name)
def test_the_committed_runs_are_those_of_their_reference(path: Path, tmp_path: Path) -> None:
    """They can be read, and are the same bytes."""
    store = Store(tmp_path)
    results = load_results(import_runs(path, store).plan, store)
    known = load_reference(path.parent)
    verdicts = judge_claims(load_study(results.plan.designs).claims, results)
    assert set(compare(results, verdicts, known).matches.values()) == {Match.SAME}


def judge(verdict: Verdict, value: float | None, low: float = 0, high: float = 0) -> Judgement:
    return Judgement(
        claim="stingy.throughput",
        server="tux-stingy",
        statement="It is faster.",
        location="figure 7(b)",
        design="figure7",
        metric="throughput",
        verdict=verdict,
        measured="throughput",
        value=value,
        low=None if value is None else low,
        high=None if value is None else high,
        band="at least 1.27",
        seeds=5,
        reason="",
    )


EXPECTED = judge(Verdict.REPRODUCED, 1.4, 1.35, 1.45)


@pytest.mark.parametrize(
    ("got", "match", "code"),
    [
        (EXPECTED, Match.SAME, ExitCode.HOLDS),
        (judge(Verdict.DIRECTION, 1.3, 1.2, 1.36), Match.OTHER_SOURCES, ExitCode.HOLDS),
        (judge(Verdict.CONTRADICTED, 1.0, 0.9, 1.1), Match.OTHER_SOURCES, ExitCode.DOES_NOT_HOLD),
        (EXPECTED, Match.DIFFERENT, ExitCode.DOES_NOT_HOLD),
    ],
)
def test_what_came_out_is_held_against_what_was_expected(
    got: Judgement, match: Match, code: ExitCode
) -> None:
    found = Comparison("c" * 40, {"run": match}, ((got, EXPECTED),), ())
    assert replay.print_expected(found) is code


def test_nothing_to_compare_with_is_inconclusive() -> None:
    assert replay.print_expected(None) is ExitCode.INCONCLUSIVE
    unjudged = judge(Verdict.NOT_JUDGED, None)
    found = Comparison("c" * 40, {"run": Match.CHANGED}, ((unjudged, unjudged),), ())
    assert replay.print_expected(found) is ExitCode.INCONCLUSIVE
