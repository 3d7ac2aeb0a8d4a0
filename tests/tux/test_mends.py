# SPDX-License-Identifier: MIT
"""Each mistake can still be made, and one that no test is about goes unnoticed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ground.paths import PROJECT
from tests.tux.mends import MISTAKES, Mistake, copy_project, count_failures


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_the_text_stands_where_it_stood(mistake: Mistake) -> None:
    assert (PROJECT / "src" / "tux" / mistake.file).read_text().count(mistake.text) == 1
    assert all((PROJECT / "tests" / "tux" / name).is_file() for name in mistake.tests.split())


def test_a_mistake_is_counted_and_taken_back(tmp_path: Path) -> None:
    copy_project(tmp_path)
    seen = next(mistake for mistake in MISTAKES if "m4a" in mistake.text)
    unseen = replace(seen, select="types_by_a_knob")
    assert (count_failures(tmp_path, seen) > 0, count_failures(tmp_path, unseen)) == (True, 0)
    source = "src/tux/mime.c"
    assert (tmp_path / source).read_text() == (PROJECT / source).read_text()
