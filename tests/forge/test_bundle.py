# SPDX-License-Identifier: MIT
"""The offline bundle holds together: what was committed, and digests that its reader can check."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from forge import entry
from forge.bundle import IMAGE, SOURCES, SUMS, write_bundle
from forge.pipeline import PREBUILT_VARIABLE
from forge.provenance import CONTAINER_SBOM, QEMU_SBOM, STATEMENT
from ground.errors import UsageError
from ground.process import run

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one commit, of one file."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "runs.tar.xz").write_bytes(b"runs")
    run([*GIT, "init", "-q"], cwd=folder)
    run([*GIT, "add", "."], cwd=folder)
    run([*GIT, "commit", "-q", "-m", "first"], cwd=folder)
    return folder


@pytest.fixture
def built(tmp_path: Path) -> tuple[Path, Path]:
    """Image and provenance, as a build leaves them."""
    folder = tmp_path / "provenance"
    folder.mkdir()
    for name in (STATEMENT, QEMU_SBOM, CONTAINER_SBOM):
        (folder / name).write_text(name)
    (tmp_path / "image").write_bytes(b"layers")
    return tmp_path / "image", folder


def test_everything_is_there_and_can_be_checked(
    project: Path, built: tuple[Path, Path], tmp_path: Path
) -> None:
    target = tmp_path / "bundle"
    files = write_bundle(target, *built, project=project)
    assert set(files) == set(target.iterdir())
    assert (target / IMAGE).read_bytes() == b"layers"
    with tarfile.open(target / SOURCES) as archive:
        member = archive.extractfile("tux-stingy/runs.tar.xz")
        assert member is not None
        assert member.read() == b"runs"
    checked = run(["sha256sum", "--check", "--strict", SUMS], cwd=target).stdout
    assert checked.count(": OK") == len(files) - 1


def test_the_same_commit_gives_the_same_digests(
    project: Path, built: tuple[Path, Path], tmp_path: Path
) -> None:
    for name in ("one", "two"):
        write_bundle(tmp_path / name, *built, project=project)
    assert (tmp_path / "one" / SUMS).read_bytes() == (tmp_path / "two" / SUMS).read_bytes()


def test_a_umask_of_the_users_own_changes_nothing(
    project: Path, built: tuple[Path, Path], tmp_path: Path
) -> None:
    write_bundle(tmp_path / "one", *built, project)
    run([*GIT, "config", "tar.umask", "0077"], cwd=project)
    write_bundle(tmp_path / "two", *built, project)
    assert (tmp_path / "one" / SUMS).read_bytes() == (tmp_path / "two" / SUMS).read_bytes()


def test_what_no_commit_has_is_refused(
    project: Path, built: tuple[Path, Path], tmp_path: Path
) -> None:
    (project / "new.txt").write_text("not committed")
    with pytest.raises(UsageError, match=r"new\.txt differs from the commit"):
        write_bundle(tmp_path / "bundle", *built, project=project)
    assert not (tmp_path / "bundle").exists()


def test_a_folder_with_other_files_is_refused(project: Path, built: tuple[Path, Path]) -> None:
    with pytest.raises(UsageError, match="is not empty"):
        write_bundle(built[1], *built, project=project)


@pytest.mark.parametrize("name", ["image", f"provenance/{STATEMENT}", "provenance"])
def test_what_was_not_built_is_named(
    project: Path, built: tuple[Path, Path], tmp_path: Path, name: str
) -> None:
    gone = tmp_path / name
    gone.rename(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=rf"there is no {gone}"):
        write_bundle(tmp_path / "bundle", *built, project=project)
    assert not (tmp_path / "bundle").exists()


def test_sources_without_a_repository_are_refused(built: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a checkout"):
        write_bundle(tmp_path / "bundle", *built, project=tmp_path)


def test_a_folder_that_will_not_do_is_refused_before_anything_is_built(
    built: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry, "build", lambda: pytest.fail("it was built"))
    monkeypatch.setattr("forge.bundle.find_commit", lambda _: "0" * 40)
    monkeypatch.setattr("forge.bundle.list_changes", lambda _: [])
    with pytest.raises(UsageError, match="is not empty"):
        entry.run_bundle(str(built[1]))
    with pytest.raises(UsageError, match="cannot be made: Not a directory"):
        entry.run_bundle(str(built[0] / "bundle"))


def test_products_of_another_build_make_no_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have neither an image nor a provenance of this build."""
    monkeypatch.setattr(entry, "build", lambda: pytest.fail("it was built"))
    monkeypatch.setenv(PREBUILT_VARIABLE, "/opt/products/manifest.json")
    with pytest.raises(UsageError, match="ARTIFACT_PREBUILT names products of another build"):
        entry.run_bundle(str(tmp_path / "bundle"))
    assert not (tmp_path / "bundle").exists()
