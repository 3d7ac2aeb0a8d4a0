# SPDX-License-Identifier: MIT
"""Cache geometry and core model: value objects, their checks, their conversion to QEMU's units.

A geometry says what hits and misses; a core model says what a miss costs.  Both are part of the
experiment by value, so that a run's key never depends on the name or the place of a file.
"""

# DEVIATIONS.md: [replacement], [branches]

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

PAGE_BYTES = 4096
SIZE_UNITS = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20}


def parse_size(value: object) -> object:
    """Bytes from ``"32KiB"``, ``"1MiB"`` or a plain number.  ValueError for another text; anything
    else is left to pydantic."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+)\s*(B|KiB|MiB|)", value)
    if match is None:
        raise ValueError(f"{value!r} is not a size such as 4096, '32KiB' or '1MiB'")
    return int(match[1]) * SIZE_UNITS[match[2]]


def parse_rational(value: object) -> Fraction:
    """A fraction from ``3``, ``"2.5"`` or ``"11/10"``; floats are refused since they round."""
    if isinstance(value, Fraction):
        return value
    if isinstance(value, (int, str)) and not isinstance(value, bool):
        try:
            return Fraction(value)
        except (ValueError, ZeroDivisionError) as error:
            raise ValueError(f"not a number or a fraction like '11/10': {value!r}") from error
    raise ValueError(f"write {value!r} as a whole number or as a string like '2.5' or '11/10'")


Bytes = Annotated[int, BeforeValidator(parse_size), Field(gt=0)]
Rational = Annotated[Fraction, BeforeValidator(parse_rational), PlainSerializer(str)]
Cycles = Annotated[Rational, Field(ge=0, le=100_000)]


class Value(BaseModel):
    """Base of everything that enters a run's key: frozen, no unknown fields, no coercion luck."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Cache(Value):
    """One cache level: ``size`` = sets x ``ways`` x ``line``, all in bytes."""

    size: Bytes
    ways: Annotated[int, Field(ge=1, le=32)]
    line: Bytes

    @property
    def sets(self) -> int:
        """Number of sets."""
        return self.size // (self.ways * self.line)

    @property
    def way_bytes(self) -> int:
        """Bytes of one way: the stretch of memory that covers each set once."""
        return self.sets * self.line

    @model_validator(mode="after")
    def check_shape(self) -> Self:
        """Line and sets are powers of two and the product fits, since both index with masks."""
        if not _is_power_of_two(self.line) or not 16 <= self.line <= 256:
            raise ValueError(
                f"line = {self.line} is not a power of two in 16..256; give 32, 64 or 128"
            )
        if self.sets * self.ways * self.line != self.size or not _is_power_of_two(self.sets):
            raise ValueError(
                f"size = {self.size} with ways = {self.ways} and line = {self.line} makes "
                f"{self.size / (self.ways * self.line):g} sets; sets must be a power of two: "
                f"give a size of ways x line x a power of two, such as "
                f"{self.ways * self.line * _nearest_power_of_two(self.sets)}"
            )
        return self


class Tlb(Value):
    """A translation buffer for 4 KiB pages: ``entries`` in sets of ``ways``."""

    entries: Annotated[int, Field(ge=1, le=4096)]
    ways: Annotated[int, Field(ge=1, le=64)]

    @model_validator(mode="after")
    def check_shape(self) -> Self:
        """Entries divide into a power of two of sets."""
        sets, rest = divmod(self.entries, self.ways)
        if rest or not _is_power_of_two(sets):
            raise ValueError(
                f"entries = {self.entries} with ways = {self.ways} does not make a power of two "
                f"of sets; give entries = ways x 16, 32, 64, ..."
            )
        return self


