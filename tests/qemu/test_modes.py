# SPDX-License-Identifier: MIT
"""User mode, paging, page faults: who is charged, and what is indexed by which address."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.qemu.bare_metal import GDT, IDT, Emulator
from tests.qemu.cache_reference import Config, Shape
from tests.qemu.guest_checks import check_program
from tests.qemu.instruction_trace import Data, Program, event, fetch, load, store
from tests.qemu.random_programs import ARENA, ENTRY_ESP

pytestmark = pytest.mark.real

BANIAS = Config(Shape(32 << 10, 8, 64), Shape(32 << 10, 8, 64), Shape(1 << 20, 8, 64))
TINY = Config(Shape(512, 2, 32), Shape(128, 2, 32), Shape(2 << 10, 2, 32))
CONFIGS = {"banias": BANIAS, "tiny": TINY}

TASK = ARENA + 0x700000  # the task state segment
USER_STACK = ARENA + 0x710000
DIRECTORY, TABLE = ARENA + 0x600000, ARENA + 0x601000
WINDOW = 0x80000000  # virtual; its pages are mapped out of order
FIRST, SECOND = ARENA + 0x205000, ARENA + 0x202000
USER_CODE, USER_DATA = 0x1B, 0x23


def descriptor(selector: int) -> tuple[Data, Data]:
    """The loads of a segment descriptor."""
    place = GDT + (selector & ~7)
    return load(place, 4), load(place + 4, 4)


def set_gate(p: Program, vector: int, label: str) -> None:
    """An interrupt gate that user mode may call; changes EAX."""
    gate = IDT + 8 * vector
    p.set_up(f"mov ${label}, %eax", f"mov %ax, {gate:#x}", f"movw $CODE, {gate + 2:#x}")
    p.set_up("shr $16, %eax", f"mov %ax, {gate + 6:#x}", f"movw $0xef00, {gate + 4:#x}")


@pytest.mark.parametrize("name", CONFIGS)
def test_user_and_kernel(emulator: Emulator, tmp_path: Path, name: str) -> None:
    """The mode is that of the code segment in force when the access is made."""
    p = Program()
    set_gate(p, 0x31, "service")
    base = TASK
    p.set_up(f"movl $67 | ({base:#x} & 0xffff) << 16, {GDT + 0x28:#x}")
    high = (base & 0xFF000000) | 0x8900 | (base >> 16 & 0xFF)
    p.set_up(f"movl ${high:#x}, {GDT + 0x2C:#x}")
    kernel_stack = ENTRY_ESP - 4096
    p.set_up(f"movl ${kernel_stack:#x}, {TASK + 4:#x}", f"movl $DATA, {TASK + 8:#x}")
    p.set_up("mov $TASK, %ax", "ltr %ax")
    p.set_up("mov $USER_DATA, %eax", "mov %eax, %ds", "mov %eax, %es")
    p.set_up("mov %eax, %fs", "mov %eax, %gs")
    p.set_up("pushl $USER_DATA", f"pushl ${USER_STACK:#x}", "pushl $2", "pushl $USER_CODE")
    p.set_up("pushl $user")
    p.start()
    esp = ENTRY_ESP - 20
    frame = [load(esp + 4 * i, 4) for i in range(5)]
    p.do("iret", *frame, *descriptor(USER_CODE), *descriptor(USER_DATA), event("iret"))
    p.kernel = 0
    p.place("user:")
    p.do(f"mov {ARENA:#x}, %ecx", load(ARENA, 4))
    p.do("push %ecx", store(USER_STACK - 4, 4))
    entry = [load(IDT + 8 * 0x31, 4), load(IDT + 8 * 0x31 + 4, 4), *descriptor(8)]
    entry += [load(TASK + 4, 4), load(TASK + 8, 2), *descriptor(0x10)]
    entry += [store(kernel_stack - 4 * i, 4) for i in range(1, 6)]
    p.do("int $0x31", *entry, event("trap"))
    p.kernel = 1
    p.place("service:")
    p.do(f"mov {ARENA + 4096:#x}, %edx", load(ARENA + 4096, 4))
    p.do(f"mov %edx, {ARENA + 8192:#x}", store(ARENA + 8192, 4))
    p.stop()
    p.set_up("mov $DATA, %eax", "mov %eax, %ds", "mov %eax, %es")
    p.set_up(f"mov ${ENTRY_ESP:#x}, %esp")
    (region,) = check_program(emulator, tmp_path, p, CONFIGS[name]).regions
    assert region["insn"] == [3, 5]


def map_window(p: Program) -> None:
    """Paging on: memory as it was, and two pages at WINDOW, turned round; changes registers."""
    for number in range(16):
        p.set_up(f"movl ${number << 22 | 0x83:#x}, {DIRECTORY + 4 * number:#x}")
    p.set_up(f"movl ${0xFE000000 | 0x83:#x}, {DIRECTORY + 4 * (0xFE000000 >> 22):#x}")
    p.set_up(f"movl ${TABLE | 3:#x}, {DIRECTORY + 4 * (WINDOW >> 22):#x}")
    p.set_up(f"movl ${FIRST | 3:#x}, {TABLE:#x}", f"movl ${SECOND | 3:#x}, {TABLE + 4:#x}")
    p.set_up(f"movl ${FIRST | 3:#x}, {TABLE + 8:#x}")
    p.set_up(f"mov ${DIRECTORY:#x}, %eax", "mov %eax, %cr3")
    p.set_up("mov %cr4, %eax", "or $0x10, %eax", "mov %eax, %cr4")
    p.set_up("mov %cr0, %eax", "or $0x80000000, %eax", "mov %eax, %cr0")


@pytest.mark.parametrize("name", CONFIGS)
def test_caches_are_physical(emulator: Emulator, tmp_path: Path, name: str) -> None:
    """Aliases hit; what crosses a page lands in both physical pages; walks are not counted."""
    p = Program()
    map_window(p)
    edge = WINDOW + 4096
    with p.region():
        p.do(f"mov {WINDOW + 100:#x}, %ecx", load(FIRST + 100, 4))
        p.do(f"mov {WINDOW + 8192 + 100:#x}, %ecx", load(FIRST + 100, 4))
        p.do(f"mov {FIRST + 100:#x}, %ecx", load(FIRST + 100, 4))
    with p.region():
        p.do(f"mov {edge - 2:#x}, %ecx", load(FIRST + 4094, 2), load(SECOND, 2))
        p.do(f"mov %ecx, {edge - 3:#x}", store(FIRST + 4093, 3), store(SECOND, 1))
        p.do(f"incl {edge - 1:#x}", *both(load, 1, 3), *both(store, 1, 3))
        p.do(f"movups {edge - 5:#x}, %xmm0", *both(load, 5, 11))
        p.do(f"movups %xmm0, {edge - 8:#x}", *both(store, 8, 8))
        p.do(f"fldt {edge - 4:#x}", *both(load, 4, 6))
        p.do(f"fstpt {edge - 9:#x}", *both(store, 9, 1))
        p.do(f"fxsave {edge - 256:#x}", *both(store, 256, 256))
        p.do(f"fxrstor {edge - 256:#x}", *both(load, 256, 256))
        p.do(f"lock cmpxchg8b {edge - 4:#x}", *both(load, 4, 4), *both(store, 4, 4))
    check_program(emulator, tmp_path, p, CONFIGS[name])


def both(kind, before: int, after: int) -> tuple[Data, Data]:  # type: ignore[no-untyped-def]
    """An access across the edge of the window's two pages."""
    return kind(FIRST + 4096 - before, before), kind(SECOND, after)


