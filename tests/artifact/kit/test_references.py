# SPDX-License-Identifier: MIT
"""What docs/results.md says of a reference: what it found, and how far it is still current."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from artifact.judge.ledgers import ELSEWHERE, STAGES
from artifact.judge.ledgers import SCHEMA as LEDGER_SCHEMA
from artifact.judge.reference import RUNS_SCHEMA, digest_experiment, find_folder, write_reference
from artifact.judge.results import load_results
from artifact.judge.verdicts import Judgement, judge
from artifact.kit.pages import RESULTS, render_kit
from artifact.kit.references import (
    OUTSIDE,
    Chapter,
    find_fit,
    list_broken,
    list_ledger_rows,
    make_chapter,
    order_chapters,
)
from artifact.paper.stored import Stored, take_reference
from artifact.runs.engines import LocalEngine
from artifact.runs.plan import Plan, make_plan
from artifact.runs.rehearsal import SyntheticRunner
from artifact.runs.store import Store
from artifact.runs.sweep import list_tasks, sweep
from artifact.study.claims.evidence import Verdict
from artifact.study.designs import Tier, load_design
from artifact.study.loading import Study, load_study
from checks.disturbed import Silence

PRODUCTS = {"synthetic": "0"}


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study()


@pytest.fixture(scope="module")
def plan(study: Study) -> Plan:
    return make_plan(Tier.KICK, study.designs, PRODUCTS)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reference of one design's kick tier, measured by the synthetic runner."""
    folder = tmp_path_factory.mktemp("measured")
    runner, store = SyntheticRunner(), Store(folder / "store")
    small = make_plan(Tier.KICK, [load_design("figure1")], runner.products)
    sweep(list_tasks(small.runs, store.root), runner, LocalEngine(1), Silence())
    results = load_results(small, store)
    claims = [claim for claim in load_study().claims if claim.design == "figure1"]
    write_reference(results, judge(claims, results), folder / "reference", "c" * 40)
    return folder / "reference"


def test_runs_of_todays_experiments_are_current(measured: Path, plan: Plan) -> None:
    stored = take_reference(measured)
    fit = find_fit(stored.runs, plan)
    assert fit.runs == fit.today == stored.runs.height > 0
    assert fit.platforms == {"lcn2006": fit.runs}
    others = {run.design for run in plan.runs} - {"figure1"}
    assert set(fit.absent) == set(fit.lacking) == others


def test_an_experiment_that_has_changed_is_not_current(measured: Path) -> None:
    design = load_design("figure1")
    moved = design.model_copy(update={"platform": "debian12"})
    stored = take_reference(measured)
    for changed in (moved, design.model_copy(update={"requests": {6000: 1234}})):
        fit = find_fit(stored.runs, make_plan(Tier.KICK, [changed], PRODUCTS))
        assert (fit.today, fit.platforms, fit.share) == (0, {}, 0)
        assert fit.lacking == {"figure1": stored.runs.height}


def test_runs_of_a_search_are_current_where_the_search_can_come_by(study: Study) -> None:
    quick = make_plan(Tier.QUICK, study.designs, PRODUCTS)
    search = next(s for s in quick.searches if s.design == "peak")
    probe = search.plan_probe(search.rates[3], 2, PRODUCTS)
    row = {"design": "peak", "server": search.server, "variant": "base", "seed": 2}
    row |= {"level": search.rates[3], "experiment": digest_experiment(probe)}
    runs = pl.concat([pl.DataFrame(schema=RUNS_SCHEMA), pl.DataFrame([row])], how="diagonal")
    assert find_fit(runs, quick).today == 1


def give_verdict(claim: str, server: str, **changes: object) -> Judgement:
    full = take_reference(find_folder(Tier.FULL)).judgements
    (found,) = (j for j in full if (j.claim, j.server) == ("stingy.misses", "tux-stingy"))
    given = {"claim": claim, "server": server, "verdict": Verdict.DIRECTION}
    return found.model_copy(update=given | changes)


def store_verdicts(*verdicts: Judgement) -> Stored:
    return Stored(
        tier=Tier.KICK,
        commit="c" * 40,
        digest="d" * 64,
        synthetic=True,
        judgements=verdicts,
        runs=pl.DataFrame(schema=RUNS_SCHEMA),
        ledgers=pl.DataFrame(schema=LEDGER_SCHEMA),
        origins=pl.DataFrame(),
        peaks=pl.DataFrame(),
    )


def test_verdicts_are_held_against_the_claims_of_today(study: Study, plan: Plan) -> None:
    stored = store_verdicts(
        give_verdict("stingy.misses", "tux-stingy"),
        give_verdict("stingy.misses", "tux-stingy-net", band="at most 0.9"),
        give_verdict("stingy.speed-of-light", "tux-stingy"),
        give_verdict("stingy.tail", "tux-stingy", verdict=Verdict.NOT_JUDGED),
    )
    chapter = make_chapter(stored, plan, study.claims)
    assert chapter.gone == ("stingy.speed-of-light",)
    assert [(one.judgement.id, one.band) for one in chapter.rejudged] == [
        ("stingy.misses/tux-stingy-net", "at most 0.5")
    ]
    assert chapter.unjudged == ("stingy.tail",)
    assert "stingy.misses" not in chapter.unmeasured
    assert {"stingy.tail/tux-stingy-net", "tux.throughput"} <= set(chapter.unmeasured)
    assert chapter.counts == {Verdict.DIRECTION: 3, Verdict.NOT_JUDGED: 1}
    assert [j.server for _, listed in chapter.sections for j in listed] == [
        "tux-stingy", "tux-stingy-net", "tux-stingy"
    ]  # fmt: skip


