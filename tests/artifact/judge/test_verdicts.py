# SPDX-License-Identifier: MIT
"""From claims to verdicts: interval logic, thresholds, and that each verdict can come out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from artifact.judge.results import Results, count_outcomes, load_results, summarize
from artifact.judge.verdicts import Judgement, find_exit_code, judge
from artifact.runs.plan import Plan, make_plan
from artifact.runs.rehearsal import Effect, SyntheticRunner
from artifact.runs.store import Store
from artifact.runs.worker import Task, perform
from artifact.study.claims import AnyClaim, Claims, load_claims
from artifact.study.claims.evidence import Verdict
from artifact.study.claims.families import ConcurrencyClaim
from artifact.study.claims.peak import PeakClaim
from artifact.study.claims.ratio import RatioClaim
from artifact.study.claims.shift import ShiftClaim
from artifact.study.claims.trend import TrendClaim
from artifact.study.designs import Tier, load_design
from artifact.study.metrics import METRICS
from ground.errors import ExitCode, UsageError

TRUTHS = {
    # what the server does: (data misses gained, cycles without misses) -> loss of throughput
    "nginx": Effect(spilled=320),
    "lighttpd": Effect(spilled=30),
    "apache": Effect(spilled=0, cold=0),
}
FAILING = {name: replace(effect, fails=2000) for name, effect in TRUTHS.items()}


def load_footnote() -> list[AnyClaim]:
    """The claims of footnote 3; those about places have tests of their own."""
    return [claim for claim in load_claims() if claim.design == "footnote3"]


def make_claims(**changes: object) -> list[AnyClaim]:
    """The claims of footnote 3 with fields replaced."""
    documents = [claim.model_dump(by_alias=True, mode="json") for claim in load_footnote()]
    for document in documents:
        document.update(changes)
    return list(Claims.model_validate({"claim": documents}).claim)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The quick tier of footnote 3 with known effects."""
    return run_design(tmp_path_factory.mktemp("store"), SyntheticRunner(TRUTHS, noise=0.01))


def run_design(store: Path, runner: SyntheticRunner, tier: Tier = Tier.QUICK) -> Results:
    plan = make_plan(tier, [load_design("footnote3")], runner.products)
    perform_all(plan, store, runner)
    return load_results(plan, Store(store))


def perform_all(plan: Plan, store: Path, runner: SyntheticRunner) -> None:
    for run in plan.runs:
        perform(Task(run.key, run.label, run.experiment, store), runner)


@pytest.fixture(scope="module")
def judgements(results: Results) -> dict[str, Judgement]:
    return {j.id: j for j in judge(load_footnote(), results)}


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("footnote3.throughput/nginx", Verdict.REPRODUCED),
        ("footnote3.throughput/lighttpd", Verdict.DIRECTION),
        ("footnote3.throughput/apache", Verdict.CONTRADICTED),
        ("footnote3.data-misses-rise/nginx", Verdict.REPRODUCED),
        ("footnote3.data-misses-rise/apache", Verdict.CONTRADICTED),
        ("footnote3.instruction-misses-fall/nginx", Verdict.REPRODUCED),
        ("footnote3.instruction-misses-fall/apache", Verdict.CONTRADICTED),
    ],
)
def test_known_effects_get_their_verdicts(
    judgements: dict[str, Judgement], claim: str, verdict: Verdict
) -> None:
    judgement = judgements[claim]
    assert judgement.verdict is verdict, judgement
    assert judgement.low is not None
    assert judgement.high is not None
    assert judgement.value is not None
    assert judgement.low <= judgement.value <= judgement.high
    assert judgement.seeds == 5
    assert len(judgement.keys) >= 10


@pytest.mark.parametrize(
    ("metric", "direction", "band", "verdict"),
    [
        ("l2_data", "rises", {"low": 1.25}, Verdict.REPRODUCED),
        ("stall_share", "rises", {"low": 1.25}, Verdict.CONTRADICTED),
        ("stall_share", "falls", {"high": 0.9}, Verdict.REPRODUCED),
        ("stall_share", "falls", {"high": 0.01}, Verdict.DIRECTION),
    ],
)
def test_a_metric_that_is_a_ratio_is_judged_by_itself(
    results: Results, metric: str, direction: str, band: dict[str, float], verdict: Verdict
) -> None:
    """Against 1 and the band, without another run as its reference."""
    document = {
        **{"id": "x", "location": "x", "statement": "x", "design": "footnote3"},
        **{"servers": ["nginx"], "metric": metric, "band_reason": "only a test of the logic"},
        **{"kind": "value", "point": {"level": 2500}, "direction": direction, "band": band},
        "seeds": {"quick": 5},
    }
    (judgement,) = judge(Claims.model_validate({"claim": [document]}).claim, results)
    assert judgement.verdict is verdict, judgement
    assert judgement.measured == f"{metric}, c = 2500"
    assert judgement.seeds == 5


