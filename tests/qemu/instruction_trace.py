# SPDX-License-Identifier: MIT
"""Programs that know what they do: each instruction is written together with its accesses.

The builder keeps two lists: the text to assemble and the instructions in the order in which they
are executed.  Linked, it tells all accesses with their physical addresses, which the reference
hierarchy turns into the counters that the emulator has to report.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from tests.qemu.cache_reference import EVENTS, FETCH, LOAD, STORE, Config, ReferenceHierarchy

Place = int | tuple[str, int]  # an address, or a symbol and an offset
Data = tuple[int, Place, int]  # kind, place, size


def load(place: Place, size: int) -> Data:
    """A load."""
    return (LOAD, place, size)


def store(place: Place, size: int) -> Data:
    """A store."""
    return (STORE, place, size)


def fetch(place: Place, size: int) -> Data:
    """A fetch of code."""
    return (FETCH, place, size)


DMA, EVENT = 3, 4


def device_write(place: Place, size: int) -> Data:
    """What a device writes into memory while the instruction waits."""
    return (DMA, place, size)


def event(name: str) -> Data:
    """What is not an access to the caches, takes time, and comes with the instruction (EVENTS)."""
    return (EVENT, EVENTS.index(name), 0)


@dataclass(frozen=True)
class Step:
    """One executed instruction: its label's number, its accesses, how many units it counts.

    ``code`` is where its bytes are, if they are not where the label says.
    """

    number: int
    data: tuple[Data, ...] = ()
    units: int = 1
    kernel: int = 1
    code: tuple[Data, ...] | None = None

    def fetches(self, symbols: dict[str, int]) -> tuple[Data, ...]:
        """The fetch of the instruction's bytes."""
        if self.code is not None:
            return self.code
        address, end = symbols[f"at{self.number}"], symbols[f"end{self.number}"]
        return ((FETCH, address, end - address),)


@dataclass
class Program:
    """Text and executed steps; ``start`` and ``stop`` make regions of interest."""

    text: list[str] = field(default_factory=lambda: ['#include "guest.h"', ".globl main", "main:"])
    steps: list[Step] = field(default_factory=list)
    edges: list[int] = field(default_factory=list)
    clocks: set[int] = field(default_factory=set)
    count: int = 0
    kernel: int = 1

    def do(self, code: str, *data: Data, units: int = 1) -> int:
        """Write one instruction, which is executed here and now; its number."""
        number = self.write(code)
        self.again(number, *data, units=units)
        return number

    def write(self, code: str) -> int:
        """Write one instruction, without executing it; its number."""
        self.text.append(f"at{self.count}: {code}; end{self.count}:")
        self.count += 1
        return self.count - 1

    def again(self, number: int, *data: Data, units: int = 1) -> None:
        """Execute an instruction that is already written."""
        self.steps.append(Step(number, data, units, self.kernel))

    def place(self, line: str) -> None:
        """Write a line that is not an instruction to execute: padding, data, a label."""
        self.text.append(line)

    def elsewhere(self, *data: Data, code: tuple[Data, ...]) -> None:
        """Execute an instruction whose bytes are at ``code`` (physical; see `fetch`)."""
        self.steps.append(Step(-1, data, 1, self.kernel, code))

    def print_clock(self) -> None:
        """Print the low half of the time stamp counter; changes EAX and EDX."""
        self.clocks.add(self.do("rdtsc"))
        for _ in range(4):
            self.do("out %al, $0xe9", event("port_write"))
            self.do("shr $8, %eax")

    def set_up(self, *lines: str) -> None:
        """Instructions outside the regions of interest."""
        self.text.extend(lines)

    def start(self) -> None:
        """The region of interest begins; changes EAX."""
        self.text.append("START")
        self.edges.append(len(self.steps))

    def stop(self) -> None:
        """The region of interest ends; changes EAX."""
        self.do("mov $2, %eax")
        self.do("xchg %bx, %bx")
        self.edges.append(len(self.steps))

    @contextmanager
    def region(self) -> Iterator[None]:
        """A region of interest."""
        self.start()
        yield
        self.stop()

    def source(self) -> str:
        """The text, which returns to the start-up code."""
        return "\n".join([*self.text, "    ret", ""])

    def regions(self) -> list[list[Step]]:
        """Steps by region of interest."""
        pairs = zip(self.edges[::2], self.edges[1::2], strict=True)
        return [self.steps[a:b] for a, b in pairs]


