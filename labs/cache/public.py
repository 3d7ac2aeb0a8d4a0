# SPDX-License-Identifier: MIT
"""The tests that a hand-out contains: one rule after the other."""

from __future__ import annotations

from pathlib import Path

from labs.cache.running import Trial, check_build, write_traces
from labs.cache.traces import Config, Flavour, Shape
from labs.grader.marks import Case

TINY = Shape(64, 1, 64)  # one line: what a test is not about
TRIALS = (
    Trial(
        "direct", 8, "loads, direct-mapped L1D",
        Config(TINY, Shape(1024, 1, 32), Shape(4096, 1, 32)), Flavour(1000),
        "set = line number modulo sets; a set of one way always replaces its line",
    ),
    Trial(
        "lru", 8, "loads, 4-way L1D and 8-way L2, LRU",
        Config(TINY, Shape(1024, 4, 32), Shape(4096, 8, 32)), Flavour(1500),
        "a hit makes its line the most recently used; L2 sees only the misses of L1",
    ),
    Trial(
        "crossing", 8, "accesses that touch several lines",
        Config(TINY, Shape(1024, 2, 32), Shape(4096, 4, 32)), Flavour(1000, crossing=True),
        "the last line is that of address + size - 1; lines go in ascending order",
    ),
    Trial(
        "fetch", 6, "instructions beside data",
        Config(Shape(512, 2, 32), Shape(1024, 2, 32), Shape(4096, 4, 32)),
        Flavour(1500, fetches=50),
        "fetches use L1I, loads and stores L1D, and both the same L2",
    ),
    Trial(
        "writeback", 10, "stores and writebacks",
        Config(TINY, Shape(512, 2, 32), Shape(2048, 4, 32)), Flavour(2000, stores=40),
        "first fill L2, then write back what L1 evicted; only memory counts as a writeback",
    ),
    Trial(
        "lines", 6, "lines of L2 longer than those of L1",
        Config(TINY, Shape(512, 2, 32), Shape(4096, 4, 128)), Flavour(1500, stores=30),
        "number lines by address for each cache; do not pass L1's line number to L2",
    ),
    Trial(
        "dma", 6, "devices write memory",
        Config(Shape(512, 2, 32), Shape(1024, 2, 32), Shape(4096, 4, 64)),
        Flavour(2000, fetches=20, stores=30, devices=10),
        "a dropped line leaves an empty way, and is not written back",
    ),
    Trial(
        "plru", 6, "tree pseudo-LRU in L2",
        Config(TINY, Shape(512, 2, 32), Shape(4096, 8, 32), plru=True), Flavour(2000),
        "hits and fills turn the nodes away; the lowest empty way is filled first",
    ),
)  # fmt: skip
CASES = [
    Case("build", 2, "it compiles and takes an empty trace", check_build),
    *(trial.case() for trial in TRIALS),
]


def prepare(folder: Path, _seed: int, _secret: str) -> None:
    """What a hand-out gets beside its files."""
    write_traces(TRIALS, folder)