def test_noise_is_inconclusive(tmp_path: Path) -> None:
    noisy = SyntheticRunner({"nginx": Effect(spilled=4)}, noise=1.0)
    found = {j.id: j for j in judge(load_footnote(), run_design(tmp_path, noisy))}
    assert found["footnote3.throughput/nginx"].verdict is Verdict.INCONCLUSIVE


def test_lost_seeds_are_inconclusive_and_say_why(tmp_path: Path) -> None:
    runner = SyntheticRunner(FAILING)
    found = {j.id: j for j in judge(load_footnote(), run_design(tmp_path, runner))}
    judgement = found["footnote3.throughput/nginx"]
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "0 of 5 seeds" in judgement.reason
    assert "fewest at c = 2500 (invalid: retransmissions: 900 segments" in judgement.reason


def test_the_kick_tier_judges_nothing(tmp_path: Path) -> None:
    found = judge(load_footnote(), run_design(tmp_path, SyntheticRunner(), Tier.KICK))
    assert {j.verdict for j in found} == {Verdict.NOT_JUDGED}
    assert find_exit_code(found) is ExitCode.HOLDS


def test_identical_seeds_are_no_sample(tmp_path: Path) -> None:
    found = judge(load_footnote(), run_design(tmp_path, SyntheticRunner(TRUTHS, noise=0.0)))
    assert {j.verdict for j in found} == {Verdict.INCONCLUSIVE}
    assert all("no sample" in j.reason for j in found)


