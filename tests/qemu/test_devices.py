# SPDX-License-Identifier: MIT
"""Devices: what they write leaves the caches, and their interrupts come when they are due."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.qemu.bare_metal import PROGRAMS, RATE, Emulator, build_guest, run_guest
from tests.qemu.cache_reference import Config, Shape
from tests.qemu.guest_checks import check_program, compare_clock
from tests.qemu.instruction_trace import Program, device_write, event, load, store
from tests.qemu.random_programs import ARENA

pytestmark = pytest.mark.real

BANIAS = Config(Shape(32 << 10, 8, 64), Shape(32 << 10, 8, 64), Shape(1 << 20, 8, 64))
TUALATIN = Config(Shape(16 << 10, 4, 32), Shape(16 << 10, 4, 32), Shape(512 << 10, 8, 32))
FREE = Config(*(BANIAS.l1i, BANIAS.l1d, BANIAS.l2), stall_l1=(0, 0, 0), stall_l2=(0, 0, 0))
TICK = Fraction(1193 * 10**9, 1193182)  # ns
SEND, RECEIVE = ARENA + 0x10000, ARENA + 0x20000  # descriptor rings
PACKET, BUFFER = ARENA + 0x30000, ARENA + 0x40020
LENGTH = 100
NIC = ("-device", "e1000,addr=3,romfile=")


def write_nic_setup(
    p: Program,
    slot: int = 3,
    receive: int = RECEIVE,
    stride: int = 4096,
    *,
    send: int = 1,
    loopback: bool = True,
) -> None:
    """PHY loopback, ``send`` descriptors to send, eight to receive; BAR 0 stays in EBX.

    Received packets go to buffers ``stride`` bytes apart.
    """
    function = 0x8000_0000 | slot << 11

    def poke(register: int, value: int) -> None:
        p.set_up(f"movl ${value:#x}, {register:#x}(%ebx)")

    def describe(ring: int, buffer: int, flags: int) -> None:
        p.set_up(f"movl ${buffer:#x}, {ring:#x}", f"movl ${flags:#x}, {ring + 8:#x}")

    p.set_up("mov $0xcf8, %dx", f"mov ${function | 4:#x}, %eax", "out %eax, %dx", "mov $0xcfc, %dx")
    p.set_up("in %dx, %eax", "or $6, %eax", "out %eax, %dx")
    p.set_up(
        "mov $0xcf8, %dx", f"mov ${function | 0x10:#x}, %eax", "out %eax, %dx", "mov $0xcfc, %dx"
    )
    p.set_up("in %dx, %eax", "and $~15, %eax", "mov %eax, %ebp", "mov %ebp, %ebx")
    for number in range(send):  # end of packet, checksum, report status
        describe(SEND + 16 * number, PACKET, 0x0B << 24 | LENGTH)
    for number in range(8):
        describe(receive + 16 * number, BUFFER + stride * number, 0)
    if loopback:
        poke(0x20, 1 << 26 | 1 << 21 | 0x4000)  # MDIC: write PHY control: loopback
    poke(0x2800, receive)
    poke(0x2808, 128)
    poke(0x2818, 7)
    poke(0x100, 0x801A)  # receive: on, promiscuous, broadcast
    poke(0x3800, SEND)
    poke(0x3808, 128)
    poke(0x400, 0xA)  # transmit: on


def write_nic_wait(p: Program) -> None:
    """Until NICs that were set up can receive; EBX is kept."""
    # The model holds back packets for a second after the receiver is switched on
    p.set_up("mov $2000000000, %esi", "xor %edi, %edi", "call wait_until", "mov %ebp, %ebx")


@pytest.mark.parametrize("config", [BANIAS, TUALATIN], ids=["banias", "tualatin"])
def test_what_a_nic_writes_leaves_the_caches(
    emulator: Emulator, tmp_path: Path, config: Config
) -> None:
    p = Program()
    write_nic_setup(p)
    write_nic_wait(p)
    touched = [BUFFER - 32, BUFFER, BUFFER + 32, BUFFER + 64, BUFFER + 96, BUFFER + 128]
    touched += [RECEIVE, RECEIVE + 64, SEND, PACKET]
    with p.region():
        for _ in range(2):  # misses, then hits
            for place in touched:
                p.do(f"mov {place:#x}, %ecx", load(place, 4))
        p.do(f"mov %ecx, {BUFFER:#x}", store(BUFFER, 4))  # dirty, but of no interest any more
        p.do(
            "movl $1, 0x3818(%ebx)",
            device_write(BUFFER, LENGTH),
            device_write(RECEIVE, 16),
            device_write(RECEIVE + 12, 1),  # its status, when all else is written
            device_write(SEND + 12, 4),
            event("mmio_write"),
        )
        p.do("mov 8(%ebx), %ecx", event("mmio_read"))
        for place in touched:
            p.do(f"mov {place:#x}, %ecx", load(place, 4))
    outcome = check_program(emulator, tmp_path, p, config, PROGRAMS / "timer.S", options=NIC)
    (region,) = outcome.regions
    packet = {32: 4, 64: 3}[config.l2.line]  # lines from byte 32 to byte 131 of the buffer
    assert region["dma_lines"] == packet + 3


def read_ticks(emulator: Emulator, directory: Path, config: Config, define: str) -> list[int]:
    """TSC at each timer interrupt; the same with the filter and without."""
    kernel = build_guest(
        directory, f"{define}\n" + (PROGRAMS / "ticks.S").read_text(), PROGRAMS / "timer.S"
    )
    outcomes = [run_guest(emulator, directory, kernel, config, filtered=f) for f in (False, True)]
    assert outcomes[0] == outcomes[1]
    compare_clock(outcomes[1])
    return [int(t) for t in np.frombuffer(outcomes[1].console, "<u4")]


def test_an_idle_guest_wakes_when_the_timer_is_due(emulator: Emulator, tmp_path: Path) -> None:
    ticks = read_ticks(emulator, tmp_path, FREE, "")
    for number, at in enumerate(ticks):
        assert abs(at - ticks[0] - number * TICK) <= 3


def test_a_busy_guest_is_interrupted_within_a_stall(emulator: Emulator, tmp_path: Path) -> None:
    """Interrupts never come early, and wait for no more than a block and the stall in it."""
    ticks = read_ticks(emulator, tmp_path, BANIAS, "#define BUSY")
    longest = RATE * (8 * (sum(BANIAS.stall_l1) + sum(BANIAS.stall_l2)) // 1000 + 20)
    late = [at - ticks[0] - number * TICK for number, at in enumerate(ticks)]
    assert -longest <= min(late)
    assert max(late) - min(late) <= longest
    assert max(late) - min(late) > 50  # the stalls are really there
