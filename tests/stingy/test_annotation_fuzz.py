# SPDX-License-Identifier: MIT
"""Damaged annotation files: an answer or an error that can be acted on, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ground.places import PROJECT
from ground.voice import UsageError
from stingy.annotation_file import read_annotations
from stingy.memwalk import analyse
from stingy.truth import find_snippets

HERE = Path(__file__).parent
FILES = sorted((PROJECT / "tests" / "servers").glob("*/annotations.toml"))
WORDS = (
    *("T", "S", "O", "size", "flag", "-", "queue", "lifo", "", "struct", "struct x", "0", "-1"),
    *("stage_start", "stage_middle", "event_loop", "malloc", "true", "[", "]", '"', "\0", "é"),
)
bounded = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """``text`` with lines dropped, doubled or swapped, and words replaced."""
    lines = text.splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        other = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["drop", "double", "swap", "word", "cut"])):
            case "drop":
                lines[at] = ""
            case "double":
                lines.insert(at, lines[other])
            case "swap":
                lines[at], lines[other] = lines[other], lines[at]
            case "word":
                words = lines[at].split('"')
                words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(WORDS))
                lines[at] = '"'.join(words)
            case "cut":
                lines[at] = lines[at][: draw(st.integers(0, 20))]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("annotations")


@bounded
@given(data=st.data(), file=st.sampled_from(FILES))
def test_reading(folder: Path, data: st.DataObject, file: Path) -> None:
    path = folder / "fuzzed.toml"
    path.write_text(data.draw(damaged(file.read_text())))
    try:
        read_annotations(path)
    except UsageError as error:
        assert "fuzzed.toml" in error.message + error.hint


@pytest.fixture(scope="module")
def snippets(folder: Path) -> dict[str, str]:
    cases = find_snippets(HERE / "corpus", HERE / "defaults", folder)
    return {case.name: case.annotations.read_text().replace(", ", ",\n") for case in cases}


@bounded
@given(data=st.data(), name=st.sampled_from(["direct_calls", "stack_objects_exclusive"]))
def test_analysing(folder: Path, snippets: dict[str, str], data: st.DataObject, name: str) -> None:
    path = folder / "fuzzed.toml"
    path.write_text(data.draw(damaged(snippets[name])))
    try:
        analyse(path)
    except UsageError as error:
        assert error.message


def test_bytes_that_are_no_text(folder: Path) -> None:
    path = folder / "binary.toml"
    path.write_bytes(b"\xff\xfe\0schema = 1")
    with pytest.raises(UsageError, match=r"binary\.toml"):
        read_annotations(path)
    with pytest.raises(UsageError, match=r"gone\.toml"):
        read_annotations(folder / "gone.toml")