@dataclass(frozen=True)
class Expected:
    """What one region of interest must report; pairs are [user, kernel]."""

    counters: dict[str, list[int]]
    events: dict[str, int]
    writeback: int
    dma_lines: int
    stall_milli: int


def read_symbols(kernel: Path) -> dict[str, int]:
    """Address of each symbol of an ELF file."""
    with kernel.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        return {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()}


def expect(program: Program, symbols: dict[str, int], config: Config) -> list[Expected]:
    """Counters of each region, every one from cold caches; the random generator goes on."""
    reference = ReferenceHierarchy(config)
    results = []
    for steps in program.regions():
        before = Totals.of(reference, [0, 0])
        reference.flush()
        insn = [0, 0]
        for step in steps:
            insn[step.kernel] += step.units
            run_step(reference, step, symbols)
        results.append(Totals.of(reference, insn).since(before))
    return results


def run_step(reference: ReferenceHierarchy, step: Step, symbols: dict[str, int]) -> None:
    """Fetch one instruction and do its accesses."""
    for kind, place, size in (*step.fetches(symbols), *step.data):
        if kind == EVENT:
            assert isinstance(place, int)
            reference.see_event(EVENTS[place])
            continue
        where = place if isinstance(place, int) else symbols[place[0]] + place[1]
        if kind == DMA:
            reference.dma_write(where, size)
        else:
            reference.access(kind, where, size, step.kernel)


@dataclass(frozen=True)
class Totals:
    """Cumulative counters under the names of the counter stream."""

    counters: dict[str, list[int]]
    events: dict[str, int]
    writeback: int
    dma_lines: int
    stall_milli: int

    @classmethod
    def of(cls, reference: ReferenceHierarchy, insn: list[int]) -> Totals:
        names = {
            "l1i": ("l1", FETCH),
            "l1d_load": ("l1", LOAD),
            "l1d_store": ("l1", STORE),
            "l2_fetch": ("l2", FETCH),
            "l2_load": ("l2", LOAD),
            "l2_store": ("l2", STORE),
            "itlb": ("itlb", 0),
            "dtlb": ("dtlb", 0),
        }
        misses = {
            name: [reference.counts[level, kind, mode] for mode in (0, 1)]
            for name, (level, kind) in names.items()
        }
        return cls(
            {"insn": list(insn), **misses},
            {name: reference.events[name] for name in EVENTS},
            reference.writebacks,
            reference.dma_lines,
            reference.stall,
        )

    def since(self, before: Totals) -> Expected:
        """The difference."""
        counters = {
            name: [b - a for a, b in zip(before.counters[name], pair, strict=True)]
            for name, pair in self.counters.items()
        }
        return Expected(
            counters,
            {name: count - before.events[name] for name, count in self.events.items()},
            self.writeback - before.writeback,
            self.dma_lines - before.dma_lines,
            self.stall_milli - before.stall_milli,
        )


def expect_clocks(
    program: Program,
    symbols: dict[str, int],
    config: Config,
    rate: Fraction,
    starts: list[tuple[int, int]],
) -> list[int]:
    """What the guest reads from its clock, in whole ns.

    ``starts``: units and stall_milli at the start of each region.  A reading contains the
    instruction that reads and the stall of its fetch.
    """
    reference = ReferenceHierarchy(config)
    readings = []
    for steps, (units, stall) in zip(program.regions(), starts, strict=True):
        reference.flush()
        offset = stall - reference.stall
        charged = units - stall // 1000
        for step in steps:
            charged += step.units
            run_step(reference, step, symbols)
            if step.number in program.clocks:
                now = charged + (reference.stall + offset) // 1000
                readings.append(now * rate.numerator // rate.denominator)
    return readings
