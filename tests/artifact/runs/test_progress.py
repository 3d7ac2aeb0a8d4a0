# SPDX-License-Identifier: MIT
"""How often the figures are drawn while a sweep goes on."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from rich.progress import Progress

from artifact.runs import progress
from artifact.runs.plan import list_runs
from artifact.runs.progress import DRAWING_SHARE, SPACING_S, Display
from artifact.runs.store import Outcome
from artifact.runs.worker import Done, Task
from artifact.study.designs import Tier
from artifact.study.loading import load_study

RUN_S = 10.0


class Clock:
    """Time that passes when it is told to."""

    now_s = 0.0

    def monotonic(self) -> float:
        """The time."""
        return self.now_s


def sweep(count: int, drawing_s: float, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When the figures are drawn if each of ``count`` runs completes a curve."""
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    drawn = []

    def draw() -> None:
        drawn.append(clock.now_s)
        clock.now_s += drawing_s

    run = list_runs(load_study().designs[0], Tier.FULL, {})[0]
    keys = [str(number) for number in range(count)]
    bar = Progress(disable=True)
    display = Display(bar, dict.fromkeys(keys, RUN_S), count, [frozenset({k}) for k in keys], draw)
    for key in keys:
        clock.now_s += RUN_S
        done = Done(key, Outcome.MEASURED, (), None, cached=False)
        display.finish(Task(key, key, run.experiment, Path("store")), done)
    return drawn


def test_quick_drawings_come_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = sweep(100, 0.5, monkeypatch)
    gaps = [after - before for before, after in pairwise(drawn)]
    assert drawn[0] == RUN_S
    assert all(SPACING_S <= gap <= SPACING_S + 2 * RUN_S for gap in gaps)


def test_slow_drawings_take_a_small_part_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As beside other work: 20 s each."""
    drawn = sweep(1000, 20.0, monkeypatch)
    assert len(drawn) > 10
    assert 20.0 * len(drawn[:-1]) <= DRAWING_SHARE * (drawn[-1] - drawn[0])
