# SPDX-License-Identifier: MIT
"""Run a program that knows its accesses, with the inline filter and without, and compare."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from tests.qemu.bare_metal import (
    RATE,
    Emulator,
    Outcome,
    build_guest,
    run_guest,
)
from tests.qemu.cache_reference import Config
from tests.qemu.instruction_trace import Expected, Program, expect, read_symbols


def compare_counters(program: Program, kernel: Path, config: Config, outcome: Outcome) -> None:
    """Every counter of every region is what the program's own list of accesses makes it."""
    wanted = expect(program, read_symbols(kernel), config)
    for region, want in zip(outcome.regions, wanted, strict=True):
        got = {name: region[name] for name in want.counters}
        others = (region[name] for name in ("writeback", "dma_lines", "stall_milli"))
        events = region["events"]
        assert Expected(got, events, *others) == want
        charged = region.stop["stall_milli"] // 1000 - region.start["stall_milli"] // 1000
        assert region["units"] == sum(got["insn"]) + charged


def compare_clock(outcome: Outcome, rate: Fraction = RATE) -> None:
    """Time is units at the configured rate and the time in which the CPU was halted."""
    for record in outcome.records:
        units = record["units"] * rate.numerator // rate.denominator
        assert record["t"] == units + record["idle_ns"]


def check_program(
    emulator: Emulator,
    directory: Path,
    program: Program,
    config: Config,
    *sources: Path,
    options: tuple[str, ...] = (),
) -> Outcome:
    """Counters as the program says, alike without the filter; the outcome with it."""
    kernel = build_guest(directory, program.source(), *sources)
    run = [
        run_guest(emulator, directory, kernel, config, filtered=filtered, options=options)
        for filtered in (False, True)
    ]
    for outcome in run:
        compare_counters(program, kernel, config, outcome)
        compare_clock(outcome)
    assert run[0] == run[1]
    return run[1]
