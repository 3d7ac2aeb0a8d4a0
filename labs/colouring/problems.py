# SPDX-License-Identifier: MIT
"""Problems of each family; a secret decides the frames, sizes and order."""

from __future__ import annotations

from dataclasses import replace

from labs.colouring.misses import PAGE_BYTES, Kind, Problem
from labs.grader.chance import Chance

SMALL = (64, 256, 4)  # line bytes, sets, ways: 64 KiB, 4 colours
WIDE = (64, 512, 8)  # 256 KiB, 8 colours
LONG = (128, 128, 4)  # 64 KiB with long lines


def draw_frames(chance: Chance, pages: int, colours: int, *, uneven: bool) -> tuple[int, ...]:
    """Different page frames; ``uneven``: the first half of the pages has two colours only."""
    frames: list[int] = []
    for page in range(pages):
        colour = chance.below(2 if uneven and page < pages // 2 else colours)
        frames.append((100 + page) * 16 * colours + colour)
    return tuple(frames)


def make_pages(chance: Chance, shape: tuple[int, int, int]) -> Problem:
    """Objects of a page, all hot: which pages of the region are used decides everything."""
    line, sets, ways = shape
    colours = line * sets // PAGE_BYTES
    count = colours * ways - 2
    while True:
        frames = draw_frames(chance, 5 * count, colours, uneven=True)
        if all(sum(f % colours == c for f in frames) >= ways for c in range(colours)):
            break
    kind = Kind(PAGE_BYTES, ((0, PAGE_BYTES),))
    return Problem(line, sets, ways, frames, (kind,), (0,) * count)


def make_heads(chance: Chance, shape: tuple[int, int, int]) -> Problem:
    """Objects of a power of two, of which only the head is hot: their heads share few sets."""
    line, sets, ways = shape
    size = chance.pick((1024, 2048))
    kind = Kind(size, ((0, 2 * line),))
    count = sets * ways * 7 // 8 // 2
    pages = count * size // PAGE_BYTES * 3 // 2
    frames = draw_frames(chance, pages, line * sets // PAGE_BYTES, uneven=False)
    return Problem(line, sets, ways, frames, (kind,), (0,) * count)


def make_middles(chance: Chance, shape: tuple[int, int, int]) -> Problem:
    """Two kinds, hot in the middle and at the end, which take turns as requests do."""
    line, sets, ways = shape
    middle = chance.pick((256, 512))
    kinds = (Kind(1536, ((middle, middle + 192),)), Kind(3008, ((0, 60), (2048, 2176))))
    each = -(-192 // line) + 1 + -(-60 // line) + -(-128 // line)
    requests = sets * ways * 3 // 4 // each
    pages = requests * 4608 // PAGE_BYTES * 3 // 2
    frames = draw_frames(chance, pages, line * sets // PAGE_BYTES, uneven=True)
    return Problem(line, sets, ways, frames, kinds, (0, 1) * requests)


def make_crowded(chance: Chance, shape: tuple[int, int, int]) -> Problem:
    """A problem with a placement that has random gaps: some sets are crowded, some just full."""
    problem = make_middles(chance, shape)
    line = problem.line_bytes
    lines = [-(-problem.kinds[kind].bytes // line) for kind in problem.objects]
    room = problem.region_bytes // line - sum(lines)
    starts, end = [], 0
    for count in lines:
        gap = min(room, chance.below(4))
        room -= gap
        starts.append((end + gap) * line)
        end += gap + count
    return replace(problem, starts=tuple(starts))
