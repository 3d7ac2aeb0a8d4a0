# SPDX-License-Identifier: MIT
"""Plans: a cache, a slab in given frames, kinds of objects, what each stage needs."""

from __future__ import annotations

from dataclasses import dataclass

from labs.grader.chance import Chance

PAGE_BYTES = 4096


@dataclass(frozen=True)
class Plan:
    """As struct plan in allocator.h."""

    line_bytes: int
    sets: int
    ways_used: int
    frames: tuple[int, ...]
    bytes: tuple[int, ...]
    needs: tuple[tuple[int, ...], ...]  # by stage, then kind

    @property
    def colours(self) -> int:
        """Pages that one way of the cache holds."""
        return self.line_bytes * self.sets // PAGE_BYTES

    @property
    def per_request(self) -> tuple[int, ...]:
        """Objects of each kind that a request has at its end."""
        return tuple(map(sum, zip(*self.needs, strict=True)))

    def lines(self, kind: int) -> int:
        """Lines that an object of ``kind`` takes."""
        return -(-self.bytes[kind] // self.line_bytes)

    @property
    def request_lines(self) -> int:
        """Lines that all objects of one request take."""
        return sum(n * self.lines(kind) for kind, n in enumerate(self.per_request))

    @property
    def usable_lines(self) -> int:
        """Lines of the slab that may hold objects: of each colour as many pages as ways."""
        counts = [0] * self.colours
        for frame in self.frames:
            counts[frame % self.colours] += 1
        pages = sum(min(count, self.ways_used) for count in counts)
        return pages * PAGE_BYTES // self.line_bytes

    def format(self) -> str:
        """The first words that driver.c reads."""
        numbers = [self.line_bytes, self.sets, self.ways_used, len(self.frames)]
        numbers += [len(self.bytes), len(self.needs), *self.frames, *self.bytes]
        for row in self.needs:
            numbers += row
        return " ".join(map(str, numbers))


@dataclass(frozen=True)
class Recipe:
    """Which plans a test draws."""

    line_bytes: int
    sets: int
    ways_used: int
    sizes: tuple[tuple[int, int], ...]  # of each kind: from, to
    needs: tuple[tuple[int, ...], ...]
    scattered: bool  # frames in runs of random colours, some too many; else each way in order


def make_plan(chance: Chance, recipe: Recipe) -> Plan:
    """A plan as the recipe says."""
    colours = recipe.line_bytes * recipe.sets // PAGE_BYTES
    frames: list[int] = []
    if recipe.scattered:
        while min(_count(frames, colours)) < recipe.ways_used:
            first = chance.below(1 << 16)
            frames += range(first, first + chance.between(3, 6))
    else:
        frames = list(range(colours * 5, colours * (5 + recipe.ways_used)))
    sizes = tuple(chance.between(low, high) for low, high in recipe.sizes)
    return Plan(
        recipe.line_bytes, recipe.sets, recipe.ways_used, tuple(frames), sizes, recipe.needs
    )


def _count(frames: list[int], colours: int) -> list[int]:
    counts = [0] * colours
    for frame in frames:
        counts[frame % colours] += 1
    return counts
