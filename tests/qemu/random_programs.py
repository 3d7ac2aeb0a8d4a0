# SPDX-License-Identifier: MIT
"""Random i386 programs of all kinds of memory access, for caches small enough to make each tell.

What no manual settles is as the emulator does it: PUSHA stores upwards, CMPS loads ES:EDI first, a
repeated string instruction counts its iterations and one unit for the test that ends it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ground.seeds import generator
from tests.qemu.bare_metal import GDT, IDT
from tests.qemu.instruction_trace import Data, Place, Program, event, load, store

ARENA = 0x1000000
ENTRY_ESP = 0xF00000 - 4  # when main is entered
IMAGES = ARENA + (8 << 20)  # saved FPU state
COUNTER = ARENA + (8 << 20) + 8192
DEVICE = 0xFE000000  # nothing answers there: each access leaves the translated code
REGISTER = {1: "%cl", 2: "%cx", 4: "%ecx"}
SUFFIX = {1: "b", 2: "w", 4: "l"}
PASSES = 3


class Writer:
    """Writes random instructions; all choices come from ``rng``."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.program = Program()
        self.esp = ENTRY_ESP
        self.do = self.program.do

    def upto(self, end: int) -> int:
        """A number from 0 to ``end`` - 1."""
        return int(self.rng.integers(end))

    def one_of(self, *names: str) -> str:
        """One of ``names``."""
        return names[self.upto(len(names))]

    def address(self, align: int = 1) -> int:
        """Somewhere in the arena: few lines, colliding strides, often across a line or a page."""
        stride = (32, 64, 4096, 65536)[self.upto(4)]
        place = 4096 + stride * self.upto(24) + self.upto(76) - 12
        return ARENA + place // align * align

    def push(self, size: int = 4) -> Data:
        """The store of a push."""
        self.esp -= size
        return store(self.esp, size)

    def pop(self, size: int = 4) -> Data:
        """The load of a pop."""
        self.esp += size
        return load(self.esp - size, size)


def write_moves(w: Writer) -> None:
    """Loads and stores of each size."""
    a, size = w.address(), (1, 2, 4)[w.upto(3)]
    register, suffix = REGISTER[size], SUFFIX[size]
    w.do(f"{w.one_of('mov', 'add', 'cmp', 'test')} {a:#x}, {register}", load(a, size))
    b = w.address()
    w.do(f"mov {register}, {b:#x}", store(b, size))
    c = w.address()
    w.do(f"mov{suffix} $0x5a, {c:#x}", store(c, size))
    d = w.address()
    w.do(f"sete {d:#x}", store(d, 1))
    e = w.address()
    w.do(f"cmovz {e:#x}, %edx", load(e, 4))


def write_updates(w: Writer) -> None:
    """Read-modify-write, plain and locked."""
    lock = w.one_of("", "lock ")
    a, size = w.address(), (1, 2, 4)[w.upto(3)]
    both = (load(a, size), store(a, size))
    w.do(f"{lock}{w.one_of('inc', 'not', 'neg')}{SUFFIX[size]} {a:#x}", *both)
    w.do(f"{lock}{w.one_of('add', 'xadd', 'cmpxchg', 'xor')} {REGISTER[size]}, {a:#x}", *both)
    b = w.address()
    w.do(f"xchg {REGISTER[size]}, {b:#x}", load(b, size), store(b, size))
    c = w.address()
    w.do(f"{lock}cmpxchg8b {c:#x}", load(c, 8), store(c, 8))
    d = w.address()
    w.do(f"{lock}btsl ${w.upto(32)}, {d:#x}", load(d, 4), store(d, 4))
    e = w.address()
    w.do(f"rolw $3, {e:#x}", load(e, 2), store(e, 2))


def write_stack(w: Writer) -> None:
    """Pushes, pops, calls, frames; balanced."""
    a, b = w.address(), w.address()
    w.do(f"pushl {a:#x}", load(a, 4), w.push())
    w.do("push %ebx", w.push())
    w.do("pushfl", w.push())
    if w.upto(2):
        w.do("pushal", *(store(w.esp - 32 + 4 * i, 4) for i in range(8)))
        w.do("popal", *(load(w.esp - 32 + 4 * i, 4) for i in range(8) if i != 3))
    w.do("enter $24, $0", store(w.esp - 4, 4))
    w.do("leave", load(w.esp - 4, 4))
    w.do("popfl", w.pop())
    w.do("pop %ebx", w.pop())
    w.do(f"popl {b:#x}", w.pop(), store(b, 4))


