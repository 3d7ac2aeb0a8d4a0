# SPDX-License-Identifier: MIT
"""Killed runners and workers, full disks, damaged entries: the sweep ends with the same results."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from artifact.disturbances import Subject, Toll, disturb_sweeps, read_results
from artifact.store import Store
from ground import process
from ground.files import write_atomically


def make_command(out: Path) -> list[str]:
    return [sys.executable, "-m", "artifact.rehearsal", str(out / "store"), "--runs", "16"]


SUBJECT = Subject(command=make_command, store=Path("store"), disk_bytes=200 << 10)


def check(toll: Toll, times: int) -> None:
    assert not toll.differences
    assert toll.trials == times
    assert sum(toll.hits.values()) >= times // 2, toll.hits


def test_a_few_disturbances(tmp_path: Path) -> None:
    check(disturb_sweeps(SUBJECT, tmp_path, times=8, seed=1), 8)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_disturbances(tmp_path: Path) -> None:
    toll = disturb_sweeps(SUBJECT, tmp_path, times=100, seed=2006)
    print(toll)
    check(toll, 100)
    assert len(toll.hits) == 4


def test_the_comparison_can_fail(tmp_path: Path) -> None:
    """A result that was changed together with its index is seen by the comparison."""
    process.run(make_command(tmp_path))
    before = read_results(tmp_path / "store")
    assert len(before) == 16
    store = Store(tmp_path / "store")
    one, two = (store.find_directory(key) for key in sorted(before)[:2])
    write_atomically(one / "entry.json", (two / "entry.json").read_bytes())
    with pytest.raises(Exception, match="damaged"):
        read_results(tmp_path / "store")
