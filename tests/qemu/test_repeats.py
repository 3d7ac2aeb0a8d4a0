# SPDX-License-Identifier: MIT
"""A repeated string instruction is interrupted between iterations, and then goes on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.qemu.bare_metal import PROGRAMS, Emulator, build_guest, run_guest

pytestmark = pytest.mark.real

# STOS, MOVS, CMPS and SCAS; a loop; two of three iterations are left in the shadow of STI
FOUND = rb"(n?R{6,}\.){4}n{6,}\.R2"


def test_interrupts_between_iterations(emulator: Emulator, tmp_path: Path) -> None:
    kernel = build_guest(tmp_path, PROGRAMS / "timer.S", PROGRAMS / "repeats.S")
    console = run_guest(emulator, tmp_path, kernel, None).console
    assert re.fullmatch(FOUND, console), console