def test_a_small_tier_of_today_stands_before_a_large_one_of_yesterday() -> None:
    def make(tier: Tier, share: float, *, judged: bool) -> Chapter:
        chapter = make_chapter(store_verdicts(), make_plan(tier, [], PRODUCTS), ())
        fit = replace(chapter.fit, runs=100, today=int(100 * share))
        stored = replace(chapter.stored, tier=tier)
        counts = {Verdict.REPRODUCED if judged else Verdict.NOT_JUDGED: 1}
        return replace(chapter, stored=stored, fit=fit, counts=counts)

    kick = make(Tier.KICK, 1, judged=False)
    quick = make(Tier.QUICK, 1, judged=True)
    old, new = make(Tier.FULL, 0, judged=True), make(Tier.FULL, 1, judged=True)
    assert order_chapters([kick, quick, old]) == [quick, old, kick]
    assert order_chapters([kick, quick, new]) == [new, quick, kick]


def test_connections_are_counted_where_they_stand() -> None:
    def rows(server: str, seed: int, valid: bool, **shares: float) -> list[tuple[object, ...]]:
        place = ("figure7", server, "base", 2500, seed, valid)
        return [(*place, name.replace("_", " "), share) for name, share in shares.items()]

    parse, header = STAGES["parse"], STAGES["header"]
    table = [
        *rows("tux", 1, True, **{parse: 0.4, header: 0.1, "not_yet_accepted": 0.4, ELSEWHERE: 0.1}),
        *rows("tux", 2, True, **{parse: 0.2, header: 0.1, "not_yet_accepted": 0.6, ELSEWHERE: 0.1}),
        *rows("tux", 3, False, **{parse: 1.0}),
        *rows("tux-stingy", 1, False, accepted=0.01, held_as_SYNs=0.99),
        ("figure1", "tux", "base", 2500, 1, True, parse, 1.0),
    ]
    stock, stingy = list_ledger_rows(pl.DataFrame(table, schema=LEDGER_SCHEMA, orient="row"))
    assert (stock.valid, stock.seeds) == (True, 2)
    found = dict(zip(("accepted", *OUTSIDE), stock.counts, strict=True))
    assert found["accepted"] == pytest.approx(1000)
    assert found["not yet accepted"] == pytest.approx(1250)
    assert found[ELSEWHERE] == pytest.approx(250)
    assert found["turned away"] is None  # an older reference does not know it
    assert sum(count or 0 for count in found.values()) == pytest.approx(2500)
    assert (stingy.valid, stingy.seeds) == (False, 1)
    assert stingy.counts[0] == pytest.approx(25)


def test_runs_that_broke_the_same_gates_stand_together() -> None:
    place = {"design": "peak", "server": "tux", "variant": "base", "outcome": "invalid"}
    rows = [
        {**place, "level": 24000, "seed": 1, "reasons": "steady-state: a step of 1, not <= 0.1"},
        {**place, "level": 21000, "seed": 1, "reasons": "steady-state: a step of 2, not <= 0.1"},
        {**place, "level": 21000, "seed": 2, "reasons": "steady-state: a step of 3, not <= 0.1"},
        {**place, "level": 21000, "seed": 3, "reasons": "errors: 17, not == 0; timeouts: 1"},
        {**place, "level": 1000, "seed": 1, "reasons": "", "outcome": "measured"},
    ]
    found = list(list_broken(pl.DataFrame(rows, schema_overrides={"reasons": pl.String})))
    assert [(b.gates, b.levels, b.runs) for b in found] == [
        ("errors, timeouts", (21000,), 1),
        ("steady-state", (21000, 24000), 3),
    ]
    assert found[0].example == "17, not == 0"


def test_the_page_has_every_verdict_and_every_run_that_does_not_count() -> None:
    text = render_kit()[RESULTS]
    for tier in Tier:
        section = text.partition(f"\n## {tier.value.capitalize()} tier\n")[2].split("\n## ")[0]
        stored = take_reference(find_folder(tier))
        judged = [j for j in stored.judgements if j.verdict is not Verdict.NOT_JUDGED]
        for j in judged:
            (line,) = (one for one in section.splitlines()
                       if one.startswith(f"| `{j.claim}` | {j.server} |"))  # fmt: skip
            assert f"| {j.verdict.value} | {j.seeds} |" in line
        with (find_folder(tier) / "runs.csv").open(newline="") as file:
            broken = sum(row["outcome"] != "measured" for row in csv.DictReader(file))
        lines = section.partition("do not count\n")[2].splitlines()
        counts = [int(line.split(" | ")[4]) for line in lines if "| invalid |" in line]
        assert sum(counts) == broken
