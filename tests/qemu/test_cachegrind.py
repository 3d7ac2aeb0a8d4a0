# SPDX-License-Identifier: MIT
"""Misses of recorded user-space traces equal cachegrind's.

Where both mean the same: cachegrind's last level, like our L2, is looked up on L1 misses only, is
write-allocate, true LRU, unified, neither inclusive nor exclusive.  Where they differ:

1. An access that spans two lines is one miss there, one a line here: misses are counted here by
   access.
2. If one of its two lines misses L1, cachegrind looks up both in the last level, we only the one
   that missed, so that recency there differs: hence a program without such accesses for a last
   level that evicts, and any program for one that does not.
3. Read-modify-write is one read there, a load and a store here: the store always hits.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.qemu.cache_library import Array, open_hierarchy
from tests.qemu.cache_reference import FETCH, LOAD, MISSED_L1, MISSED_L2, STORE, Config, Shape
from tests.qemu.valgrind_traces import build_user_workload, count_misses, record_trace

BANIAS = Config(Shape(32 << 10, 8, 64), Shape(32 << 10, 8, 64), Shape(1 << 20, 8, 64))
TUALATIN = Config(Shape(16 << 10, 4, 32), Shape(16 << 10, 4, 32), Shape(512 << 10, 8, 32))
SMALL = Config(Shape(512, 2, 64), Shape(1 << 10, 4, 64), Shape(8 << 10, 8, 64))
TIGHT = Config(Shape(256, 1, 32), Shape(512, 2, 32), Shape(2 << 10, 4, 32))
WIDE = Config(Shape(1 << 10, 4, 32), Shape(2 << 10, 2, 32), Shape(16 << 10, 16, 64))
ENDLESS = Config(Shape(1 << 10, 2, 64), Shape(2 << 10, 4, 64), Shape(16 << 20, 16, 64))
GEOMETRIES = {
    "banias": BANIAS,
    "tualatin": TUALATIN,
    "small": SMALL,
    "tight": TIGHT,
    "wide": WIDE,
}


@dataclass(frozen=True)
class Recorded:
    """A program and all that it accessed."""

    argv: list[str | Path]
    trace: Array


def count_by_access(
    library: ctypes.CDLL, config: Config, trace: Array, *, filtered: bool
) -> dict[str, int]:
    """Misses under cachegrind's names."""
    with open_hierarchy(library, config, base=0xFFFFF000) as hierarchy:
        missed = hierarchy.run(trace, filtered=filtered)["missed"]
    names = {FETCH: ("I1mr", "ILmr"), LOAD: ("D1mr", "DLmr"), STORE: ("D1mw", "DLmw")}
    return {
        name: int((missed[trace["kind"] == kind] & bit > 0).sum())
        for kind, pair in names.items()
        for name, bit in zip(pair, (MISSED_L1, MISSED_L2), strict=True)
    }


@pytest.fixture(scope="module")
def aligned(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """The freestanding workload: no access of it spans lines."""
    folder = tmp_path_factory.mktemp("aligned")
    argv: list[str | Path] = [build_user_workload(folder)]
    return Recorded(argv, record_trace(folder, argv))


@pytest.fixture(scope="module")
def everyday(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """A program of the distribution with loader and C library: many accesses span lines."""
    folder = tmp_path_factory.mktemp("everyday")
    lines = [f"{n * 7919 % 500}\n" for n in range(500)]
    (folder / "input").write_text("".join(lines))
    argv: list[str | Path] = ["sort", "-n", "-o", folder / "output", folder / "input"]
    return Recorded(argv, record_trace(folder, argv))


def spanning(trace: Array, line: int) -> int:
    last = trace["address"] + (trace["size"] - np.uint32(1))
    return int((trace["address"] // line != last // line).sum())


@pytest.mark.parametrize("name", GEOMETRIES)
def test_equals_cachegrind_on_all_levels(
    library: ctypes.CDLL, aligned: Recorded, tmp_path: Path, name: str
) -> None:
    config = GEOMETRIES[name]
    assert spanning(aligned.trace, 32) == 0
    want = count_misses(tmp_path, aligned.argv, config.l1i, config.l1d, config.l2)
    assert want["Ir"] == (aligned.trace["kind"] == FETCH).sum()
    assert want["ILmr"] > 0
    assert want["DLmr"] > 0
    for filtered in (False, True):
        got = count_by_access(library, config, aligned.trace, filtered=filtered)
        assert got == {event: want[event] for event in got}


def test_equals_cachegrind_where_accesses_span_lines(
    library: ctypes.CDLL, everyday: Recorded, tmp_path: Path
) -> None:
    assert spanning(everyday.trace, 64) > 1000
    want = count_misses(tmp_path, everyday.argv, ENDLESS.l1i, ENDLESS.l1d, ENDLESS.l2)
    assert want["Ir"] == (everyday.trace["kind"] == FETCH).sum()
    got = count_by_access(library, ENDLESS, everyday.trace, filtered=True)
    assert got == {event: want[event] for event in got}
