# SPDX-License-Identifier: MIT
"""Accesses to devices and interrupts: each is counted once, and takes the time that it costs."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.qemu.bare_metal import PROGRAMS, Emulator, Outcome, build_guest, run_guest
from tests.qemu.cache_reference import EVENTS, Config, Shape
from tests.qemu.guest_checks import compare_clock

pytestmark = pytest.mark.real

FREE = Config(
    *(Shape(32 << 10, 8, 64), Shape(32 << 10, 8, 64), Shape(1 << 20, 8, 64)),
    stall_l1=(0, 0, 0),
    stall_l2=(0, 0, 0),
)
COSTS = dict(zip(EVENTS, (1_100, 201, 1_003, 70_007, 90_000, 151, 103), strict=True))
MEASURED = (("mmio_read",), ("mmio_write",), ("port_read",), ("port_write",), ("trap", "iret"))
REPEATS = 8
TICKS = 200


def boot(
    emulator: Emulator, directory: Path, *sources: Path, filtered: bool = True, **costs: int
) -> Outcome:
    """Run a guest at one ns an instruction; ``costs`` are in instructions."""
    events = {name: 1000 * cost for name, cost in costs.items()}
    config = replace(FREE, stall_events=events)
    kernel = build_guest(directory, *sources)
    outcome = run_guest(emulator, directory, kernel, config, filtered=filtered, rate=Fraction(1))
    compare_clock(outcome, Fraction(1))
    return outcome


@pytest.mark.parametrize("filtered", [False, True])
def test_events_take_their_time_within_the_region(
    emulator: Emulator, tmp_path: Path, filtered: bool
) -> None:
    """To the nanosecond, and those that QEMU executes twice as well: all but the last access of a
    block to a device's memory."""
    outcome = boot(emulator, tmp_path, PROGRAMS / "events.S", filtered=filtered, **COSTS)
    before, during, after = np.frombuffer(outcome.console, "<u4").reshape(3, -1).tolist()
    instructions = [REPEATS * len(events) + 2 for events in MEASURED]
    stalls = [REPEATS * sum(COSTS[name] for name in events) for events in MEASURED]
    assert before == after == instructions
    assert during == [a + b for a, b in zip(instructions, stalls, strict=True)]
    (region,) = outcome.regions
    assert region["events"] == {name: REPEATS if name != "interrupt" else 0 for name in EVENTS}
    assert region["stall_milli"] == 1000 * sum(stalls)
    assert region["units"] - sum(stalls) == region["insn"][1]


@pytest.mark.parametrize("cost", [1, 999, 400_000])
def test_an_interrupt_is_entered_later_by_what_it_costs(
    emulator: Emulator, tmp_path: Path, cost: int
) -> None:
    """Ticks of a timer in an idle guest: each comes when it is due, and is then entered."""
    sources = (PROGRAMS / "ticks.S", PROGRAMS / "timer.S")
    ticks = []
    for interrupt in (0, cost):
        outcome = boot(emulator, tmp_path, *sources, interrupt=interrupt)
        ticks.append(np.frombuffer(outcome.console, "<u4").astype(np.int64))
        (region,) = outcome.regions
        expected = {"interrupt": TICKS, "iret": TICKS, "port_write": TICKS}
        assert region["events"] == {name: expected.get(name, 0) for name in EVENTS}
        assert region["stall_milli"] == 1000 * TICKS * interrupt
    assert len(ticks[0]) == TICKS
    assert set((ticks[1] - ticks[0]).tolist()) == {cost}
