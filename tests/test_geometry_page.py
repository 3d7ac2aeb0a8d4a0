# SPDX-License-Identifier: MIT
"""docs/add-a-geometry.md is true: its file is made, refused, mapped and planned as it says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from artifact.judge.results import load_results
from artifact.runs.engines import LocalEngine
from artifact.runs.plan import make_plan
from artifact.runs.rehearsal import SyntheticRunner
from artifact.runs.store import Store
from artifact.runs.sweep import list_tasks, sweep
from artifact.study.designs import Tier, parse_design
from checks.disturbed import Silence
from ground import process
from ground.errors import UsageError
from ground.paths import PROJECT
from testbed.cli import plan_experiment
from testbed.hardware import geometry_files
from testbed.hardware.geometry_files import GeometryFile, load_geometry
from tests.pages import list_commands, read_blocks, run_command

SOURCE = PROJECT / "docs" / "add-a-geometry.md"
PAGE = SOURCE.read_text()
REFUSALS = re.findall(r"^\| `(size = .*)` \| `(.*)` \|$", PAGE, re.MULTILINE)
ADDED = "out/banias-2m.toml"


def find_commands(words: str) -> list[str]:
    return [command for command in list_commands(SOURCE) if re.match(words, command)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the first step was taken."""
    folder = tmp_path_factory.mktemp("project")
    for part in ("examples", "experiments"):
        (folder / part).symlink_to(PROJECT / part)
    for command in find_commands("mkdir|cp"):
        run_command(command, folder)
    (change,) = read_blocks(SOURCE, "diff")
    (folder / "change.diff").write_text(change)
    process.run(["patch", "--fuzz=0", ADDED, "change.diff"], cwd=folder)
    return folder


@pytest.fixture(scope="module")
def added(folder: Path) -> GeometryFile:
    return load_geometry(str(folder / ADDED))


def test_only_the_size_of_l2_is_another(added: GeometryFile) -> None:
    old = load_geometry("banias-1400")
    assert added.geometry.l2.size == 2 << 20 == 2 * old.geometry.l2.size
    l2 = old.geometry.l2.model_copy(update={"size": 2 << 20})
    assert added.geometry == old.geometry.model_copy(update={"name": "banias-2m", "l2": l2})
    assert added.core == old.core


def test_it_is_shown_with_its_sources(folder: Path) -> None:
    (command,) = find_commands(r"\./invoke testbed.geometry")
    shown = run_command(command, folder).stdout
    assert re.search(r"l2\.size +│ 2MiB +│ hypothetical: twice", shown)


@pytest.mark.parametrize(("line", "message"), REFUSALS)
def test_a_mistake_is_refused_as_the_page_says(
    folder: Path, tmp_path: Path, line: str, message: str
) -> None:
    text = (folder / ADDED).read_text()
    wrong = tmp_path / "wrong.toml"
    head, mark, rest = text.partition("[l2]\n")
    wrong.write_text(head + mark + re.sub(r"^size = .*", line, rest, count=1))
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        load_geometry(str(wrong))
    assert caught.value.hint


def test_the_page_has_mistakes() -> None:
    assert len(REFUSALS) >= 4


def test_stingy_makes_a_map_for_it(folder: Path) -> None:
    commands = find_commands("memwalk|stingygen")
    shown = " ".join([run_command(command, folder).stdout for command in commands][-1].split())
    prose = " ".join(PAGE.split())
    said = re.findall(r"`(\d+ requests fit [^`]*|L0 proven [^`]*)`", prose)
    assert len(said) == 2
    assert all(words in shown for words in said)
    (before,) = re.findall(r"With `banias-1400` it is (\d+) requests", prose)
    former = commands[-1].replace(ADDED, "banias-1400")
    assert f"{before} requests fit the cache slab" in " ".join(
        run_command(former, folder).stdout.split()
    )


def test_a_run_on_it_can_be_planned(folder: Path, added: GeometryFile) -> None:
    (command,) = find_commands(r"\./invoke testbed.run --load chase")
    assert command.endswith(ADDED)
    run = plan_experiment("", "chase", str(folder / ADDED), "lcn2006", 1)
    assert (run.geometry, run.core) == (added.geometry, added.core)


def test_each_tier_checks_the_machine_first(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variant of the page, with the file where the page puts it, through a rehearsal."""
    geometries = tmp_path / "geometry"
    shutil.copytree(geometry_files.FOLDER, geometries)
    shutil.copy(folder / ADDED, geometries)
    monkeypatch.setattr(geometry_files, "FOLDER", geometries)
    (variant,) = read_blocks(SOURCE, "toml")
    latency = (PROJECT / "experiments" / "latency.toml").read_text()
    runner, store = SyntheticRunner(), Store(tmp_path / "store")
    design = parse_design(latency + variant, Path("latency.toml"))
    plan = make_plan(Tier.KICK, [design], runner.products)
    assert {run.variant for run in plan.runs} == set(geometry_files.find_geometries())
    sweep(list_tasks(plan.runs, store.root), runner, LocalEngine(1), Silence())
    rows = load_results(plan, store).latencies.filter(variant="banias-2m", valid=True)
    cycles = dict(rows.select("working_set_bytes", "cycles").iter_rows())
    assert cycles[1536 << 10] == pytest.approx(9, abs=0.5)  # in L2, which banias-1400's is not
    assert cycles[max(cycles)] == pytest.approx(134, rel=0.01)
