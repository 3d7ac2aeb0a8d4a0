# SPDX-License-Identifier: MIT
"""Which commit the project is at, and what differs from it, of repositories made by git itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ground.checkout import describe_commit, find_commit, list_changes
from ground.process import run

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit, of one file."""
    run([*GIT, "init", "-q"], cwd=tmp_path)
    (tmp_path / "file").write_text("one")
    run([*GIT, "add", "."], cwd=tmp_path)
    run([*GIT, "commit", "-q", "-m", "first"], cwd=tmp_path)
    return tmp_path


def test_a_commit_is_named(repository: Path) -> None:
    commit = describe_commit(repository)
    assert re.fullmatch(r"[0-9a-f]{40}", commit)
    assert run(["git", "cat-file", "-t", commit], cwd=repository).stdout == "commit\n"


@pytest.mark.parametrize("name", ["file", "another"])
def test_a_file_that_differs_or_is_new_is_a_change(repository: Path, name: str) -> None:
    assert list_changes(repository) == []
    (repository / name).write_text("two")
    assert list_changes(repository) == [name]
    assert describe_commit(repository) == f"{find_commit(repository)}-modified"


def test_outside_of_a_repository(tmp_path: Path) -> None:
    assert describe_commit(tmp_path) == "unknown"


def test_where_there_is_no_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the container."""
    monkeypatch.setenv("PATH", str(repository))
    assert describe_commit(repository) == "unknown"
