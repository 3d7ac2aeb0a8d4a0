# SPDX-License-Identifier: MIT
"""Killed runners and workers, full disks, damaged entries: the sweep ends with the same results."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifact.runs.store import Store
from checks.disturbances import KINDS, disturb_sweeps, read_results, spoil
from checks.disturbed import STORE, SYNTHETIC
from ground import process
from ground.errors import UsageError
from ground.files import write_atomically
from ground.seeds import generator


@pytest.mark.parametrize("daily", [False, True])
def test_every_kind_of_disturbance(daily: bool, tmp_path: Path) -> None:
    """Each kind once, at fixed points and at those of the day (a toll names its seed);
    `./invoke results.disturb` does a hundred."""
    seed = date.today().toordinal() if daily else 1
    *_, toll = disturb_sweeps(SYNTHETIC, tmp_path, times=len(KINDS), seed=seed)
    assert not toll.differences, toll
    assert toll.trials == len(KINDS)
    # Killers may find the sweep at its end on a slow host; what is stored can always be damaged.
    assert toll.hits["entry damaged"] == 1


def test_trials_go_on_where_they_were_stopped(tmp_path: Path) -> None:
    trials = disturb_sweeps(SYNTHETIC, tmp_path, times=4, seed=9)
    next(trials)
    next(trials)
    trials.close()
    (tmp_path / "trial-1").mkdir()  # of a trial that was cut off
    counts = []
    for toll in disturb_sweeps(SYNTHETIC, tmp_path, times=2, seed=9):
        counts.append(toll.trials)
    assert counts == [1, 2]
    assert not toll.differences
    with pytest.raises(UsageError, match="seed 9"):
        next(disturb_sweeps(SYNTHETIC, tmp_path, times=4, seed=10))


def test_the_comparison_can_fail(tmp_path: Path) -> None:
    """A result that was changed together with its index is seen by the comparison."""
    process.run(SYNTHETIC.command(tmp_path))
    before = read_results(tmp_path / STORE)
    assert len(before) == 16
    store = Store(tmp_path / STORE)
    one, two = (store.find_directory(key) for key in sorted(before)[:2])
    write_atomically(one / "entry.json", (two / "entry.json").read_bytes())
    with pytest.raises(Exception, match="damaged"):
        read_results(tmp_path / STORE)


@given(data=st.binary(max_size=64), seed=st.integers(0, 1000))
def test_spoiled_data_differ(data: bytes, seed: int) -> None:
    """An empty file too: QEMU's log is one in a good run."""
    assert spoil(data, generator(seed, "damage")) != data