def write_calls(w: Writer) -> None:
    """Near and far calls and returns, an interrupt."""
    p = w.program
    n = p.count
    p.do(f"call at{n + 2}", store(w.esp - 4, 4))
    over = p.write(f"jmp at{n + 3}")
    p.do("ret", load(w.esp - 4, 4))
    p.again(over)
    code = (load(GDT + 8, 4), load(GDT + 12, 4))
    n = p.count
    p.do(f"lcall $CODE, $at{n + 2}", *code, store(w.esp - 4, 4), store(w.esp - 8, 4))
    over = p.write(f"jmp at{n + 3}")
    p.do("lret", load(w.esp - 8, 4), load(w.esp - 4, 4), *code)
    p.again(over)
    pushed = [w.esp - 4, w.esp - 8, w.esp - 12]
    gate = IDT + 8 * 0x30
    entry = (load(gate, 4), load(gate + 4, 4), *code, *(store(a, 4) for a in pushed))
    p.do("int $0x30", *entry, event("trap"))
    p.again(0, *(load(a, 4) for a in reversed(pushed)), *code, event("iret"))
    p.do("mov $DATA, %edx")
    p.do("mov %edx, %es", load(GDT + 16, 4), load(GDT + 20, 4))
    a = w.address()
    p.do(f"sgdt {a:#x}", store(a, 2), store(a + 2, 4))


def write_strings(w: Writer) -> None:
    """String instructions, single and repeated."""
    size = (1, 2, 4)[w.upto(3)]
    suffix, a, b = SUFFIX[size], w.address(), w.address()
    w.do(f"mov ${a:#x}, %esi")
    w.do(f"mov ${b:#x}, %edi")
    w.do(f"movs{suffix}", load(a, size), store(b, size))
    a, b = a + size, b + size
    w.do(f"cmps{suffix}", load(b, size), load(a, size))
    a, b = a + size, b + size
    w.do(f"lods{suffix}", load(a, size))
    w.do(f"stos{suffix}", store(b, size))
    a, b = a + size, b + size
    w.do(f"scas{suffix}", load(b, size))
    b, n = b + size, w.upto(24)
    w.do(f"mov ${n}, %ecx")
    kind = w.one_of("movs", "stos", "lods")
    data: list[Data] = []
    for i in range(n):
        data += [load(a + i * size, size)] if kind != "stos" else []
        data += [store(b + i * size, size)] if kind != "lods" else []
    w.do(f"rep {kind}{suffix}", *data, units=n + 1)
    c, k = w.address(), w.upto(256)
    w.do(f"mov ${c:#x}, %ebx")
    w.do(f"mov ${k}, %al")
    w.do("xlatb", load(c + k, 1))


def write_fpu(w: Writer) -> None:
    """x87 loads, stores and saved state."""
    size, suffix = ((4, "s"), (8, "l"), (10, "t"))[w.upto(3)]
    a, b, c, d = (w.address() for _ in range(4))
    w.do(f"fld{suffix} {a:#x}", load(a, size))
    w.do(f"fadds {c:#x}", load(c, 4))
    w.do(f"fstp{suffix} {b:#x}", store(b, size))
    size, suffix = ((2, "s"), (4, "l"), (8, "ll"))[w.upto(3)]
    w.do(f"fild{suffix} {c:#x}", load(c, size))
    w.do(f"fistp{suffix} {d:#x}", store(d, size))
    image = IMAGES + w.upto(2048)
    save, restore, size = (
        ("fnstcw", "fldcw", 2),
        ("fnstenv", "fldenv", 28),
        ("fnsave", "frstor", 108),
        ("fxsave", "fxrstor", 512),
        ("stmxcsr", "ldmxcsr", 4),
    )[w.upto(5)]
    image = image & -16 if size == 512 else image
    w.do(f"{save} {image:#x}", store(image, size))
    w.do(f"{restore} {image:#x}", load(image, size))


def write_vectors(w: Writer) -> None:
    """SSE and MMX."""
    a, b, c = w.address(), w.address(16), w.address(16)
    w.do(f"movups {a:#x}, %xmm0", load(a, 16))
    w.do(f"addps {b:#x}, %xmm0", load(b, 16))
    w.do(f"{w.one_of('movaps', 'movntps')} %xmm0, {c:#x}", store(c, 16))
    name, size = (("movss", 4), ("movlps", 8), ("movhps", 8), ("movups", 16))[w.upto(4)]
    a, b = w.address(), w.address()
    w.do(f"{name} {a:#x}, %xmm1", load(a, size))
    w.do(f"{name} %xmm1, {b:#x}", store(b, size))
    w.do(f"movq {a:#x}, %mm0", load(a, 8))
    w.do(f"paddw {b:#x}, %mm0", load(b, 8))
    w.do(f"movq %mm0, {a:#x}", store(a, 8))
    w.do("emms")


