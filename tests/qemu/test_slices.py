# SPDX-License-Identifier: MIT
"""A slice that a stall has used up is at its end, whatever the block still gives back.

A load stalls the CPU beyond the timer's deadline.  The rest of its block is then given back: by a
fault, or by an access to a device, which is repeated in a block of its own.  The interrupt must
be taken there and not instructions later.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.qemu.bare_metal import PROGRAMS, Emulator, build_guest, run_guest
from tests.qemu.cache_reference import Config, Shape

pytestmark = pytest.mark.real

BANIAS = Config(Shape(32 << 10, 8, 64), Shape(32 << 10, 8, 64), Shape(1 << 20, 8, 64))
PERIOD = 500 / 1193182 * 1e9 / (5 / 7)  # of the timer, in units
SLOW = replace(BANIAS, stall_l1=(0, 0, 0), stall_l2=(0, 1_000_000_000, 0))
ROUNDS = 32


@pytest.mark.parametrize("end", ["FAULT", "DEVICE"])
def test_a_late_interrupt_is_taken_where_the_block_ended(
    emulator: Emulator, tmp_path: Path, end: str
) -> None:
    assert SLOW.stall_l2[1] / 1000 > PERIOD  # so that each round is late
    source = f"#define {end}\n" + (PROGRAMS / "late.S").read_text()
    kernel = build_guest(tmp_path, source, PROGRAMS / "timer.S")
    places = {}
    for filtered in (False, True):
        outcome = run_guest(emulator, tmp_path, kernel, SLOW, filtered=filtered)
        places[filtered] = np.frombuffer(outcome.console, "<i4").tolist()
    assert places[True] == places[False]
    late = [place for place in places[True] if 0 <= place < 60]
    assert len(late) >= ROUNDS - 2
    assert max(late) <= 1  # an instruction may have to be left to a repeated access