@pytest.fixture(scope="module")
def mutants(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """The full tier of the mutants; Stingy and some of them fill all slots in every boot."""
    store = tmp_path_factory.mktemp("mutants")
    runner = SyntheticRunner(noise=0.004)
    plan = make_plan(Tier.FULL, [load_design("mutants")], runner.products)
    perform_all(plan, store, runner)
    return load_results(plan, Store(store))


def test_a_count_that_is_the_same_in_every_boot_is_judged(mutants: Results) -> None:
    """Whichever way the claim compares it; the runs differ, the count does not."""
    alive = (
        mutants.runs.filter(pl.col("level") == 2500)
        .group_by("server")
        .agg(pl.col("requests_alive").n_unique(), pl.col("l2_data").n_unique())
    )
    assert set(alive["requests_alive"]) == {1}
    assert set(alive["l2_data"]) == {3}
    claims = [claim for claim in load_claims() if claim.metric == "requests_alive"]
    found = {j.id: j for j in judge(claims, mutants)}
    assert {j.verdict for j in found.values()} == {Verdict.REPRODUCED}
    size, always, page = (
        found[f"mutants.bound-{name}"]
        for name in ("lost/tux-mutant-size", "lost/tux-mutant-always", "kept/tux-mutant-page")
    )
    assert size.value == pytest.approx(1600 / 600)
    assert always.value == pytest.approx(2500 / 600)
    assert page.value == pytest.approx(1)
    assert all(j.low == j.value == j.high and j.seeds == 3 for j in found.values())
    # A smaller count than claimed is told as clearly.
    changed = mutants.runs.with_columns(
        requests_alive=pl.when(server="tux-mutant-size").then(660.0).otherwise("requests_alive")
    )
    other = {j.id: j for j in judge(claims, replace(mutants, runs=changed))}
    assert other["mutants.bound-lost/tux-mutant-size"].verdict is Verdict.DIRECTION
    changed = mutants.runs.with_columns(requests_alive=pl.lit(600.0))
    other = {j.id: j for j in judge(claims, replace(mutants, runs=changed))}
    assert other["mutants.bound-lost/tux-mutant-size"].verdict is Verdict.CONTRADICTED


def test_one_run_under_many_seeds_is_no_sample(mutants: Results) -> None:
    """If seeds moved nothing at all, no claim of any kind gets a verdict from them."""
    first = mutants.runs.filter(pl.col("seed") == 1).select("server", "level", *METRICS)
    frozen = mutants.runs.drop(*METRICS).join(first, on=["server", "level"])
    claims = [claim for claim in load_claims() if claim.design == "mutants"]
    found = judge(claims, replace(mutants, runs=frozen.select(mutants.runs.columns)))
    assert {j.verdict for j in found} == {Verdict.INCONCLUSIVE}
    assert {j.reason for j in found} == {"all seeds gave the same runs: no sample"}


def test_equivalence_and_maximum(results: Results) -> None:
    shared = {
        "location": "none",
        "statement": "a control",
        "design": "footnote3",
        "servers": ["nginx", "apache"],
        "metric": "throughput",
        "band_reason": "a control of the verdict logic, fixed in this test",
        "seeds": {"quick": 5},
    }
    same = {"id": "same", "kind": "equivalence", "margin": 0.05} | shared
    same |= {"point": {"level": 2500}, "reference": {"level": 40}}
    top = {"id": "top", "kind": "maximum", "direction": "rises", "band": {"low": 1.05}} | shared
    top |= {"levels": {"from": 40, "to": 2500}, "reference": {"server": "nginx"}, "point": {}}
    top |= {"servers": ["apache"]}
    claims = Claims.model_validate({"claim": [same, top]}).claim
    found = {j.id: j for j in judge(claims, results)}
    assert found["same/nginx"].verdict is Verdict.CONTRADICTED
    assert found["same/apache"].verdict is Verdict.REPRODUCED
    assert found["top/apache"].verdict is Verdict.REPRODUCED
    assert found["top/apache"].value == pytest.approx((90_000 + 338 * 125) / 93_750, rel=0.1)


def test_exit_codes(judgements: dict[str, Judgement]) -> None:
    by = {j.verdict: j for j in judgements.values()}
    good, open_ = (
        by[Verdict.REPRODUCED],
        by[Verdict.REPRODUCED].model_copy(update={"verdict": Verdict.INCONCLUSIVE}),
    )
    assert find_exit_code([good, by[Verdict.DIRECTION]]) is ExitCode.HOLDS
    assert find_exit_code([good, open_]) is ExitCode.INCONCLUSIVE
    assert find_exit_code([open_, by[Verdict.CONTRADICTED]]) is ExitCode.DOES_NOT_HOLD


def test_tables_hide_nothing(tmp_path: Path) -> None:
    results = run_design(tmp_path, SyntheticRunner(FAILING, noise=0.01))
    table = summarize(results, "footnote3", "throughput")
    assert len(table) == 3 * 5
    beyond = table.filter(table["level"] == 2500)
    assert beyond["valid"].to_list() == [False] * 3
    assert beyond["zone"].to_list() == ["failure"] * 3
    assert count_outcomes(results) == {"invalid": 15, "measured": 60}


def test_results_have_one_digest(results: Results, tmp_path: Path) -> None:
    again = run_design(tmp_path, SyntheticRunner(TRUTHS, noise=0.01))
    assert again.digest == results.digest
    assert run_design(tmp_path, SyntheticRunner(noise=0.02)).digest != results.digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metric": "speed"}, "no metric 'speed'"),
        ({"band": {"low": 0.9}}, "needs band"),
        ({"band": {"low": 2.0, "high": 1.0}}, "is empty"),
        ({"band": {}}, "low or high"),
        ({"seeds": {"quick": 1}}, "greater than or equal to 2"),
        ({"id": "same"}, "used twice"),
    ],
)
def test_wrong_claims_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_claims(**change)


def test_a_broken_claims_file_is_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "claims.toml"
    path.write_text('[[claim]]\nid = "x"\nkind = "ratio"\n')
    with pytest.raises(UsageError, match=r"claim\.0\.location \(of x\): it is missing"):
        load_claims(path)
    with pytest.raises(UsageError, match="no claims"):
        load_claims(tmp_path / "absent.toml")


