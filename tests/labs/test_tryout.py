# SPDX-License-Identifier: MIT
"""`./invoke labs.tryout`: Gradescope's rules."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ground.errors import ArtifactError, ExitCode, UsageError
from labs.catalogue import find_entry, load
from labs.grader.grading import grade
from labs.grader.writers import write_gradescope
from labs.submissions import solve
from labs.tryout import check_results, check_same, lay_out, read_results, try_pack

ENTRY = find_entry("evaluation")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """results.json of an empty submission."""
    folder = tmp_path_factory.mktemp("submission")
    (folder / "answers.toml").write_text("")
    return write_gradescope(grade(load(ENTRY), folder))


def test_what_is_written_is_what_gradescope_takes(text: str) -> None:
    assert check_results(text) == 0


def drop_visibility(data: Any) -> None:
    del data["tests"][0]["visibility"]


def choose_visibility(data: Any) -> None:
    data["tests"][0]["visibility"] = "always"


def raise_score(data: Any) -> None:
    data["score"] = 50


def drop_tests(data: Any) -> None:
    data["tests"] = []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (drop_visibility, "test 1: visibility"),
        (choose_visibility, "test 1: unknown visibility"),
        (raise_score, "the score is not that of all tests together"),
        (drop_tests, "no score or no tests"),
    ],
)
def test_what_gradescope_would_not_take_is_refused(
    text: str, change: Callable[[Any], None], words: str
) -> None:
    data = json.loads(text)
    change(data)
    with pytest.raises(ArtifactError, match=words):
        check_results(json.dumps(data))


@pytest.mark.parametrize("broken", ["", "[]", "{", '{"tests": 1}'])
def test_what_is_no_report_is_refused(broken: str) -> None:
    with pytest.raises(ArtifactError, match="is not what Gradescope takes"):
        check_results(broken)


def test_another_report_than_here_is_told_by_its_tests(text: str) -> None:
    check_same(text, text)
    data = json.loads(text)
    data["tests"][2]["output"] = "other words"
    with pytest.raises(ArtifactError, match=data["tests"][2]["name"]) as caught:
        check_same(json.dumps(data), text)
    assert caught.value.code == ExitCode.DOES_NOT_HOLD


def test_the_zip_is_laid_out_as_the_platform_does(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/answers.toml").write_text("")
    home = lay_out(ENTRY, tmp_path / "root", tmp_path / "mine", "a secret")
    for program in ("run_autograder", "source/run_autograder", "source/setup.sh"):
        assert os.access(home / program, os.X_OK)
    assert (home / "submission/answers.toml").exists()
    assert (home / "source/secret").read_text() == "a secret\n"
    with pytest.raises(ArtifactError, match="wrote no"):
        read_results(home)


def test_it_asks_for_a_folder_and_for_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        try_pack(ENTRY, tmp_path / "none", secret="s")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UsageError, match="made by root"):
        try_pack(ENTRY, tmp_path, secret="s")


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("mmdebstrap"), reason="a root is made by root"
)
def test_a_packed_solution_has_all_points_in_a_fresh_root() -> None:
    """Of the lab with Python packages of its own; the page of teachers tries another."""
    entry = find_entry("stages")
    with solve(entry) as folder:
        assert try_pack(entry, folder, secret="selftest") == 100
