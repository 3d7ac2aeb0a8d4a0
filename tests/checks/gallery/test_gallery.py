# SPDX-License-Identifier: MIT
"""The gallery: its files fit together, its page is what the results render to."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from checks.gallery.limited import run_limited
from checks.gallery.page import PAGE, describe_outcome, group_reasons, render
from checks.gallery.servers import (
    ANNOTATIONS,
    LOCK,
    Analysis,
    Rewriting,
    load_results,
    load_servers,
)
from forge.sources import read_lock
from stingy.model.annotation_file import read_annotations

PLAIN = Analysis(annotations="one", seconds=1, megabytes=1)


def test_the_page_is_what_the_results_render_to() -> None:
    assert PAGE.read_text() == render(load_servers(), load_results())


def test_every_server_is_locked_and_every_annotation_file_can_be_read() -> None:
    servers, lock = load_servers(), read_lock(LOCK)
    assert set(lock) == set(servers)
    for server in servers.values():
        for name in server.annotations:
            assert read_annotations(ANNOTATIONS / f"{name}.toml").annotations.server.name == name


def test_results_are_of_the_locked_versions() -> None:
    lock = read_lock(LOCK)
    for name, found in load_results().items():
        assert found.sha256 in {one.sha256 for one in lock[name]}


def test_reasons_are_grouped_whatever_their_line() -> None:
    refused = {"a": "x.c:1: too odd", "b": "y.c:22: too odd", "c": "no bound: none"}
    one = PLAIN.model_copy(update={"rewriting": Rewriting(refused=refused)})
    assert group_reasons(one) == [("too odd", "`a`, `b`"), ("no bound: none", "`c`")]


@pytest.mark.parametrize(
    ("change", "words"),
    [({}, "exact"), ({"merged": 3}, "merged at 3"), ({"partial": True}, "interrupted"),
     ({"problem": "no"}, "failed"), ({"refused_files": ("a.c",)}, "exact; 1 files refused")],
)  # fmt: skip
def test_outcomes(change: dict[str, object], words: str) -> None:
    assert describe_outcome(PLAIN.model_copy(update=change)) == words


def test_what_lasts_too_long_is_interrupted_and_may_still_write(tmp_path: Path) -> None:
    """As by Ctrl-C: what was found is not lost."""
    script = (
        "import sys, time\ntry:\n    time.sleep(60)\n"
        "except KeyboardInterrupt:\n    open(sys.argv[1], 'w').write('found')\n"
    )
    start = time.monotonic()
    command = [sys.executable, "-c", script, str(tmp_path / "out")]
    assert run_limited(1.5, tmp_path / "taken", command) == 0
    assert time.monotonic() - start < 50
    assert (tmp_path / "out").read_text() == "found"
    assert json.loads((tmp_path / "taken").read_text())["interrupted"]
