# SPDX-License-Identifier: MIT
"""A second, naive model of the cache hierarchy, written from the documented semantics alone.

It works on guest-physical addresses, keeps time stamps instead of recency lists, and walks its
replacement tree by recursion: what it shares with the C model is the text of
``cache-hierarchy.h`` and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

FETCH, LOAD, STORE = 0, 1, 2
EVENTS = ("mmio_read", "mmio_write", "port_read", "port_write", "interrupt", "trap", "iret")
MISSED_L1, MISSED_L2 = 1, 2
MASK64 = (1 << 64) - 1


@dataclass(frozen=True)
class Shape:
    """One cache: ``size`` and ``line`` in bytes."""

    size: int
    ways: int
    line: int

    @property
    def sets(self) -> int:
        """Number of sets."""
        return self.size // (self.ways * self.line)

    @property
    def way(self) -> int:
        """Bytes of one way: lines this far apart share a set."""
        return self.size // self.ways


@dataclass(frozen=True)
class TlbShape:
    """A translation buffer."""

    entries: int
    ways: int


@dataclass(frozen=True)
class Config:
    """All that decides hits, misses and stalls; stalls by kind, in thousandths of a unit.

    ``tlbs``: by option name (``itlb``, ``dtlb`` for pages of 4 KiB; ``itlb-large``,
    ``dtlb-large`` for the kernel's map of all memory, from ``kernel_base`` on, in pages of
    4 MiB); what is not named is not modelled.  ``stall_events``: by name of EVENTS, what is not
    named costs nothing.
    """

    l1i: Shape
    l1d: Shape
    l2: Shape
    policy: str = "lru"
    seed: int = 0
    stall_l1: tuple[int, int, int] = (3001, 6499, 500)
    stall_l2: tuple[int, int, int] = (125003, 124001, 62777)
    tlbs: Mapping[str, TlbShape] = field(default_factory=dict)
    stall_itlb: int = 0
    stall_dtlb: int = 0
    stall_events: Mapping[str, int] = field(default_factory=dict)
    kernel_base: int = 0xC0000000
    ram: int = 64 << 20


@dataclass
class Line:
    """A cached line: when it was used last, and whether it differs from what is below."""

    used: int
    dirty: bool = False


class TimestampCache:
    """Set-associative true LRU: the line with the oldest stamp of a full set leaves."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.sets: dict[int, dict[int, Line]] = {}
        self.clock = 0

    def lines_of(self, number: int) -> dict[int, Line]:
        """The set in which line ``number`` lives."""
        return self.sets.setdefault(number % self.shape.sets, {})

    def touch(self, number: int) -> tuple[bool, tuple[int, bool] | None]:
        """Use a line: whether it was there, and (line number, dirty) of what had to leave."""
        self.clock += 1
        lines = self.lines_of(number)
        if number in lines:
            lines[number].used = self.clock
            return True, None
        victim = None
        if len(lines) == self.shape.ways:
            oldest = min(lines, key=lambda n: lines[n].used)
            victim = (oldest, lines.pop(oldest).dirty)
        lines[number] = Line(self.clock)
        return False, victim

    def mark_dirty(self, number: int) -> bool:
        """Whether the line is there; it is dirty then."""
        lines = self.lines_of(number)
        if number not in lines:
            return False
        lines[number].dirty = True
        return True

    def drop(self, number: int) -> None:
        """Forget a line, if it is there."""
        self.lines_of(number).pop(number, None)

    def contents(self, index: int) -> list[tuple[int, bool]]:
        """(line number, dirty) of a set, most recently used first."""
        lines = self.sets.get(index, {})
        return [(n, lines[n].dirty) for n in sorted(lines, key=lambda n: -lines[n].used)]


def splitmix64(seed: int) -> Iterator[int]:
    """Steele, Lea and Flood's SplitMix64 (OOPSLA 2014), started from state ``seed``."""
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK64
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
        yield z ^ (z >> 31)


class Tree:
    """Tree pseudo-LRU of one set; the key of a node is the span of ways below it."""

    def __init__(self, ways: int) -> None:
        self.ways = ways
        self.root = (0, 1 << (ways - 1).bit_length())
        self.older_is_upper: dict[tuple[int, int], bool] = {}

    def use(self, way: int) -> None:
        """Point all nodes above ``way`` away from it."""
        low, high = self.root
        while high - low > 1:
            middle = (low + high) // 2
            self.older_is_upper[low, high] = way < middle
            low, high = (low, middle) if way < middle else (middle, high)

    def victim(self) -> int:
        """The way that the nodes point at; ways that do not exist are never pointed at."""
        return self._descend(*self.root)

    def _descend(self, low: int, high: int) -> int:
        if high - low == 1:
            return low
        middle = (low + high) // 2
        if self.older_is_upper.get((low, high), False) and middle < self.ways:
            return self._descend(middle, high)
        return self._descend(low, middle)


@dataclass
class Ways:
    """One set with fixed places."""

    tree: Tree
    places: list[int | None]
    dirty: set[int] = field(default_factory=set)


