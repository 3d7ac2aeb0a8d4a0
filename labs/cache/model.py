# SPDX-License-Identifier: MIT
"""The counts that a trace must give, by a plain model of the rules in README.md.

It is slow and simple on purpose.  `tests/labs` holds it to the testbed's own model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from labs.cache.traces import FETCH, FIELDS, KINDS, STORE, Config, Event, Shape

Victim = tuple[int, bool] | None  # line, dirty


class Cache(Protocol):
    """What both policies do."""

    shape: Shape

    def touch(self, line: int, *, dirty: bool) -> tuple[bool, Victim]:
        """Whether ``line`` was there, and what went for it."""

    def mark(self, line: int) -> bool:
        """Make ``line`` dirty if it is there, without touching its recency."""

    def drop(self, line: int) -> None:
        """Forget ``line``."""


class LruCache:
    """Each set is a dictionary from line to dirty, the least recently used first."""

    def __init__(self, shape: Shape):
        self.shape = shape
        self.sets: list[dict[int, bool]] = [{} for _ in range(shape.sets)]

    def touch(self, line: int, *, dirty: bool) -> tuple[bool, Victim]:
        """As Cache.touch."""
        held = self.sets[line % len(self.sets)]
        hit = line in held
        held[line] = held.pop(line, False) or dirty
        if len(held) <= self.shape.ways:
            return hit, None
        oldest = next(iter(held))
        return hit, (oldest, held.pop(oldest))

    def mark(self, line: int) -> bool:
        """As Cache.mark."""
        held = self.sets[line % len(self.sets)]
        if line in held:
            held[line] = True
        return line in held

    def drop(self, line: int) -> None:
        """As Cache.drop."""
        self.sets[line % len(self.sets)].pop(line, None)


class PlruCache:
    """Lines stay in their way; a tree of bits points to the way that goes next."""

    def __init__(self, shape: Shape):
        self.shape = shape
        self.ways: list[list[int | None]] = [[None] * shape.ways for _ in range(shape.sets)]
        self.dirty: set[int] = set()
        self.tree = [[0] * shape.ways for _ in range(shape.sets)]  # node 1 is the root

    def touch(self, line: int, *, dirty: bool) -> tuple[bool, Victim]:
        """As Cache.touch."""
        index = line % self.shape.sets
        ways, victim = self.ways[index], None
        hit = line in ways
        if not hit:
            way = ways.index(None) if None in ways else self._find_victim(index)
            if (old := ways[way]) is not None:
                victim = (old, old in self.dirty)
                self.dirty.discard(old)
            ways[way] = line
        self._turn_away(index, ways.index(line))
        if dirty:
            self.dirty.add(line)
        return hit, victim

    def _find_victim(self, index: int) -> int:
        node = 1
        while node < self.shape.ways:
            node = 2 * node + self.tree[index][node]
        return node - self.shape.ways

    def _turn_away(self, index: int, way: int) -> None:
        node = way + self.shape.ways
        while node > 1:
            self.tree[index][node // 2] = 1 - node % 2
            node //= 2

    def mark(self, line: int) -> bool:
        """As Cache.mark."""
        here = line in self.ways[line % self.shape.sets]
        if here:
            self.dirty.add(line)
        return here

    def drop(self, line: int) -> None:
        """As Cache.drop."""
        ways = self.ways[line % self.shape.sets]
        if line in ways:
            ways[ways.index(line)] = None
            self.dirty.discard(line)


@dataclass
class Hierarchy:
    """All three caches and what they counted."""

    config: Config
    counts: list[int] = field(default_factory=lambda: [0] * len(FIELDS))

    def __post_init__(self) -> None:
        self.l1i, self.l1d = LruCache(self.config.l1i), LruCache(self.config.l1d)
        self.l2: Cache = (PlruCache if self.config.plru else LruCache)(self.config.l2)

    def access(self, kind: str, address: int, size: int) -> None:
        """An access of the core, line by line of L1."""
        l1 = self.l1i if kind == FETCH else self.l1d
        line_bytes = l1.shape.line
        for line in range(address // line_bytes, (address + size - 1) // line_bytes + 1):
            hit, victim = l1.touch(line, dirty=kind == STORE)
            if not hit:
                self._miss(KINDS.index(kind), line * line_bytes)
                if victim and victim[1]:
                    below = victim[0] * line_bytes // self.config.l2.line
                    self.counts[6] += not self.l2.mark(below)

    def _miss(self, kind: int, address: int) -> None:
        self.counts[kind] += 1
        hit, victim = self.l2.touch(address // self.config.l2.line, dirty=False)
        self.counts[3 + kind] += not hit
        self.counts[6] += victim is not None and victim[1]

    def dma(self, address: int, size: int) -> None:
        """A device's write."""
        for cache in (self.l1i, self.l1d, self.l2):
            line = cache.shape.line
            for number in range(address // line, (address + size - 1) // line + 1):
                cache.drop(number)
                self.counts[7] += cache is self.l2

    def replay(self, events: Iterable[Event]) -> list[list[int]]:
        """The counts at each event C."""
        seen = []
        for kind, address, size in events:
            if kind == "C":
                seen.append(list(self.counts))
            elif kind == "D":
                self.dma(address, size)
            else:
                self.access(kind, address, size)
        return seen