@pytest.mark.parametrize("name", CONFIGS)
def test_code_across_pages(emulator: Emulator, tmp_path: Path, name: str) -> None:
    """An instruction whose bytes are in two pages that are not neighbours in memory."""
    p = Program()
    map_window(p)
    p.set_up(f"movw $0x44b9, {FIRST + 4094:#x}", f"movl $0xc3112233, {SECOND:#x}")
    with p.region():
        p.do(f"mov ${WINDOW + 4094:#x}, %edx")
        for _ in range(2):
            p.do("call *%edx", store(ENTRY_ESP - 4, 4))
            p.elsewhere(code=(fetch(FIRST + 4094, 2), fetch(SECOND, 3)))
            p.elsewhere(load(ENTRY_ESP - 4, 4), code=(fetch(SECOND + 3, 1),))
    check_program(emulator, tmp_path, p, CONFIGS[name])


@pytest.mark.parametrize("name", CONFIGS)
def test_page_fault(emulator: Emulator, tmp_path: Path, name: str) -> None:
    """The access that faults is not made; the handler's are; then it is made, once."""
    p = Program()
    map_window(p)
    set_gate(p, 14, "fault")
    esp = ENTRY_ESP
    far = WINDOW + 0x10000
    entry = TABLE + 4 * 16
    with p.region():
        p.do("xor %ecx, %ecx")
        p.do("jmp after_handler")
        p.place("fault:")
        handler = [p.write(f"movl ${SECOND | 3:#x}, {entry:#x}")]
        handler.append(p.write("add $4, %esp"))
        handler.append(p.write("iret"))
        p.place("after_handler:")
        pushed = [store(esp - 4 * i, 4) for i in range(1, 5)]
        gate = [load(IDT + 8 * 14, 4), load(IDT + 8 * 14 + 4, 4), *descriptor(8)]
        number = p.write(f"add %ecx, {far + 60:#x}")
        p.again(number, *gate, *pushed, event("trap"), units=0)
        p.again(handler[0], store(entry, 4))
        p.again(handler[1])
        popped = [load(esp - 12 + 4 * i, 4) for i in range(3)]
        p.again(handler[2], *popped, *descriptor(8), event("iret"))
        crossing = [load(SECOND + 60, 4), store(SECOND + 60, 4)]
        p.again(number, *crossing)
    check_program(emulator, tmp_path, p, CONFIGS[name])
