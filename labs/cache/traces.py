# SPDX-License-Identifier: MIT
"""Configurations, and traces of random accesses with locality, of the kinds a test is about."""

from __future__ import annotations

from dataclasses import dataclass

from labs.grader.chance import Chance

CHECK_EVERY = 50  # events, between two lines of counts
FETCH, LOAD, STORE = "F", "L", "S"
KINDS = (FETCH, LOAD, STORE)
FIELDS = (
    "L1 fetch misses",
    "L1 load misses",
    "L1 store misses",
    "L2 fetch misses",
    "L2 load misses",
    "L2 store misses",
    "writebacks",
    "lines written by devices",
)

Event = tuple[str, int, int]  # kind (F, L, S, D, C), address, size


@dataclass(frozen=True)
class Shape:
    """Bytes, ways, bytes of a line."""

    size: int
    ways: int
    line: int

    @property
    def sets(self) -> int:
        """How many sets there are."""
        return self.size // self.line // self.ways


@dataclass(frozen=True)
class Config:
    """The hierarchy; ``plru`` is L2's policy, else LRU."""

    l1i: Shape
    l1d: Shape
    l2: Shape
    plru: bool = False

    def format(self) -> str:
        """The first line of a trace."""
        shapes = (self.l1i, self.l1d, self.l2)
        return " ".join(f"{s.size} {s.ways} {s.line}" for s in shapes) + f" {int(self.plru)}"


@dataclass(frozen=True)
class Flavour:
    """What a trace contains, in parts of its events; all else are aligned loads."""

    events: int
    fetches: int = 0
    stores: int = 0
    devices: int = 0
    crossing: bool = False  # accesses of any size at any address
    regions: int = 4  # places between which the accesses jump
    spread: int = 2048  # bytes of a region


def make_trace(chance: Chance, flavour: Flavour) -> list[Event]:
    """A trace that prints its counts after every CHECK_EVERY events."""
    bases = [chance.below(1 << 20) & ~63 for _ in range(flavour.regions)]
    events: list[Event] = []
    for number in range(flavour.events):
        kind = _pick_kind(chance, flavour)
        offset = chance.below(flavour.spread)
        if chance.chance(1, 2):
            offset //= 8  # half of all go to the first eighth of a region
        address = chance.pick(bases) + offset
        events.append(_shape(chance, flavour, kind, address))
        if number % CHECK_EVERY == CHECK_EVERY - 1:
            events.append(("C", 0, 0))
    return events


def _pick_kind(chance: Chance, flavour: Flavour) -> str:
    number = chance.below(100)
    for kind, share in (("F", flavour.fetches), ("S", flavour.stores), ("D", flavour.devices)):
        if number < share:
            return kind
        number -= share
    return "L"


def _shape(chance: Chance, flavour: Flavour, kind: str, address: int) -> Event:
    if kind == "D":
        return kind, address, chance.between(1, 400)
    if flavour.crossing:
        return kind, address, chance.pick((1, 2, 3, 4, 8, 16, 64, 150))
    return kind, address & ~3, 4


def format_trace(first: str, events: list[Event]) -> bytes:
    """The text that main.c reads."""
    lines = [first]
    lines += [
        "C" if kind == "C" else f"{kind} {address:x} {size}" for kind, address, size in events
    ]
    return "\n".join(lines).encode() + b"\n"
