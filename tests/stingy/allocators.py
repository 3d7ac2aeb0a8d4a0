# SPDX-License-Identifier: MIT
"""Generated allocators for tests: compiled under the sanitizers, driven, and modelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess

from ground import process
from stingy.stingygen.generate import Target, generate, write_allocator
from stingy.stingygen.map import Map, Pool

DRIVER = Path(__file__).with_name("allocator_driver.c")
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-Wvla", "-Wshadow", "-Wconversion")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
UNLIMITED = (1 << 32) - 1


def compile_driver(plan: Map, folder: Path, *flags: str, compiler: str = "gcc") -> Path:
    """The driver on the allocator of ``plan``; returns the program."""
    write_allocator(generate(plan, Target.USER), folder)
    program = folder / "driver"
    process.run(
        [compiler, "-std=c11", "-O1", "-g", *WARNINGS, "-Wno-sign-conversion", *flags, "-c",
         f"-I{folder}", folder / "stingy.c", "-o", folder / "stingy.o"],
    )  # fmt: skip
    process.run(
        [compiler, "-std=c11", "-O1", "-g", *flags, f"-I{folder}",
         DRIVER, folder / "stingy.o", "-o", program],
    )  # fmt: skip
    return program


def drive(program: Path, commands: Sequence[str], *, check: bool = True) -> CompletedProcess[str]:
    """Run ``commands``; the answers are the lines of stdout."""
    return process.run([program], stdin="\n".join(commands).encode() + b"\n", check=check)


@dataclass
class Model:
    """What an allocator must do, in the simplest words: counters and a list of live objects."""

    plan: Map
    free: dict[str, int] = field(default_factory=dict)
    high_free: dict[str, int] = field(default_factory=dict)
    live: dict[int, str] = field(default_factory=dict)  # offset: object

    def __post_init__(self) -> None:
        self.free = {p.name: p.slots for p in self.plan.pools}
        self.high_free = {p.name: p.high_slots for p in self.plan.pools}

    def pool_of(self, name: str) -> Pool:
        """The pool of an object."""
        return next(p for p in self.plan.pools if name in p.objects)

    def bytes_of(self, name: str) -> int:
        """The size of an object."""
        return next(o.bytes for o in self.plan.objects if o.name == name)

    def allocate(self, name: str, offset: int) -> None:
        """Check where the allocator put an object, or that it had reason to refuse (-1)."""
        pool = self.pool_of(name)
        if offset == -1:
            assert self.free[pool.name] == self.high_free[pool.name] == 0
            return
        inside = self.free[pool.name] > 0
        counts = self.free if inside else self.high_free
        first, slots = (pool.offset, pool.slots) if inside else (pool.high_offset, pool.high_slots)
        counts[pool.name] -= 1
        assert counts[pool.name] >= 0
        distance = offset - self.plan.red_zone_bytes - first
        assert distance % pool.stride_bytes == 0
        assert 0 <= distance // pool.stride_bytes < slots
        end = offset + self.bytes_of(name)
        for start, other in self.live.items():
            assert end <= start or start + self.bytes_of(other) <= offset
        self.live[offset] = name

    def release(self, offset: int, name: str) -> bool:
        """Whether the allocator must take this object back."""
        if offset == -1:  # NULL
            return True
        if self.live.get(offset) != name:
            return False
        del self.live[offset]
        pool = self.pool_of(name)
        inside = offset < self.plan.slab("high").offset
        (self.free if inside else self.high_free)[pool.name] += 1
        return True

    def count_free(self, name: str) -> int:
        """Free slots of an object's pool in the cache slab."""
        return self.free[next(p.name for p in self.plan.pools if name in p.objects)]

    def query(self, stage: int, *, to_end: bool) -> int:
        """How many requests fit at a stage."""
        found = self.plan.stages[stage]
        needs = found.to_end if to_end else found.now
        return min((self.free[name] // n for name, n in needs.items()), default=UNLIMITED)

    def fits(self, batch: Sequence[int], *, to_end: bool) -> bool:
        """Whether a batch fits."""
        total: dict[str, int] = {}
        for number, stage in zip(batch, self.plan.stages, strict=True):
            for name, n in (stage.to_end if to_end else stage.now).items():
                total[name] = total.get(name, 0) + number * n
        return all(self.free[name] >= n for name, n in total.items())