class Geometry(Value):
    """The caches of the server: what hits and what misses.

    ``l2`` is the last level before memory, physically indexed and unified.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    l1i: Cache
    l1d: Cache
    l2: Cache
    policy: Literal["lru", "plru", "random"] = "lru"
    itlb: Tlb
    dtlb: Tlb

    @model_validator(mode="after")
    def check_levels(self) -> Self:
        """What the cache model relies on: see the message of each check."""
        for field, cache in (("l1i", self.l1i), ("l1d", self.l1d)):
            if (cache.ways + 1) * 4 > cache.line:
                raise ValueError(
                    f"{field}: ways = {cache.ways} is too many for line = {cache.line}; the fast "
                    f"path keeps a set's tags in one line; give at most {cache.line // 4 - 1} ways"
                )
            if cache.sets < 2:
                raise ValueError(f"{field}: one set is too few; give at least two")
            if cache.way_bytes > PAGE_BYTES:
                raise ValueError(
                    f"{field}: one way is {cache.way_bytes} bytes, more than a page; virtual and "
                    f"physical index would differ: give at least {cache.size // PAGE_BYTES} ways"
                )
            if cache.line > self.l2.line:
                raise ValueError(
                    f"{field}: line = {cache.line} exceeds l2's line = {self.l2.line}; "
                    f"an L1 line must lie within one L2 line"
                )
        if self.policy == "plru" and not _is_power_of_two(self.l2.ways):
            raise ValueError(f"policy = plru needs a power of two of l2 ways, not {self.l2.ways}")
        return self


class Penalties(Value):
    """Visible cost in core cycles of one miss, by kind of access.

    Visible: what the instruction stream waits for, after what the core hides by running ahead.
    """

    fetch: Cycles
    load: Cycles
    store: Cycles


class Events(Value):
    """Cost in core cycles of what is no cache access and more than an instruction.

    ``mmio_read`` and ``mmio_write`` are accesses to a device's registers in memory, ``port_read``
    and ``port_write`` those to I/O ports, among them the interrupt controller's.  ``interrupt``
    is the entry of an interrupt from a device, its acknowledgement by the core included,
    ``trap`` that of an exception or a software interrupt, ``iret`` the way back from each.
    """

    mmio_read: Cycles
    mmio_write: Cycles
    port_read: Cycles
    port_write: Cycles
    interrupt: Cycles
    trap: Cycles
    iret: Cycles


class Core(Value):
    """What time costs on the server: cycles = instructions x ``base_cpi`` + misses x penalty
    + events x cost.

    ``clock_mhz`` is the core clock; ``base_cpi`` is cycles per instruction with every memory
    stall taken out; ``l1`` is the cost of an L1 miss that hits L2, ``l2`` the further cost of an
    L2 miss, ``itlb`` and ``dtlb`` that of a TLB miss (counted only when the experiment has the
    TLB model on), ``events`` that of devices and interrupts.

    ``l1d_hit`` is the load-to-use latency of a hit in L1D.  It costs no time of its own: what an
    ordinary stream of instructions waits for it is part of ``base_cpi``.  In a chain of loads
    nothing hides it, so the pointer chase spells it out (`testbed.loads.chase`).
    """

    clock_mhz: Annotated[int, Field(ge=1, le=10_000)]
    base_cpi: Annotated[Rational, Field(gt=0, le=100)]
    l1d_hit: Cycles
    l1: Penalties
    l2: Penalties
    itlb: Cycles
    dtlb: Cycles
    events: Events


class ClockRate(Value):
    """Virtual time per icount unit, ``num``/``den`` nanoseconds, in lowest terms."""

    num: Annotated[int, Field(ge=1, lt=1 << 31)]
    den: Annotated[int, Field(ge=1, lt=1 << 31)]

    @classmethod
    def of(cls, ns: Fraction) -> ClockRate:
        """The rate at which one unit lasts ``ns``."""
        return cls(num=ns.numerator, den=ns.denominator)

    @property
    def ns(self) -> Fraction:
        """Nanoseconds per unit, exact."""
        return Fraction(self.num, self.den)


def finalize_rate(core: Core) -> ClockRate:
    """One icount unit is one instruction: it lasts base CPI cycles of the core clock."""
    return ClockRate.of(core.base_cpi * 1000 / core.clock_mhz)


def finalize_stall(core: Core, cycles: Fraction) -> int:
    """``cycles`` of stall in thousandths of an icount unit, rounded to the nearest."""
    return round(cycles * 1000 / core.base_cpi)


def _is_power_of_two(value: int) -> bool:
    return value > 0 and value & (value - 1) == 0


def _nearest_power_of_two(value: int) -> int:
    return 1 << max(0, (max(value, 1)).bit_length() - 1)
