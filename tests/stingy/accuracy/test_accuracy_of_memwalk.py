# SPDX-License-Identifier: MIT
"""memwalk against ground truth: nothing is missed, no exclusion is false, servers are precise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ground.paths import PROJECT
from stingy.accuracy.command import find_failures, find_groups, measure_accuracy
from stingy.memwalk.passes import Options, analyse

NAMES = ("corpus", "cascade", "switchboard", "tux")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_promises_hold(name: str, tmp_path: Path) -> None:
    groups = [g for g in find_groups(PROJECT / "tests", tmp_path) if g.name == name]
    if name == "tux" and not groups:
        pytest.skip("the sources of TUX are not here")
    assert groups
    assert find_failures(groups, measure_accuracy(groups, analyse)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES[:-1])
def test_nothing_is_missed_without_a_budget(name: str, tmp_path: Path) -> None:
    groups = [
        replace(g, is_server=False)  # how precise they are is not asked
        for g in find_groups(PROJECT / "tests", tmp_path)
        if g.name == name
    ]
    scores = measure_accuracy(groups, lambda path: analyse(path, Options(budget=0)))
    assert find_failures(groups, scores) == []
