# SPDX-License-Identifier: MIT
"""Claims against the designs that they are about: what is named must be there."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from artifact import cli
from artifact.judge.evidence import cover_results, gather
from artifact.judge.results import load_results
from artifact.judge.verdicts import decide
from artifact.reproduce import Order
from artifact.runs.plan import make_plan
from artifact.runs.rehearsal import SyntheticRunner
from artifact.runs.store import Store
from artifact.runs.worker import Task, perform
from artifact.study.claims import AnyClaim, Claims, load_claims
from artifact.study.claims.evidence import Verdict
from artifact.study.coverage import cover_scope
from artifact.study.designs import FOLDER, Design, Tier, load_design
from artifact.study.loading import CLAIMS, check_claim, load_study
from ground.errors import UsageError

DOCUMENTS: list[dict[str, object]] = tomllib.loads((FOLDER / CLAIMS).read_text())["claim"]
DESIGNS = {claim.design: load_design(claim.design) for claim in load_claims()}
PATH = Path("claims.toml")


def find_documents(*kinds: str) -> st.SearchStrategy[dict[str, object]]:
    return st.sampled_from([d for d in DOCUMENTS if d["kind"] in kinds])


def change(document: Mapping[str, object], field: str, value: object) -> AnyClaim:
    """The claim with ``value`` at the dotted ``field``."""
    head, _, rest = field.partition(".")
    tree = dict(document)
    if not rest:
        tree[head] = value
    elif head == "servers":
        servers = list(tree["servers"])  # type: ignore[call-overload]
        servers[int(rest)] = value
        tree["servers"] = servers
    else:
        tree[head] = dict(tree[head]) | {rest: value}  # type: ignore[call-overload]
    return Claims.model_validate({"claim": [tree]}).claim[0]


def expect_refusal(claim: AnyClaim, field: str, name: object, choices: object) -> None:
    """The message names file, claim, field and what is wrong, and the hint all that there is."""
    with pytest.raises(UsageError) as caught:
        check_claim(claim, DESIGNS[claim.design], PATH)
    error = caught.value
    assert error.message.startswith(f"{PATH}: claim {claim.id}: {field}: ")
    assert error.message.endswith(f" {name!r}")
    assert claim.design in error.message
    assert isinstance(choices, list)
    assert error.hint == f"choose one of {', '.join(map(str, choices))}"


names = st.from_regex(r"[a-z][a-z0-9-]{0,9}-typo", fullmatch=True)


def test_the_claims_of_this_project_fit_its_designs() -> None:
    study = load_study()
    assert study.claims == load_claims()
    one = load_study(["figure7"])
    assert {claim.design for claim in one.claims} == {"figure7"}
    assert [design.id for design in one.designs] == ["figure7"]


@given(find_documents("ratio", "trend", "no-worse", "bend", "onset", "peak", "shift"), names)
def test_an_unknown_server_is_refused(document: dict[str, object], name: str) -> None:
    claim = change(document, "servers.0", name)
    expect_refusal(claim, "servers.0", name, DESIGNS[claim.design].servers)


@given(find_documents("peak", "shift"), names)
def test_an_unknown_reference_is_refused(document: dict[str, object], name: str) -> None:
    claim = change(document, "reference", name)
    expect_refusal(claim, "reference", name, DESIGNS[claim.design].servers)


@given(find_documents("ratio", "no-worse"), st.sampled_from(["point", "reference"]), names)
def test_an_unknown_server_of_a_point_is_refused(
    document: dict[str, object], side: str, name: str
) -> None:
    claim = change(document, f"{side}.server", name)
    expect_refusal(claim, f"{side}.server", name, DESIGNS[claim.design].servers)


@given(
    st.one_of(
        st.tuples(find_documents("trend", "bend", "onset"), st.just("variant")),
        st.tuples(find_documents("ratio", "no-worse"), st.sampled_from(["point", "reference"])).map(
            lambda pair: (pair[0], f"{pair[1]}.variant")
        ),
    ),
    names,
)
def test_an_unknown_variant_is_refused(case: tuple[dict[str, object], str], name: str) -> None:
    document, field = case
    claim = change(document, field, name)
    expect_refusal(claim, field, name, [v.name for v in DESIGNS[claim.design].variant])


@given(find_documents("ratio"), st.sampled_from(["point", "reference"]), st.integers(1, 9999))
def test_a_level_that_no_tier_has_is_refused(
    document: dict[str, object], side: str, level: int
) -> None:
    claim = change(document, f"{side}.level", level)
    design = DESIGNS[claim.design]
    levels = sorted({c for scope in design.tier.values() for c in scope.levels})
    if level in levels:
        return
    expect_refusal(claim, f"{side}.level", level, levels)


def test_a_ratio_without_a_level_is_refused() -> None:
    document = next(d for d in DOCUMENTS if d["kind"] == "ratio")
    claim = change(document, "point", {"server": "nginx"})
    with pytest.raises(UsageError, match=r"footnote3\.throughput: point\.level: it is missing"):
        check_claim(claim, DESIGNS[claim.design], PATH)


def test_a_tier_that_the_design_does_not_have_is_refused() -> None:
    document = next(d for d in DOCUMENTS if d["id"] == "mutants.bound-lost")
    claim = change(document, "seeds", {"full": 5, "kick": 2})
    expect_refusal(claim, "seeds.kick", "kick", ["full"])


def test_what_no_tier_can_judge_is_refused() -> None:
    """Too many seeds, too few levels in the range, no search."""
    for name, field, value, wrong in (
        ("mutants.bound-lost", "seeds", {"full": 6}, "tux-mutant-size at c = 2500 needs 6 seeds"),
        ("tux.plastic-zone", "levels", {"from": 3, "to": 7}, "3 levels in c = 3 to 7"),
        ("tux.elastic-zone-ends", "levels", {"from": 1, "to": 16}, "6 levels in c = 1 to 16"),
        ("stingy.peak", "design", "figure7", "the search of tux-stingy needs"),
    ):
        document = next(d for d in DOCUMENTS if d["id"] == name)
        claim = change(document, field, value)
        with pytest.raises(UsageError, match=f"{name}: seeds: no tier can judge it: .*{wrong}"):
            check_claim(claim, DESIGNS[claim.design], PATH)


def test_an_empty_range_is_refused() -> None:
    document = next(d for d in DOCUMENTS if d["id"] == "tux.plastic-zone")
    with pytest.raises(ValueError, match="40 to 8 is empty"):
        change(document, "levels", {"from": 40, "to": 8})


def copy_experiments(folder: Path, old: str, new: str) -> None:
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    text = (folder / CLAIMS).read_text()
    assert old in text
    (folder / CLAIMS).write_text(text.replace(old, new, 1))


def test_an_unknown_experiment_is_refused_with_what_there_is(tmp_path: Path) -> None:
    copy_experiments(tmp_path, 'design = "figure7"', 'design = "figure9"')
    with pytest.raises(
        UsageError, match=r"claim stingy\.throughput: design: no experiment 'figure9'"
    ):
        load_study(folder=tmp_path)


def test_a_server_may_need_longer_runs_than_others() -> None:
    usual = load_design("mutants").model_copy(update={"longer": {}})
    tree = usual.model_dump()
    longer = Design.model_validate(tree | {"longer": {"tux-mutant-size": 1.5}})
    for server, factor in (("tux-mutant-size", 1.5), ("tux-stingy", 1)):
        load = longer.finalize_experiment(server, longer.variant[0], 2500, 1).load
        assert load.expected_requests == factor * usual.find_requests(2500, server)
    with pytest.raises(ValidationError, match=r"longer.tux-typo: no tier has this server"):
        Design.model_validate(tree | {"longer": {"tux-typo": 2}})


def test_a_file_that_is_not_called_as_its_experiment_is_refused(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "gain.toml").rename(tmp_path / "loss.toml")
    with pytest.raises(UsageError, match=r"loss\.toml: id: 'gain' is not the file's name"):
        load_study(["loss"], folder=tmp_path)


def test_a_wrong_claim_is_told_before_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_experiments(tmp_path, '"tux-stingy-net"]', '"tux-stingi"]')
    monkeypatch.setattr(
        "artifact.study.loading.load_claims", lambda _: load_claims(tmp_path / CLAIMS)
    )
    monkeypatch.setattr(cli, "find_runner", lambda **_: pytest.fail("it would build"))
    with pytest.raises(UsageError, match="figure7 has no server 'tux-stingi'"):
        cli.run_reproduce(Order(), rehearse=False, build=True, out="", as_json=False)


def test_a_tier_that_plans_too_little_does_not_judge(tmp_path: Path, design: Design) -> None:
    """The level is in the full tier only: the quick tier has no verdict, and says why."""
    scope = design.tier[Tier.QUICK]
    more = scope.model_copy(update={"levels": (*scope.levels, 5000)})
    design = design.model_copy(update={"tier": {Tier.QUICK: scope, Tier.FULL: more}})
    document = next(d for d in DOCUMENTS if d["id"] == "footnote3.throughput")
    wanted = {"design": "small", "servers": ["nginx"], "point": {"level": 5000}}
    claim = change(document | wanted, "seeds", {"quick": 5, "full": 5})
    check_claim(claim, design, PATH)
    runner = SyntheticRunner()
    plan = make_plan(Tier.QUICK, [design], runner.products)
    for run in plan.runs:
        perform(Task(run.key, run.label, run.experiment, tmp_path), runner)
    case = gather(claim, "nginx", load_results(plan, Store(tmp_path)))
    judgement = decide(case, None)
    assert judgement.verdict is Verdict.NOT_JUDGED
    assert judgement.reason == (
        "in the quick tier nginx at c = 5000 needs 5 seeds and 0 are planned"
    )


@pytest.mark.parametrize("tier", [Tier.KICK, Tier.QUICK])
def test_a_plan_covers_what_its_scope_says(tier: Tier, tmp_path: Path) -> None:
    """Two ways to count: from the experiment file, and from the runs that were planned."""
    for name, design in DESIGNS.items():
        if tier in design.tier:
            plan = make_plan(tier, [design], {})
            results = load_results(plan, Store(tmp_path))
            found, wanted = cover_results(results, name), cover_scope(design, design.tier[tier])
            assert found.searches == wanted.searches
            assert found.seeds.items() >= wanted.seeds.items()
            assert found.seeds == wanted.seeds or wanted.searches  # these add rates of their own


def test_points_come_in_pairs_with_level_and_server() -> None:
    claims = {claim.id: claim for claim in load_claims()}
    covered = cover_scope(DESIGNS["figure7"], DESIGNS["figure7"].tier[Tier.QUICK])

    def show(name: str) -> list[tuple[str | None, int | None]]:
        points = claims[name].list_points("tux-stingy", covered, 5)
        return [(point.server, point.level) for point in points]

    assert show("stingy.throughput") == [("tux-stingy", 2500), ("tux", 2500)]
    assert show("stingy.flat") == [("tux-stingy", 2500), ("tux-stingy", 100)]
    assert show("stingy.nothing-lost") == [
        ("tux-stingy", 1), ("tux", 1), ("tux-stingy", 8), ("tux", 8),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="needs 6 seeds and 5 are planned"):
        claims["stingy.throughput"].list_points("tux-stingy", covered, 6)
