# SPDX-License-Identifier: MIT
"""The user's folders are found wherever a program stands, or the user is told what to set."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ground.errors import UsageError
from ground.paths import find_cache, find_outputs
from tests.names import ODD_NAMES


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_relative_folder_is_the_same_from_everywhere(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARTIFACT_CACHE", name)
    monkeypatch.setenv("ARTIFACT_OUT", name)
    assert find_cache() == find_outputs() == tmp_path / name


def test_the_cache_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARTIFACT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert find_cache() == tmp_path / "tux-stingy"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_cache() == tmp_path / ".cache" / "tux-stingy"


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ARTIFACT_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)  # of no name
    with pytest.raises(UsageError, match="no home") as caught:
        find_cache()
    assert "ARTIFACT_CACHE" in caught.value.hint