class FixedCache:
    """A cache whose lines stay in their way; empty ways are filled from the lowest on."""

    def __init__(self, shape: Shape, choose: Callable[[Ways], int]) -> None:
        self.shape = shape
        self.choose = choose
        self.sets: dict[int, Ways] = {}

    def ways_of(self, number: int) -> Ways:
        """The set in which line ``number`` lives."""
        index = number % self.shape.sets
        if index not in self.sets:
            self.sets[index] = Ways(Tree(self.shape.ways), [None] * self.shape.ways)
        return self.sets[index]

    def touch(self, number: int) -> tuple[bool, tuple[int, bool] | None]:
        """As TimestampCache.touch."""
        ways = self.ways_of(number)
        if number in ways.places:
            ways.tree.use(ways.places.index(number))
            return True, None
        way = ways.places.index(None) if None in ways.places else self.choose(ways)
        old = ways.places[way]
        victim = None if old is None else (old, old in ways.dirty)
        if old is not None:
            ways.dirty.discard(old)
        ways.places[way] = number
        ways.tree.use(way)
        return False, victim

    def mark_dirty(self, number: int) -> bool:
        """As TimestampCache.mark_dirty."""
        ways = self.ways_of(number)
        if number not in ways.places:
            return False
        ways.dirty.add(number)
        return True

    def drop(self, number: int) -> None:
        """As TimestampCache.drop."""
        ways = self.ways_of(number)
        if number in ways.places:
            ways.places[ways.places.index(number)] = None
            ways.dirty.discard(number)

    def contents(self, index: int) -> list[tuple[int, bool]]:
        """(line number, dirty) of a set, by way, empty ways left out."""
        ways = self.ways_of(index)
        return [(n, n in ways.dirty) for n in ways.places if n is not None]


class ReferenceHierarchy:
    """L1I, L1D and L2 as ``cache-hierarchy.h`` describes them, on guest-physical addresses."""

    def __init__(self, config: Config, region: Callable[[int], int] = lambda _line: 0) -> None:
        self.config = config
        self.region = region
        self.counts: Counter[tuple[str, int, int]] = Counter()  # (level, kind, kernel)
        self.region_l2: Counter[int] = Counter()
        self.events: Counter[str] = Counter()
        self.writebacks = self.dma_lines = self.stall = 0
        self.tlbs = {  # a line of such a cache is a page
            name: TimestampCache(Shape(shape.entries, shape.ways, 1))
            for name, shape in config.tlbs.items()
        }
        self.random = splitmix64(config.seed)
        self.flush()

    def flush(self) -> None:
        """Empty all caches; counters and the random generator go on."""
        self.l1i = TimestampCache(self.config.l1i)
        self.l1d = TimestampCache(self.config.l1d)
        self.l2 = self._new_l2()

    def _new_l2(self) -> TimestampCache | FixedCache:
        shape = self.config.l2
        if self.config.policy == "lru":
            return TimestampCache(shape)
        if self.config.policy == "plru":
            return FixedCache(shape, lambda ways: ways.tree.victim())
        return FixedCache(shape, lambda _ways: next(self.random) % shape.ways)

    def access(self, kind: int, address: int, size: int, kernel: int) -> tuple[int, int]:
        """What an access of the core missed (MISSED_* bits) and its stall."""
        cache = self.l1i if kind == FETCH else self.l1d
        line = cache.shape.line
        missed, stall = 0, self._translate(kind, address, size, kernel)
        for number in range(address // line, (address + size - 1) // line + 1):
            one_missed, one_stall = self._access_line(cache, kind, number, kernel)
            missed |= one_missed
            stall += one_stall
        self.stall += stall
        return missed, stall

    def _translate(self, kind: int, address: int, size: int, kernel: int) -> int:
        """The stall of the translation of each page touched; virtual is physical here."""
        name = "itlb" if kind == FETCH else "dtlb"
        cost = self.config.stall_itlb if kind == FETCH else self.config.stall_dtlb
        misses = 0
        for page in range(address >> 12, (address + size - 1 >> 12) + 1):
            linear = 0 <= (page << 12) - self.config.kernel_base < self.config.ram
            if linear and f"{name}-large" in self.tlbs:
                misses += not self.tlbs[f"{name}-large"].touch(page >> 10)[0]
            elif name in self.tlbs:
                misses += not self.tlbs[name].touch(page)[0]
        self.counts[name, 0, kernel] += misses
        return misses * cost

    def _access_line(
        self, cache: TimestampCache, kind: int, number: int, kernel: int
    ) -> tuple[int, int]:
        hit, victim = cache.touch(number)
        if kind == STORE:
            cache.mark_dirty(number)
        if hit:
            return 0, 0
        self.counts["l1", kind, kernel] += 1
        address = number * cache.shape.line
        hit, gone = self.l2.touch(address // self.config.l2.line)
        missed, stall = MISSED_L1, self.config.stall_l1[kind]
        if not hit:
            missed |= MISSED_L2
            stall += self.config.stall_l2[kind]
            self.counts["l2", kind, kernel] += 1
            self.writebacks += gone is not None and gone[1]
            if kind != FETCH:
                self.region_l2[self.region(address // self.config.l2.line)] += 1
        if victim is not None and victim[1]:
            below = victim[0] * cache.shape.line // self.config.l2.line
            self.writebacks += not self.l2.mark_dirty(below)
        return missed, stall

    def see_event(self, name: str) -> None:
        """An access to a device, or the entry or the end of an interrupt: it takes its time."""
        self.events[name] += 1
        self.stall += self.config.stall_events.get(name, 0)

    def dma_write(self, address: int, size: int) -> None:
        """A device wrote ``size`` bytes: no cache keeps a line of them."""
        last = address + size - 1
        for cache in (self.l1i, self.l1d, self.l2):
            line = cache.shape.line
            for number in range(address // line, last // line + 1):
                cache.drop(number)
                self.dma_lines += cache is self.l2
