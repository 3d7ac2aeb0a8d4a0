# SPDX-License-Identifier: MIT
"""The lock, and what happens when the mirror has moved on."""

from __future__ import annotations

from pathlib import Path

import pytest

import forge.sources
from forge.debian import ARCHIVE_VARIABLE, ArchiveFile, find_mirror
from forge.sources import LOCK, Sources, describe_differences, format_lock, read_lock


def make_file(version: str, package: str = "httperf", fill: str = "0") -> ArchiveFile:
    return ArchiveFile(
        package=package,
        version=version,
        path=f"pool/{package}_{version}.tar.gz",
        sha256=fill * 64,
        size=1,
    )


def test_the_lock_is_the_same_after_reading_and_writing() -> None:
    assert format_lock(read_lock(LOCK)) == LOCK.read_text()


def test_every_group_that_is_wanted_is_locked(tmp_path: Path) -> None:
    sources = Sources(tmp_path)
    assert sources.wanted.keys() == sources.lock.keys()


def test_differences_name_both_versions() -> None:
    lines = describe_differences(
        "client",
        (make_file("1"), make_file("1", "curl")),
        (make_file("2"), make_file("1", "curl", "f"), make_file("1", "new")),
    )
    assert lines == [
        "client: curl 1 -> 1 with other content",
        "client: httperf 1 -> 2",
        "client: new absent -> 1",
    ]


@pytest.fixture
def moved_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sources:
    """Sources whose mirror has version 2 where the lock says 1."""

    def download(mirror: str, file: ArchiveFile, target: Path) -> bool:
        if file.version == "1":
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("x")
        return True

    monkeypatch.setattr(forge.sources, "download", download)
    monkeypatch.setattr(forge.sources, "find_mirror", lambda: "http://mirror.invalid")
    monkeypatch.setattr(Sources, "_find", lambda self, group: (make_file("2"),))
    sources = Sources(tmp_path)
    sources.lock = {"httperf": (make_file("1"),)}
    return sources


def test_a_mirror_that_moved_on_is_used_and_said_so(moved_mirror: Sources) -> None:
    (found,) = moved_mirror.resolve("httperf")
    assert found.version == "2"
    assert moved_mirror.differences == ["httperf: httperf 1 -> 2"]


def test_a_file_in_the_pool_needs_no_mirror(moved_mirror: Sources) -> None:
    kept = moved_mirror.find_file(make_file("1"))
    kept.parent.mkdir(parents=True)
    kept.write_text("x")
    (found,) = moved_mirror.resolve("httperf")
    assert found.version == "1"
    assert not moved_mirror.differences


def test_updating_the_lock_is_no_difference(moved_mirror: Sources) -> None:
    moved_mirror.update_lock = True
    moved_mirror.resolve("httperf")
    assert not moved_mirror.differences
    assert moved_mirror.lock["httperf"][0].version == "2"


def test_an_archive_mirror_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ARCHIVE_VARIABLE, "https://archive.invalid/20260101T000000Z/")
    assert find_mirror() == "https://archive.invalid/20260101T000000Z"
