# SPDX-License-Identifier: MIT
"""Wrong annotation files: the error names file, line and remedy, and nothing else happens."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ground.places import PROJECT
from ground.voice import UsageError
from stingy.annotation_file import read_annotations
from stingy.memwalk import analyse

CASCADE = PROJECT / "tests/servers/cascade"
TEXT = (CASCADE / "annotations.toml").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("server") / "cascade"
    shutil.copytree(CASCADE, folder)
    return folder


def line_of(text: str, part: str) -> int:
    """The line on which ``part`` first is."""
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "hint"),
    [
        ('function = "push_stage"', 'function = "push_stge"', "push_stage"),
        ('function = "event_loop"', 'function = "event_lop"', "event_loop"),
        ('task = "struct conn"', 'task = "struct con"', "struct conn"),
        ('final = "stage_flush"', 'final = "stage_flsh"', "stage_flush"),
        ('discipline = "lifo"', 'disciplin = "lifo"', "discipline"),
        ('arguments = ["T", "S"]', 'argumnts = ["T", "S"]', "arguments"),
    ],
)
def test_a_typo_gets_line_and_nearest_name(server: Path, old: str, new: str, hint: str) -> None:
    text = TEXT.replace(old, new, 1)
    path = server / "typo.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        analyse(path)
    assert f"typo.toml:{line_of(text, new)}:" in caught.value.message
    assert hint in caught.value.hint


def test_a_construct_is_matched_in_one_way(server: Path) -> None:
    path = server / "both.toml"
    path.write_text(TEXT.replace('function = "push_stage"', "", 1))
    with pytest.raises(UsageError, match=r"both\.toml:\d+: constructs\.queue_stage\.0: give"):
        read_annotations(path)


@pytest.mark.parametrize("text", ["", "schema = 1", "[server", "schema = 2\n", "\x00", "a" * 9999])
def test_no_annotation_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(UsageError):
        read_annotations(path)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_damaged_files_give_no_traceback(tmp_path: Path, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(TEXT)))
    length = data.draw(st.integers(0, 40))
    insert = data.draw(st.text(max_size=12))
    path = tmp_path / "a.toml"
    path.write_bytes((TEXT[:start] + insert + TEXT[start + length :]).encode(errors="replace"))
    try:
        read_annotations(path)
    except UsageError as error:
        assert error.hint
