# SPDX-License-Identifier: MIT
"""The guest's clock: instructions and stalls at the configured rate, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.qemu.bare_metal import Emulator, Outcome, build_guest, run_guest
from tests.qemu.cache_reference import Config, Shape
from tests.qemu.guest_checks import compare_clock, compare_counters
from tests.qemu.instruction_trace import Program, expect_clocks, read_symbols
from tests.qemu.random_programs import KINDS, write_clock, write_program

pytestmark = pytest.mark.real

EVENTS = {"mmio_read": 1100_001, "port_write": 999_003, "trap": 150_500, "iret": 99_501}
TINY = Config(Shape(256, 2, 32), Shape(128, 2, 32), Shape(2 << 10, 2, 32), stall_events=EVENTS)
FREE = replace(TINY, stall_l1=(0, 0, 0), stall_l2=(0, 0, 0), stall_events={})
HUGE = replace(TINY, stall_l2=(70_000_000, 90_000_123, 1))  # longer than a slice's counter
CONFIGS = {"free": FREE, "tiny": TINY, "huge": HUGE}
RATES = [Fraction(5, 7), Fraction(1), Fraction(10, 37), Fraction(857, 1000), Fraction(3)]


def read_clocks(outcome: Outcome) -> list[int]:
    return [int(t) for t in np.frombuffer(outcome.console, "<u4")]


def check_clocks(
    program: Program, kernel: Path, config: Config, rate: Fraction, outcome: Outcome
) -> None:
    starts = [(r.start["units"], r.start["stall_milli"]) for r in outcome.regions]
    wanted = expect_clocks(program, read_symbols(kernel), config, rate, starts)
    assert len(wanted) > 3
    assert read_clocks(outcome) == wanted


@pytest.mark.parametrize("rate", RATES, ids=str)
@pytest.mark.parametrize("name", CONFIGS)
def test_clock_is_exact(emulator: Emulator, tmp_path: Path, name: str, rate: Fraction) -> None:
    """Each reading, in the midst of any code, at any rate, to the nanosecond."""
    config = CONFIGS[name]
    program = write_program(3, (*KINDS, *[write_clock] * 9), 60)
    kernel = build_guest(tmp_path, program.source())
    for filtered in (True, False):
        outcome = run_guest(emulator, tmp_path, kernel, config, filtered=filtered, rate=rate)
        compare_counters(program, kernel, config, outcome)
        compare_clock(outcome, rate)
        check_clocks(program, kernel, config, rate, outcome)


def test_without_stalls_the_clock_is_the_instruction_count(
    emulator: Emulator, tmp_path: Path
) -> None:
    program = write_program(4, (*KINDS, *[write_clock] * 9), 60)
    kernel = build_guest(tmp_path, program.source())
    outcome = run_guest(emulator, tmp_path, kernel, FREE, rate=Fraction(1))
    (region,) = outcome.regions
    assert region["t"] == region["units"] == region["insn"][1]
    plain = run_guest(emulator, tmp_path, kernel, None, rate=Fraction(1))
    assert read_clocks(plain) == read_clocks(outcome)
