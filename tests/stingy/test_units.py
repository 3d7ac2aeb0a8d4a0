# SPDX-License-Identifier: MIT
"""The cache of translation units: what is not changed is not analysed again."""

from __future__ import annotations

from pathlib import Path

import pytest

from stingy.annotations import Sources
from stingy.sources import find_sources
from stingy.units import _digest_of_input, load_units

HEADER = "struct conn { int fd; };\nstatic inline int twice(int x) { return 2 * x; }\n"
FILES = {"a.c": "int a(void) { return twice(1); }\n", "b.c": "int b(int x) { return x; }\n"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARTIFACT_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "server"
    root.mkdir()
    (root / "x.h").write_text(HEADER)
    for name, text in FILES.items():
        include = '#include "x.h"\n' if name == "a.c" else ""
        (root / name).write_text(include + text)
    return root


def load(root: Path) -> list[str]:
    """Load all units; the files that were analysed for it."""
    _digest_of_input.cache_clear()
    analysed: list[str] = []
    sources = find_sources(Sources(files=("*.c",), flags=("-std=gnu11",)), root)
    units = load_units(sources, root, report=analysed.append)
    assert [u.file for u in units] == ["a.c", "b.c"]
    assert not any(u.problem for u in units)
    return sorted(analysed)


def test_only_what_changed_is_analysed_again(folder: Path) -> None:
    assert load(folder) == ["a.c", "b.c"]
    assert load(folder) == []
    (folder / "b.c").write_text("int b(int x) { return x + 1; }\n")
    assert load(folder) == ["b.c"]
    (folder / "x.h").write_text(HEADER.replace("2 *", "3 *"))
    assert load(folder) == ["a.c"]


def test_a_damaged_entry_is_made_again(folder: Path, tmp_path: Path) -> None:
    load(folder)
    for entry in (tmp_path / "cache/memwalk").glob("*.unit"):
        entry.write_bytes(entry.read_bytes()[:-7])
    assert load(folder) == ["a.c", "b.c"]
