# SPDX-License-Identifier: MIT
"""Each access of a guest is counted once, as what it is, in its place: random programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.qemu.bare_metal import PROGRAMS, Emulator, build_guest, run_guest
from tests.qemu.cache_reference import Config, Shape, TlbShape
from tests.qemu.guest_checks import check_program, compare_counters
from tests.qemu.instruction_trace import Program
from tests.qemu.random_programs import KINDS, Kind, write_program

pytestmark = pytest.mark.real

COSTS = {"mmio_read": 1100_001, "mmio_write": 200_003, "port_read": 998, "port_write": 1000_999}
COSTS |= {"trap": 150_500, "iret": 99_501}
TINY = Config(Shape(256, 2, 32), Shape(128, 2, 32), Shape(2 << 10, 2, 32))
SMALL = Config(Shape(512, 2, 64), Shape(1 << 10, 4, 64), Shape(8 << 10, 8, 64))
ODD = Config(Shape(1792, 7, 32), Shape(48 << 10, 12, 64), Shape(6 << 10, 12, 128), "plru")
CHANCE = Config(Shape(512, 1, 32), Shape(512, 1, 32), Shape(3 << 10, 3, 64), "random", 5)
BANIAS = Config(Shape(32 << 10, 8, 64), Shape(32 << 10, 8, 64), Shape(1 << 20, 8, 64))
MACHINES = {"tiny": TINY, "small": SMALL, "odd": ODD, "chance": CHANCE, "banias": BANIAS}
CONFIGS = {name: replace(config, stall_events=COSTS) for name, config in MACHINES.items()}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
def test_kind(emulator: Emulator, tmp_path: Path, kind: Kind, name: str) -> None:
    check(emulator, tmp_path, write_program(1, (kind,), 12), CONFIGS[name])


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("seed", range(4))
def test_all_kinds_mixed(emulator: Emulator, tmp_path: Path, seed: int, name: str) -> None:
    check(emulator, tmp_path, write_program(seed, KINDS, 60), CONFIGS[name])


TLBS = {"itlb": TlbShape(2, 2), "dtlb": TlbShape(8, 4)}
LARGE = {"itlb-large": TlbShape(2, 1), "dtlb-large": TlbShape(2, 2)}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("large", [False, True])
def test_tlbs(emulator: Emulator, tmp_path: Path, seed: int, large: bool) -> None:
    """With TLBs every access is looked up, and what the caches count stays the same."""
    tlbs = TLBS | LARGE if large else TLBS
    config = replace(TINY, tlbs=tlbs, stall_itlb=38111, stall_dtlb=37999, kernel_base=0x1040000)
    program = write_program(seed, KINDS, 60)
    check(emulator, tmp_path, program, config)


def check(emulator: Emulator, tmp_path: Path, program: Program, config: Config) -> None:
    """Besides the counters: instrumentation does not change what the guest computes."""
    program.set_up("call print_state")
    checksum = PROGRAMS / "checksum.S"
    outcome = check_program(emulator, tmp_path, program, config, checksum)
    plain = run_guest(emulator, tmp_path, tmp_path / "guest.elf", None)
    assert len(plain.console) == 40
    assert outcome.console == plain.console
    for name in ("l1i", "l2_fetch", "l1d_load", "l2_load"):
        assert sum(outcome.regions[0][name]) > 0


def test_a_missing_access_is_noticed(emulator: Emulator, tmp_path: Path) -> None:
    """The comparison can fail: the same program with one access less in its list."""
    program = write_program(1, KINDS, 12)
    kernel = build_guest(tmp_path, program.source())
    outcome = run_guest(emulator, tmp_path, kernel, TINY)
    compare_counters(program, kernel, TINY, outcome)
    unnoticed = 0
    for number, step in enumerate(steps := list(program.steps)):
        if step.data:
            program.steps = [*steps]
            program.steps[number] = replace(step, data=step.data[:-1])
            try:
                compare_counters(program, kernel, TINY, outcome)
                unnoticed += 1
            except AssertionError:
                pass
    assert unnoticed < sum(bool(step.data) for step in steps) * 2 // 3
