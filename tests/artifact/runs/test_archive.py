# SPDX-License-Identifier: MIT
"""Runs that move between machines: nothing lost on the way, nothing wrong let in."""

from __future__ import annotations

import io
import lzma
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact import cli
from artifact.judge.results import load_results
from artifact.reproduce import ResultFolders
from artifact.runs.archive import export_runs, import_runs
from artifact.runs.engines import LocalEngine
from artifact.runs.plan import Plan, make_plan, render_plan
from artifact.runs.rehearsal import SyntheticRunner
from artifact.runs.store import COST, ENTRY, DeterminismError, Store
from artifact.runs.sweep import list_tasks, sweep
from artifact.study.designs import Tier, load_design
from checks.disturbed import Silence, list_synthetic_tasks
from ground.errors import UsageError
from ground.files import write_atomically


def fill(plan: Plan, store: Store, runner: SyntheticRunner) -> None:
    sweep(list_tasks(plan.runs, store.root), runner, LocalEngine(1), Silence())


@pytest.fixture
def store(plan: Plan, runner: SyntheticRunner, tmp_path: Path) -> Store:
    """All runs of the plan."""
    store = Store(tmp_path / "here" / "store")
    fill(plan, store, runner)
    return store


def write_archive(path: Path, members: Iterable[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w:xz") as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def read_archive(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        files = {m.name: archive.extractfile(m) for m in archive}
        return {name: stream.read() for name, stream in files.items() if stream}


def test_another_machine_draws_the_same(plan: Plan, store: Store, tmp_path: Path) -> None:
    file = tmp_path / "runs.tar.xz"
    done = export_runs(plan, store, file)
    assert (done.runs, done.missing, done.bytes) == (len(plan.keys), 0, file.stat().st_size)
    there = Store(tmp_path / "there" / "store")
    imported = import_runs(file, there)
    assert (imported.plan, imported.new, imported.known) == (plan, len(plan.keys), 0)
    here, back = load_results(plan, store), load_results(plan, there)
    assert here.digest == back.digest
    assert here.runs.equals(back.runs)
    assert import_runs(file, there).known == len(plan.keys)
    assert not list((there.root / "tmp").iterdir())
    # What it cost is another host's, and would spoil the forecasts of this one.
    assert not list(there.root.rglob(COST))


def test_the_same_runs_give_the_same_bytes(plan: Plan, store: Store, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.tar.xz", "b.tar.xz")]
    export_runs(plan, store, files[0])
    there = Store(tmp_path / "there")
    import_runs(files[0], there)
    export_runs(plan, there, files[1])
    assert files[0].read_bytes() == files[1].read_bytes()


def test_parts_of_two_machines_come_together(
    plan: Plan, runner: SyntheticRunner, tmp_path: Path
) -> None:
    stores = [Store(tmp_path / str(part)) for part in (1, 2)]
    for part, store in enumerate(stores, 1):
        fill(plan.take_shard(part, 2), store, runner)
    done = export_runs(plan, stores[0], tmp_path / "part.tar.xz")
    assert 0 < done.missing < len(plan.keys)
    assert done.runs + done.missing == len(plan.keys)
    import_runs(tmp_path / "part.tar.xz", stores[1])
    assert set(stores[1].find_keys()) == set(plan.keys)


def test_the_commands(plan: Plan, store: Store, tmp_path: Path) -> None:
    """Export here, import there; the plan goes along."""
    here, there = tmp_path / "here", tmp_path / "there"
    plan_file = ResultFolders(here).find_folder(plan.tier) / "plan.json"
    write_atomically(plan_file, render_plan(plan).encode())
    file = tmp_path / "runs.tar.xz"
    cli.run_export(file, plan.tier.value, rehearse=False, out=str(here))
    cli.run_import(file, rehearse=False, out=str(there))
    assert (ResultFolders(there).find_folder(plan.tier) / "plan.json").read_text() == render_plan(
        plan
    )


def test_a_recorded_plan_stays(plan: Plan, store: Store, tmp_path: Path) -> None:
    export_runs(plan, store, tmp_path / "runs.tar.xz")
    recorded = ResultFolders(tmp_path).find_folder(plan.tier) / "plan.json"
    other = render_plan(plan.model_copy(update={"notes": ("another",)}))
    write_atomically(recorded, other.encode())
    cli.run_import(tmp_path / "runs.tar.xz", rehearse=False, out=str(tmp_path))
    assert recorded.read_text() == other
    assert set(ResultFolders(tmp_path).store.find_keys()) == set(plan.keys)


def test_damaged_runs_stay_behind(plan: Plan, store: Store, tmp_path: Path) -> None:
    with (store.find_directory(plan.keys[0]) / ENTRY).open("ab") as stream:
        stream.write(b" ")
    assert export_runs(plan, store, tmp_path / "runs.tar.xz").missing == 1


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An archive of some runs."""
    folder = tmp_path_factory.mktemp("whole")
    runner = SyntheticRunner()
    store = Store(folder / "store")
    tasks = list_synthetic_tasks(runner, store.root)[:4]
    sweep(tasks, runner, LocalEngine(1), Silence())
    plan = make_plan(Tier.QUICK, [load_design("footnote3")], runner.products)
    export_runs(plan, store, folder / "runs.tar.xz")
    return (folder / "runs.tar.xz").read_bytes()


@given(data=st.data())
def test_damage_is_found(
    whole: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """A flipped bit or a cut anywhere is told; what was let in before it is whole."""
    broken = bytearray(whole)
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        broken[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del broken[place:]
    folder = tmp_path_factory.mktemp("broken")
    (folder / "runs.tar.xz").write_bytes(broken)
    store = Store(folder / "store")
    with pytest.raises(UsageError, match="not a whole archive"):
        import_runs(folder / "runs.tar.xz", store)
    assert all(store.load(key) for key in store.find_keys())


def test_another_result_for_a_run_is_refused(plan: Plan, store: Store, tmp_path: Path) -> None:
    export_runs(plan, store, tmp_path / "runs.tar.xz")
    there = Store(tmp_path / "there")
    known = store.load(plan.keys[0])
    assert known is not None
    with there.open_workspace() as workspace:
        (workspace / "run").mkdir()
        there.commit(known.model_copy(update={"reasons": ("another",)}), workspace / "run")
    with pytest.raises(DeterminismError):
        import_runs(tmp_path / "runs.tar.xz", there)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda files: {"runs/x/entry.json": b"{}"}, "does not begin with plan.json"),
        (lambda files: files | {"../plan.json": b"{}"}, "belongs to no run"),
        (lambda files: files | {f"runs/{'0' * 64}/entry.json": b"{}"}, "Field required"),
        (lambda files: files | {f"runs/{'0' * 64}/symbols.csv": b"a,b"}, "the run 000"),
        (
            lambda files: (
                files
                | {f"runs/{'f' * 64}/entry.json": next(v for k, v in files.items() if ENTRY in k)}
            ),
            "has the inputs of",
        ),
    ],
)
def test_foreign_archives_are_refused(
    whole: bytes, tmp_path: Path, change: object, complaint: str
) -> None:
    (tmp_path / "whole.tar.xz").write_bytes(whole)
    files = change(read_archive(tmp_path / "whole.tar.xz"))  # type: ignore[operator]
    path = write_archive(tmp_path / "foreign.tar.xz", files.items())
    with pytest.raises(UsageError, match=complaint):
        import_runs(path, Store(tmp_path / "store"))


def test_no_archive(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no"):
        import_runs(tmp_path / "absent", Store(tmp_path / "store"))
    (tmp_path / "text").write_text("no archive")
    with pytest.raises(UsageError, match="not a whole archive"):
        import_runs(tmp_path / "text", Store(tmp_path / "store"))
    (tmp_path / "folder").write_bytes(lzma.compress(b"no tar"))
    with pytest.raises(UsageError, match="not a whole archive"):
        import_runs(tmp_path / "folder", Store(tmp_path / "store"))
