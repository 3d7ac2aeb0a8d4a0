# SPDX-License-Identifier: MIT
"""The cache of translation units: what is not changed is not analysed again."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from stingy.lower.sources import find_sources
from stingy.lower.units import _digest_of_input, load_units
from stingy.model.annotations import Sources

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


def test_workers_die_with_a_memwalk_that_is_killed(folder: Path, tmp_path: Path) -> None:
    """The compiler blocks until it is let go, so that a worker is at work when memwalk dies."""
    gate, started = tmp_path / "gate", tmp_path / "started"
    os.mkfifo(gate)
    os.mkfifo(started)
    compiler = tmp_path / "slow-gcc"
    compiler.write_text(
        f'#!/bin/sh\ncase "$*" in *print-file-name*) exec gcc "$@";; esac\n'
        f"echo $PPID >{started}\nread _ <{gate}\n"
    )
    compiler.chmod(0o755)
    code = (
        "import sys; from pathlib import Path; from stingy.model.annotations import Sources\n"
        "from stingy.lower.sources import find_sources; from stingy.lower.units import load_units\n"
        "root = Path(sys.argv[1])\n"
        "load_units(find_sources(Sources(files=('a.c',), compiler=sys.argv[2]), root), root)\n"
    )
    argv = [sys.executable, "-c", code, str(folder), str(compiler)]
    with subprocess.Popen(argv) as memwalk:
        worker = int(started.read_text())
        handle = os.pidfd_open(worker)
        memwalk.kill()
    ended, _, _ = select.select([handle], [], [], 300)  # readable once it has ended
    os.close(handle)
    assert ended


def test_a_damaged_entry_is_made_again(folder: Path, tmp_path: Path) -> None:
    load(folder)
    for entry in (tmp_path / "cache/memwalk").glob("*.unit"):
        entry.write_bytes(entry.read_bytes()[:-7])
    assert load(folder) == ["a.c", "b.c"]
