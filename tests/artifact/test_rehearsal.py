# SPDX-License-Identifier: MIT
"""The whole pipeline of the tiers that judge, on synthetic measurements whose effects are known:
every figure is drawn, every claim that the tier can judge is, and nothing gives a warning.

A tier takes hours; what would fail at its end fails here.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from artifact.cli import REHEARSED_NOISE
from artifact.judge.results import load_results
from artifact.judge.verdicts import Judgement, judge
from artifact.paper.numbers import State
from artifact.report.selection import list_illustrations, make_provenance, write_illustrations
from artifact.reproduce import Conclusion, Order, ResultFolders, reproduce
from artifact.runs.plan import Plan
from artifact.runs.rehearsal import USUAL, SyntheticRunner
from artifact.runs.store import Entry, Store
from artifact.study.claims import AnyClaim
from artifact.study.claims.evidence import Verdict
from artifact.study.designs import Tier
from artifact.study.loading import Study, load_study
from figures import style
from figures.style import FORMATS
from ground.errors import ExitCode

RUNNER = SyntheticRunner(noise=REHEARSED_NOISE)
STURDY = SyntheticRunner({"tux": replace(USUAL["tux"], fails=9000)}, noise=REHEARSED_NOISE)
TIERS = [Tier.QUICK, pytest.param(Tier.FULL, marks=[pytest.mark.slow])]


@pytest.fixture(scope="module", params=TIERS)
def rehearsal(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Conclusion, ResultFolders, Study]:
    """A whole tier; any warning is an error."""
    folders = ResultFolders(tmp_path_factory.mktemp("rehearsal"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        conclusion = reproduce(Order(request.param, jobs=2), RUNNER, folders)
    assert conclusion is not None
    return conclusion, folders, load_study()


def list_wanted(claims: tuple[AnyClaim, ...], tier: Tier) -> set[str]:
    """Claim and server of what ``tier`` judges."""
    return {f"{c.id}/{server}" for c in claims if tier in c.seeds for server in c.servers}


@pytest.mark.timeout(3600)
def test_every_claim_that_the_tier_judges_gets_its_verdict(
    rehearsal: tuple[Conclusion, ResultFolders, Study],
) -> None:
    conclusion, _, study = rehearsal
    found = {j.id: j for j in conclusion.judgements}
    judged = {name for name, j in found.items() if j.verdict is not Verdict.NOT_JUDGED}
    assert judged == list_wanted(study.claims, conclusion.results.plan.tier)
    reproduced = {name for name in judged if found[name].verdict is Verdict.REPRODUCED}
    assert not [explain(found[name]) for name in sorted(judged - reproduced)]
    assert conclusion.code is ExitCode.HOLDS


def explain(judgement: Judgement) -> str:
    return f"{judgement.id}: {judgement.verdict}, {judgement.value}, {judgement.reason}"


def test_every_figure_is_drawn_and_stands_in_the_report(
    rehearsal: tuple[Conclusion, ResultFolders, Study],
) -> None:
    conclusion, folders, study = rehearsal
    folder = folders.find_folder(conclusion.results.plan.tier)
    illustrations = list_illustrations(study)
    assert {i.design for i in illustrations} == {d.id for d in study.designs}
    measured = {d.id for d in study.designs if conclusion.results.plan.tier in d.tier}
    illustrations = [i for i in illustrations if i.design in measured]
    wanted = {i.name for i in illustrations}
    assert len(wanted) == len(illustrations)
    for kind in FORMATS:
        drawn = {path.stem for path in (folder / "figures").glob(f"*.{kind}")}
        assert drawn == wanted | {"verdicts"}
    assert {p.stem for p in (folder / "data").glob("*.csv")} == wanted | {"verdicts", "runs"}
    page = conclusion.report.read_text()
    for illustration in illustrations:
        assert illustration.caption in page.replace("&#39;", "'"), illustration.name
    verdicts = json.loads((folder / "verdicts.json").read_bytes())
    assert [v["claim"] for v in verdicts] == [j.claim for j in conclusion.judgements]


def test_a_rehearsal_gives_a_marked_draft_and_names_what_its_tier_has_not(
    rehearsal: tuple[Conclusion, ResultFolders, Study],
) -> None:
    conclusion, folders, _ = rehearsal
    paper, tier = conclusion.paper, conclusion.results.plan.tier
    assert paper is not None
    assert paper.pdf == folders.find_folder(tier) / "draft.pdf"
    assert paper.numbers.synthetic
    states = {name: number.state for name, number in paper.numbers.numbers.items()}
    assert State.MEASURED not in states.values()
    lost = {name for name, state in states.items() if state is not State.SYNTHETIC}
    assert (lost == set()) == (tier is Tier.FULL), lost  # all that the paper says is planned there


class Beginning(Store):
    """A store in which only the first ``count`` runs of ``plan`` are done."""

    def __init__(self, root: Path, plan: Plan, count: int) -> None:
        super().__init__(root)
        self.known = frozenset(plan.keys[:count])

    def load(self, key: str) -> Entry | None:
        """The entry, if it is one of the first."""
        return super().load(key) if key in self.known else None


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("count", [4, 5, 60])
def test_figures_of_a_sweep_that_has_just_begun_are_drawn_too(
    rehearsal: tuple[Conclusion, ResultFolders, Study],
    tmp_path: Path,
    count: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are drawn whenever a curve is complete, while most others are not."""
    monkeypatch.setattr(style, "FORMATS", ("svg",))  # the others are made of the same figure
    conclusion, folders, study = rehearsal
    plan = conclusion.results.plan
    results = load_results(plan, Beginning(folders.store.root, plan, count))
    judgements = judge(study.claims, results)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_illustrations(results, list_illustrations(study), study.claims, judgements, tmp_path)
    assert make_provenance(results).synthetic
    assert (tmp_path / "figures/latency-plateaus.svg").is_file()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("tier", TIERS)
def test_a_server_that_never_fails_has_no_failure_zone(tier: Tier, tmp_path: Path) -> None:
    order = Order(tier, load_study(["figure1"]), jobs=2)
    conclusion = reproduce(order, STURDY, ResultFolders(tmp_path))
    assert conclusion is not None
    found = {j.claim: j for j in conclusion.judgements}
    assert found.pop("tux.failure-zone").verdict is Verdict.CONTRADICTED
    assert not [explain(j) for j in found.values() if j.verdict is not Verdict.REPRODUCED]