@pytest.mark.parametrize("tier", Tier)
def test_a_tier_plans_the_seeds_that_its_claims_need(tier: Tier) -> None:
    """At the levels of ratios and searches; of ranges at their ends and in three levels."""
    for claim in load_claims():
        needed = claim.seeds.get(tier)
        scope = load_design(claim.design).tier.get(tier)
        if needed is None or scope is None:
            continue
        enough = [level for level in scope.levels if len(scope.list_seeds(level)) >= needed]
        if isinstance(claim, RatioClaim):
            assert {claim.point.level, claim.reference.level} <= set(enough), claim.id
        elif isinstance(claim, PeakClaim):
            assert scope.search
            assert scope.seeds >= needed
        elif isinstance(claim, TrendClaim | ConcurrencyClaim | ShiftClaim):
            ends = {claim.levels.start, claim.levels.end}
            assert ends <= set(enough), claim.id
            assert sum(claim.levels.start <= c <= claim.levels.end for c in enough) >= 3, claim.id


def test_bands_are_what_was_fixed_before_the_data() -> None:
    """A changed band is a changed claim: this test must be changed with it, on purpose."""
    bands = {
        claim.id: claim.model_dump().get("band") or claim.model_dump()["margin"]
        for claim in load_claims()
    }
    assert bands == {
        "footnote3.throughput": {"low": 0.60, "high": 0.85},
        "footnote3.data-misses-rise": {"low": 1.5, "high": None},
        "footnote3.instruction-misses-fall": {"low": None, "high": 0.9},
        "tux.throughput": {"low": 0.57, "high": 0.81},
        "tux.plastic-zone": {"low": None, "high": 0.9},
        "tux.elastic-zone-ends": {"low": 0.25, "high": 5.5},
        "tux.failure-zone": {"low": 0.5, "high": 1.5},
        "tux.instruction-misses-fall": {"low": None, "high": 0.9},
        "tux.instruction-misses-settle": {"low": 0.25, "high": 4},
        "tux.data-misses-rise": {"low": 2.0, "high": None},
        "tux.data-misses-peak": {"low": 0.5, "high": 1.5},
        "backlog.data-misses-peak": {"low": 0.5, "high": 1.5},
        "control.baseline": {"low": 1.5, "high": None},
        "stingy.throughput": {"low": 1.27, "high": None},
        "stingy.misses": {"low": None, "high": 0.5},
        "stingy.own-misses": {"low": None, "high": 0.25},
        "stingy.peak": {"low": 1.14, "high": None},
        "stingy.robust-peak": {"low": 1.14, "high": None},
        "stingy.goodput": 0.05,
        "stingy.flat": 0.05,
        "stingy.throughput-at-40": {"low": 1.02, "high": None},
        "stingy.instruction-misses-at-40": {"low": None, "high": 0.9},
        "stingy.failure-moves": {"low": 1.1, "high": None},
        "stingy.nothing-lost": 0.02,
        "stingy.tail": 0.02,
        "mutants.bound-lost": {"low": 1.5, "high": None},
        "mutants.bound-kept": 0.10,
        "mutants.misses-lost": {"low": 1.02, "high": None},
        "mutants.misses-kept": 0.02,
        "mutants.cohorts-lost": {"low": 1.2, "high": None},
        "mutants.cohorts-kept": 0.10,
        "bottleneck.receive": {"low": 1.25, "high": None},
        "bottleneck.send": {"low": 1.25, "high": None},
        "bottleneck.transactions": {"low": 1.25, "high": None},
        "bottleneck.connections": {"low": 1.25, "high": None},
    }


def test_each_mutant_is_judged_by_each_property_and_none_by_both_sides() -> None:
    """Bound, misses, cohorts: lost or kept; only misses without a cohort are nobody's guess."""
    claims = [claim for claim in load_claims() if claim.design == "mutants"]
    found: dict[tuple[str, str], list[str]] = {}
    for claim in claims:
        name, side = claim.id.removeprefix("mutants.").split("-")
        for server in claim.servers:
            found.setdefault((server, name), []).append(side)
    assert all(len(sides) == 1 for sides in found.values())
    mutants = set(load_design("mutants").tier[Tier.FULL].servers) - {"tux-stingy"}
    expected = {(server, name) for server in mutants for name in ("bound", "misses", "cohorts")}
    assert expected - set(found) == {("tux-mutant-never", "misses")}
    assert {server for server, _ in found} == mutants
    assert all(
        "lost" in {s for (m, _), (s,) in found.items() if m == mutant}
        for mutant in mutants - {"tux-mutant-page"}
    )  # that one is the proof's
