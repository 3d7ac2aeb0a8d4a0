# SPDX-License-Identifier: MIT
"""The pipeline on real machines: the kick tier, its reference digests, and its disturbances."""

from __future__ import annotations

from pathlib import Path

import pytest

from artifact.judge import reference
from artifact.judge.results import load_results
from artifact.reproduce import Order, ResultFolders, reproduce
from artifact.runs.plan import load_plan
from artifact.runs.testbed_runner import load_bench
from artifact.study.claims.evidence import Verdict
from artifact.study.designs import Tier
from checks.disturbances import MACHINE_KINDS, disturb_sweeps
from checks.disturbed import REAL
from ground.errors import ExitCode

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> ResultFolders:
    """A finished kick tier."""
    folders = ResultFolders(tmp_path_factory.mktemp("kick"))
    conclusion = reproduce(Order(Tier.KICK), load_bench(), folders)
    assert conclusion is not None
    assert conclusion.code is ExitCode.HOLDS
    assert set(conclusion.results.runs["outcome"]) == {"measured"}
    assert {j.verdict for j in conclusion.judgements} == {Verdict.NOT_JUDGED}
    return folders


def test_the_kick_tier_passes_every_stage(folders: ResultFolders) -> None:
    folder = folders.find_folder(Tier.KICK)
    assert (folder / "report.html").stat().st_size > 100_000
    assert {path.suffix for path in (folder / "figures").iterdir()} == {".svg", ".png", ".pdf"}
    # Of TUX itself: the scheduler's stages, and the objects that have a place in the cache slab.
    stages = (folder / "data" / "figure4.csv").read_text()
    assert all(name in stages for name in ("parse_request", "process_message", "flush_request"))
    parts = (folder / "data" / "figure5.csv").read_text()
    assert all(f"\n{name}," in parts for name in ("stack", "globals", "tux_req", "tux_req_header"))
    named = [f"figure{number}.svg" for number in (2, 3, 4, 5)]
    assert all((folder / "figures" / name).is_file() for name in named)
    products = load_plan(folder / "plan.json").products
    assert {"qemu", "server.kernel", "server.root", "client.kernel", "testbed"} <= set(products)


def test_results_are_those_of_the_reference(folders: ResultFolders) -> None:
    """On any host the same products give the same bytes; other sources are told apart."""
    plan = load_plan(folders.find_folder(Tier.KICK) / "plan.json")
    known = reference.load_reference(reference.find_folder(Tier.KICK))
    found = reference.compare(load_results(plan, folders.store), (), known)
    assert len(found.matches) == len(plan.runs)
    assert reference.Match.DIFFERENT not in found.matches.values()
    if not found.products:
        assert set(found.matches.values()) == {reference.Match.SAME}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_disturbed_sweeps_of_real_machines(tmp_path: Path) -> None:
    """Every kind once, a killed emulator too; `./invoke results.disturb --real` does a hundred."""
    *_, toll = disturb_sweeps(REAL, tmp_path, times=len(MACHINE_KINDS), seed=7)
    assert not toll.differences
    assert toll.hits["entry damaged"] == 1