def write_devices(w: Writer) -> None:
    """Accesses that QEMU gives up half-way and executes again: MMIO and ports."""
    a = w.address()
    read, write = event("mmio_read"), event("mmio_write")
    w.do(f"mov {DEVICE:#x}, %ecx", read)
    w.do(f"mov %ecx, {DEVICE + 64:#x}", write)
    w.do(f"incl {DEVICE + 64:#x}", read, write)
    w.do(f"pushl {DEVICE:#x}", w.push(), read)
    w.do("pop %ecx", w.pop())
    w.do(f"mov ${DEVICE:#x}, %esi")
    w.do(f"mov ${a:#x}, %edi")
    w.do("movsl", store(a, 4), read)
    w.do("xchg %esi, %edi")
    w.do("movsl", load(a + 4, 4), write)
    w.do("in $0x21, %al", event("port_read"))
    w.do("mov $0x80, %dx")
    w.do("outsb", load(a + 8, 1), event("port_write"))
    n = w.upto(6)
    w.do(f"mov ${n}, %ecx")
    out = [(load(a + 9 + i, 1), event("port_write")) for i in range(n)]
    w.do("rep outsb", *(data for pair in out for data in pair), units=n + 1)
    w.do("mov $0x21, %dx")
    w.do(f"mov ${a:#x}, %edi")
    w.do("insb", store(a, 1), event("port_read"))


def write_code(w: Writer) -> None:
    """Branches, and code that writes code, in the same block and elsewhere."""
    p = w.program
    p.do("xor %ecx, %ecx")
    p.do(f"jnz at{p.count + 1}")
    p.do(f"jz at{p.count + 2}")
    p.write("ud2")
    target: Place = (f"at{p.count + 1}", 1)
    p.do(f"movb ${w.upto(256)}, at{p.count + 1} + 1", store(target, 1))
    p.do("mov $0, %al")
    a = w.address()
    p.do(f"mov %al, {a:#x}", store(a, 1))
    n = p.count
    p.do("mov $3, %ecx")
    p.do("nop")
    p.do(f"loop at{n + 1}")
    for _ in range(2):
        p.again(n + 1)
        p.again(n + 2)


Kind = Callable[[Writer], None]


def write_clock(w: Writer) -> None:
    """Print the time stamp counter."""
    w.program.print_clock()


KINDS: tuple[Kind, ...] = (
    write_moves,
    write_updates,
    write_stack,
    write_calls,
    write_strings,
    write_fpu,
    write_vectors,
    write_devices,
    write_code,
)


def write_program(seed: int, kinds: tuple[Kind, ...], chunks: int) -> Program:
    """A loop over ``chunks`` pieces of code, laid out in another order than they run in."""
    rng = generator(seed, "program")
    w = Writer(rng)
    p = w.program
    p.text.insert(1, "at0: iret; end0:")  # the interrupt handler, before main
    p.count = 1
    p.set_up(
        "mov $at0, %eax", f"mov %ax, {IDT + 8 * 0x30:#x}", f"movw $CODE, {IDT + 8 * 0x30 + 2:#x}"
    )
    p.set_up("shr $16, %eax", f"mov %ax, {IDT + 8 * 0x30 + 6:#x}")
    p.set_up(f"movw $0x8f00, {IDT + 8 * 0x30 + 4:#x}", f"movl ${PASSES}, {COUNTER:#x}")
    p.start()
    first = len(p.steps)
    head = len(p.text)
    p.do("jmp chunk0")
    pieces = []
    for number in range(chunks):
        begin = len(p.text)
        p.place(f".skip {w.upto(150)}, 0x90\nchunk{number}:")
        room = 4 * w.upto(1500)
        p.do(f"sub ${room}, %esp")
        w.esp -= room
        kinds[w.upto(len(kinds))](w)
        p.do(f"add ${room}, %esp")
        w.esp += room
        p.do(f"jmp chunk{number + 1}")
        pieces.append(p.text[begin:])
    order = rng.permutation(chunks)
    p.text[head + 1 :] = [line for k in order for line in pieces[k]]
    p.place(f"chunk{chunks}:")
    p.do(f"decl {COUNTER:#x}", load(COUNTER, 4), store(COUNTER, 4))
    p.do("jnz again")
    p.text.insert(head, "again:")
    p.steps += p.steps[first:] * (PASSES - 1)
    p.stop()
    return p
