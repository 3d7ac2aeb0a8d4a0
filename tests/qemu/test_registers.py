# SPDX-License-Identifier: MIT
"""A fetch that goes to the model in the midst of a block leaves what the block computes alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.qemu.bare_metal import Emulator, build_guest, run_guest
from tests.qemu.instruction_trace import Program
from tests.qemu.test_devices import BANIAS, BUFFER

pytestmark = pytest.mark.real


@pytest.mark.parametrize("clear", ["xorps %xmm{0}, %xmm{0}", "pxor %mm{0}, %mm{0}"])
def test_vector_constants_outlive_a_fetch(emulator: Emulator, tmp_path: Path, clear: str) -> None:
    """One instruction a line, all in one block: the emulator keeps their zero in one register."""
    p = Program()
    store = "movups" if "xmm" in clear else "movq"
    register = "xmm" if "xmm" in clear else "mm"
    p.set_up("START", "jmp 1f", ".balign 64", "1:")
    for number in range(8):
        p.set_up(clear.format(number), ".rept 61", "nop", ".endr")
    p.set_up("STOP")
    for number in range(8):
        p.set_up(f"{store} %{register}{number}, {BUFFER:#x}", f"mov ${BUFFER:#x}, %esi")
        p.set_up("mov $16, %ecx", "1: lodsb", "out %al, $0xe9", "loop 1b")
    kernel = build_guest(tmp_path, p.source())
    assert run_guest(emulator, tmp_path, kernel, BANIAS).console == bytes(8 * 16)
