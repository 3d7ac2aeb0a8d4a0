# SPDX-License-Identifier: MIT
"""A pointer chase in the guest: the plateaus and the steps that the geometry file promises.

A link costs three instructions, the load and two for the address, so that a hit in L1, whose
latency the core model has in its base CPI, costs three cycles at a base CPI of one.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from testbed.hardware.geometry import (
    Cache,
    Core,
    Geometry,
    Penalties,
    finalize_rate,
    finalize_stall,
)
from testbed.hardware.geometry_files import find_geometries, load_geometry
from tests.qemu.bare_metal import PROGRAMS, Emulator, build_guest, run_guest
from tests.qemu.cache_reference import Config, Shape

pytestmark = pytest.mark.real

ROUNDS = 8
SIZES = [k << 10 for k in (4, 8, 12, 16, 24, 32, 48, 64, 128, 256, 384, 512, 768)]
SIZES += [k << 20 for k in (1, 2, 3, 4)] + [3 << 19]


def finalize_config(geometry: Geometry, core: Core) -> Config:
    """A geometry file's numbers as the emulator gets them."""

    def shape(cache: Cache) -> Shape:
        return Shape(cache.size, cache.ways, cache.line)

    def stalls(p: Penalties) -> tuple[int, int, int]:
        return (
            finalize_stall(core, p.fetch),
            finalize_stall(core, p.load),
            finalize_stall(core, p.store),
        )

    return Config(
        l1i=shape(geometry.l1i),
        l1d=shape(geometry.l1d),
        l2=shape(geometry.l2),
        stall_l1=stalls(core.l1),
        stall_l2=stalls(core.l2),
    )


def expect_cycles(geometry: Geometry, core: Core, size: int) -> Fraction:
    """Cycles a link: true LRU and a cyclic order make each step sharp."""
    cycles = (3 + Fraction(2, 16)) * core.base_cpi
    if size > geometry.l1d.size:
        cycles += core.l1.load
    if size > geometry.l2.size:
        cycles += core.l2.load
    return cycles


@pytest.mark.parametrize("name", find_geometries())
def test_plateaus_and_steps(emulator: Emulator, tmp_path: Path, name: str) -> None:
    file = load_geometry(name)
    geometry, core = file.geometry, file.core
    line = geometry.l1d.line
    sets = sorted(SIZES)
    lines = ", ".join(str(size // line) for size in sets)
    text = f"#define LINE {line}\n#define LINES {lines}\n#define ROUNDS {ROUNDS}\n"
    kernel = build_guest(tmp_path, text + (PROGRAMS / "chase.S").read_text())
    config = finalize_config(geometry, core)
    outcome = run_guest(emulator, tmp_path, kernel, config, rate=finalize_rate(core).ns)
    times = np.frombuffer(outcome.console, "<u8")
    assert len(times) == len(sets)
    for size, ns in zip(sets, times, strict=True):
        cycles = int(ns) * core.clock_mhz / 1000 / (ROUNDS * size // line)
        want = float(expect_cycles(geometry, core, size))
        # Two clock readings, calls, and their cold lines; the working set is warm
        slack = 0.002 * want + 300 / (ROUNDS * size // line)
        assert cycles == pytest.approx(want, abs=slack), f"working set of {size >> 10} KiB"
