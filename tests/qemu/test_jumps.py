# SPDX-License-Identifier: MIT
"""A jump finds the code that is there now, and an interrupt that waited comes when it may."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.qemu.bare_metal import PROGRAMS, Emulator, build_guest, run_guest

pytestmark = pytest.mark.real

# Six calls each: as mapped first; after INVLPG; after CR3; after two changes of the code itself
VISITS = b"A" * 6 + b"B" * 6 + b"A" * 6 + b"C" * 6 + b"D" * 6
# Instructions that ran before an interrupt that waited: after STI, POPF, IRET; three times
TICKS = b"100" * 3


def test_targets_and_interrupts(emulator: Emulator, tmp_path: Path) -> None:
    kernel = build_guest(tmp_path, PROGRAMS / "timer.S", PROGRAMS / "jumps.S")
    assert run_guest(emulator, tmp_path, kernel, None).console == VISITS + TICKS
