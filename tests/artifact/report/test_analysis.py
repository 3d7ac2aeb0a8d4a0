# SPDX-License-Identifier: MIT
"""Figures 2 to 5 in the pipeline: from a build's products, or not at all, and said so."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from artifact.report.tables.analysis import load_analysis
from artifact.reproduce import Order, ResultFolders, redraw, reproduce
from artifact.runs.plan import Plan, make_plan
from artifact.runs.rehearsal import SyntheticRunner
from artifact.study.designs import Tier
from artifact.study.loading import load_study
from forge.manifest import MachineProducts, Manifest, Product
from ground.errors import ExitCode, UsageError
from ground.files import write_atomically
from ground.paths import PROJECT
from stingy.memwalk.passes import analyse
from stingy.stingygen.demand import make_demand
from stingy.stingygen.geometry import load_l2
from stingy.stingygen.map import Parameters, save_map
from stingy.stingygen.plan import plan_map

FIGURES = ("figure2", "figure3", "figure4", "figure5")
ORDER = Order(Tier.KICK, load_study(["footnote3"]))


@dataclass(frozen=True)
class BuiltRunner(SyntheticRunner):
    """Synthetic runs that pass for those of a build with the products ``built``."""

    built: Mapping[str, str] = field(default_factory=dict)

    @property
    def products(self) -> Mapping[str, str]:
        return self.built


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """A build whose analysis is of a server in examples, by the tools themselves."""
    folder = tmp_path_factory.mktemp("products")
    result = analyse(PROJECT / "examples" / "cascade" / "annotations.toml")
    analysis = folder / "analysis"
    write_atomically(analysis / "memwalk.json", result.to_json())
    l2 = load_l2("banias-1400")
    save_map(plan_map(make_demand(result), l2, Parameters()), analysis / "map.json")
    (folder / "product").write_text("product")
    product = Product.measure(folder / "product")
    machine = MachineProducts(
        **dict.fromkeys(("kernel", "bzimage", "vmlinux", "root", "sbom", "image"), product)
    )
    return Manifest(
        qemu=product,
        firmware=product,
        cache_plugin=product,
        instructions_plugin=product,
        server=machine,
        client=machine,
        modules={},
        analysis=Product.measure(analysis),
        matches_lock=True,
        sources={},
        toolchain="",
    )


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ResultFolders:
    monkeypatch.setenv("ARTIFACT_OUT", str(tmp_path))
    return ResultFolders(tmp_path)


def plan_for(products: Mapping[str, str]) -> Plan:
    return make_plan(Tier.KICK, ORDER.study.designs, products)


def test_the_figures_stand_in_folder_and_report(manifest: Manifest, folders: ResultFolders) -> None:
    manifest.write(folders.root / "manifest.json")
    conclusion = reproduce(ORDER, BuiltRunner(built=manifest.digests()), folders)
    assert conclusion is not None
    folder = folders.find_folder(Tier.KICK)
    page = conclusion.report.read_text()
    for name in FIGURES:
        for suffix in ("svg", "png", "pdf"):
            assert (folder / "figures" / f"{name}.{suffix}").stat().st_size > 1000
        assert f'id="{name}"' in page
        assert f"Figure {name[-1]}: " in page
    assert page.count("./invoke build &amp;&amp; ./invoke figures --tier kick") == 4
    with (folder / "data" / "figure5.csv").open() as stream:
        parts = {row["part"]: int(row["bytes"]) for row in csv.DictReader(stream)}
    slabs = {name for name in parts if name.endswith(" slab")}
    assert slabs == {"low slab", "cache slab", "high slab"}
    inside = sum(size for name, size in parts.items() if name not in slabs)
    assert inside == parts["cache slab"]


def test_results_of_another_build_are_told_apart(
    manifest: Manifest, folders: ResultFolders
) -> None:
    manifest.write(folders.root / "manifest.json")
    same = load_analysis(plan_for(manifest.digests()))
    other = load_analysis(plan_for(manifest.digests() | {"server.root": "0" * 64}))
    assert same is not None
    assert other is not None
    assert not same.origin.note
    assert "another build" in other.origin.note


def test_without_a_build_all_else_is_drawn_and_the_command_says_what_to_run(
    manifest: Manifest, folders: ResultFolders
) -> None:
    with pytest.raises(UsageError) as caught:
        reproduce(ORDER, BuiltRunner(built=manifest.digests()), folders)
    assert caught.value.hint == "run ./invoke build"
    assert caught.value.code is ExitCode.USAGE
    folder = folders.find_folder(Tier.KICK)
    drawn = {path.stem for path in (folder / "figures").iterdir()}
    assert "footnote3-throughput" in drawn
    assert not drawn & set(FIGURES)
    assert (folder / "report.html").is_file()


def test_a_cache_that_was_emptied_says_what_to_run(
    manifest: Manifest, folders: ResultFolders, tmp_path: Path
) -> None:
    gone = manifest.analysis.model_copy(update={"path": tmp_path / "gone"})
    manifest.model_copy(update={"analysis": gone}).write(folders.root / "manifest.json")
    with pytest.raises(UsageError, match="Figures 2 to 5 need it") as caught:
        load_analysis(plan_for(manifest.digests()))
    assert caught.value.hint == "run ./invoke build"


def test_a_rehearsal_needs_no_build(folders: ResultFolders) -> None:
    assert reproduce(ORDER, SyntheticRunner(), folders) is not None
    assert redraw(Tier.KICK, folders).code is ExitCode.HOLDS
