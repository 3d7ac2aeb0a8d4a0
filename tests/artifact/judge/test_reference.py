# SPDX-License-Identifier: MIT
"""Which commit results are said to come from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from artifact.judge import reference
from artifact.judge.reference import find_commit
from ground.paths import PROJECT


@pytest.mark.skipif(not (PROJECT / ".git").exists(), reason="these sources are no checkout")
def test_the_commit_of_a_checkout() -> None:
    assert re.fullmatch(r"[0-9a-f]{40}(-modified)?", find_commit())


def test_outside_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "PROJECT", tmp_path)
    assert find_commit() == "unknown"


def test_where_there_is_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the container."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_commit() == "unknown"
