# SPDX-License-Identifier: MIT
"""What a placement costs: hot lines by set, and misses of replayed requests."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise

PAGE_BYTES = 4096
ROUNDS = 6


@dataclass(frozen=True)
class Kind:
    """A type of object; of its bytes the ``hot`` ranges (first, behind the last) are touched."""

    bytes: int
    hot: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Problem:
    """As in the hand-out's main.py."""

    line_bytes: int
    sets: int
    ways: int
    frames: tuple[int, ...]
    kinds: tuple[Kind, ...]
    objects: tuple[int, ...]
    starts: tuple[int, ...] = ()

    @property
    def region_bytes(self) -> int:
        """Bytes of the region."""
        return len(self.frames) * PAGE_BYTES

    def describe(self) -> dict[str, object]:
        """What is sent to the student's program."""
        return asdict(self)


def physical_line(problem: Problem, offset: int) -> int:
    """The number of the line in memory in which a byte of the region lies."""
    page, rest = divmod(offset, PAGE_BYTES)
    return (problem.frames[page] * PAGE_BYTES + rest) // problem.line_bytes


def hot_lines(problem: Problem, kind: int, start: int) -> list[int]:
    """Physical lines that a request touches of an object at ``start``."""
    lines = []
    for first, end in problem.kinds[kind].hot:
        low, high = (start + first) // problem.line_bytes, (start + end - 1) // problem.line_bytes
        lines += [
            physical_line(problem, number * problem.line_bytes) for number in range(low, high + 1)
        ]
    return lines


def find_crowded(problem: Problem) -> list[int]:
    """Sets with more hot lines than ways, for the placement that the problem gives."""
    held: dict[int, set[int]] = {}
    for kind, start in zip(problem.objects, problem.starts, strict=True):
        for line in hot_lines(problem, kind, start):
            held.setdefault(line % problem.sets, set()).add(line)
    return sorted(index for index, lines in held.items() if len(lines) > problem.ways)


def find_fault(problem: Problem, starts: list[int]) -> str:
    """Why a placement cannot be, in words; empty if it can."""
    if len(starts) != len(problem.objects):
        return f"{len(starts)} offsets for {len(problem.objects)} objects"
    spans = []
    for number, (kind, start) in enumerate(zip(problem.objects, starts, strict=True)):
        end = start + problem.kinds[kind].bytes
        if start % problem.line_bytes:
            return f"object {number} at {start}: no multiple of {problem.line_bytes}"
        if start < 0 or end > problem.region_bytes:
            return f"object {number} at {start} leaves the region of {problem.region_bytes} bytes"
        spans.append((start, end, number))
    spans.sort()
    for (_, end, one), (start, _, other) in pairwise(spans):
        if start < end:
            return f"objects {one} and {other} overlap at {start}"
    return ""


def count_misses(problem: Problem, starts: list[int]) -> int:
    """Misses of ROUNDS rounds in which all objects are touched in order; LRU."""
    trace = [
        line
        for kind, start in zip(problem.objects, starts, strict=True)
        for line in hot_lines(problem, kind, start)
    ]
    held: list[dict[int, None]] = [{} for _ in range(problem.sets)]
    misses = 0
    for line in trace * ROUNDS:
        ways = held[line % problem.sets]
        if line in ways:
            del ways[line]
        else:
            misses += 1
            if len(ways) == problem.ways:
                del ways[next(iter(ways))]
        ways[line] = None
    return misses


def count_lines(problem: Problem, starts: list[int]) -> int:
    """Different hot lines: the misses that no placement of this cache can avoid."""
    return len(
        {
            line
            for kind, start in zip(problem.objects, starts, strict=True)
            for line in hot_lines(problem, kind, start)
        }
    )


def pack_naively(problem: Problem) -> list[int]:
    """One object behind the other from the start of the region, as an allocator would."""
    starts, end = [], 0
    for kind in problem.objects:
        starts.append(end)
        size = problem.kinds[kind].bytes
        end += -(-size // problem.line_bytes) * problem.line_bytes
    return starts
