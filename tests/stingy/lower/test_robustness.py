# SPDX-License-Identifier: MIT
"""Damaged sources are analysed or refused with a reason, never answered with a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stingy.lower.lowering import lower
from stingy.lower.sources import Source, clang_flags, find_sources
from stingy.lower.units import load_units
from stingy.model.annotations import Sources

HERE = Path(__file__).parents[1]
CORPUS = HERE / "corpus"
SERVERS = HERE.parents[1] / "examples"
SOURCES = sorted(CORPUS.glob("*.c")) + sorted(
    path for name in ("cascade", "switchboard") for path in (SERVERS / name).glob("*.c")
)
bounded = settings(
    max_examples=int(os.environ.get("ROBUSTNESS_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def lower_text(folder: Path, source: Path, text: bytes) -> str:
    """Lower ``text`` in place of ``source``; the problem, or nothing."""
    path = folder / "damaged.c"
    path.write_bytes(text)
    standard = "-std=c2x" if source.name == "c23_attributes.c" else "-std=gnu17"
    flags = (standard, f"-I{source.parent}")
    damaged = Source(path, "damaged.c", "gcc", flags, folder)
    return lower(path, "damaged.c", folder, clang_flags(damaged)).problem


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


def test_undamaged_sources_are_analysed(folder: Path) -> None:
    problems = {path.name: lower_text(folder, path, path.read_bytes()) for path in SOURCES}
    assert [name for name, problem in problems.items() if problem] == ["nested_function.c"]


@bounded
@given(source=st.sampled_from(SOURCES), share=st.floats(0, 1))
def test_truncated_sources(folder: Path, source: Path, share: float) -> None:
    text = source.read_bytes()
    lower_text(folder, source, text[: int(len(text) * share)])


@bounded
@given(source=st.sampled_from(SOURCES), data=st.data())
def test_mangled_sources(folder: Path, source: Path, data: st.DataObject) -> None:
    """Bytes are dropped, doubled or replaced by what C has a meaning for."""
    text = bytearray(source.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        length = data.draw(st.integers(0, 40))
        pieces = [b"", b"{", b"}", b"(", b";", b"*", b"\0", b"\xff", b"0", b"goto x;", b"#if 1\n"]
        text[at : at + length] = data.draw(st.sampled_from([*pieces, bytes(text[at : at + 60])]))
    lower_text(folder, source, bytes(text))


@settings(bounded, max_examples=bounded.max_examples // 3)  # gcc compiles it too
@given(share=st.floats(0, 1), data=st.data())
def test_damaged_shared_headers(folder: Path, share: float, data: st.DataObject) -> None:
    """A header that two files begin with is cut anywhere, or has a piece of another."""
    root = folder / "sharing"
    root.mkdir(exist_ok=True)
    text = (CORPUS / "stack.h").read_bytes()
    at = int(len(text) * share)
    rest = data.draw(st.sampled_from([b"", b"\n#endif\n", b"}", b"\0", text[: len(text) - at]]))
    (root / "stack.h").write_bytes(text[:at] + rest)
    for name in ("stack_loop_push.c", "stack_depth_two_ways.c"):
        (root / name).write_bytes((CORPUS / name).read_bytes())
    sources = find_sources(Sources(files=("*.c",), flags=("-std=gnu17",)), root)
    units = load_units(sources, root)
    assert [unit.file for unit in units] == [source.file for source in sources]
    assert all(unit.problem or unit.routines for unit in units)


def test_what_is_refused_has_a_reason(folder: Path) -> None:
    for text in (b"int f(void) { return 1;", b"struct x y;", b"#include <no-such.h>\n", b"\xff"):
        assert "damaged.c:1" in lower_text(folder, SOURCES[0], text)


def test_deep_nesting_is_refused_or_analysed(folder: Path) -> None:
    deep = b"int f(int x) { return " + b"(" * 5000 + b"x" + b")" * 5000 + b"; }"
    lower_text(folder, SOURCES[0], deep)
    blocks = b"void g(void) {" + b"{" * 3000 + b"}" * 3000 + b"}"
    lower_text(folder, SOURCES[0], blocks)
