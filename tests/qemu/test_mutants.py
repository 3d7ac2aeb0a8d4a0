# SPDX-License-Identifier: MIT
"""The comparison can fail: each small error put into the C model is found by a trace."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.qemu.cache_library import SOURCE, build_library
from tests.qemu.cache_reference import Config, Shape
from tests.qemu.replay import find_difference, find_filter_difference
from tests.qemu.traces import make_long_trace

LRU = Config(Shape(256, 4, 32), Shape(96, 3, 16), Shape(1536, 12, 64), seed=9)
EIGHT = Config(Shape(1024, 8, 64), Shape(2048, 8, 64), Shape(8 << 10, 8, 64))
CONFIGS = [LRU, replace(LRU, policy="plru"), replace(LRU, policy="random"), EIGHT]

# (name, file behind cache-, text in it, what stands there instead)
MUTANTS = [
    ("hit loses dirty bit", "l1.h", "if (store || (hit && (carry & CACHE_DIRTY)))", "if (store)"),
    ("miss inherits dirty bit", "l1.h", "(hit && (carry & CACHE_DIRTY))", "(carry & CACHE_DIRTY)"),
    ("L1 lacks its last way", "l1.h", "w <= c->ways && !hit; w++", "w < c->ways && !hit; w++"),
    (
        "dirty mark is dropped on a hit's way",
        "l1.h",
        "slot[w] = carry;",
        "slot[w] = carry & ~CACHE_DIRTY;",
    ),
    ("victim of an empty way is believed", "access.h", "(victim ^ line) & l1->index_mask", "0"),
    (
        "only the first line counts",
        "access.h",
        "while (line != last) {\n        line += length;",
        "while (0) {",
    ),
    (
        "last byte is forgotten",
        "access.h",
        "(address + size - 1) & ~(length - 1)",
        "(address + size) & ~(length - 1)",
    ),
    ("fetch goes to L1D", "access.h", "kind == CACHE_FETCH ? &h->l1i : &h->l1d;", "&h->l1d;"),
    ("L2 is indexed by host address", "access.h", "(address - h->base) >>", "address >>"),
    ("L2 hit loses dirty bit", "l2.h", "(hit ? carry & CACHE_DIRTY : 0)", "0"),
    (
        "L2 is FIFO",
        "l2.h",
        "tag[0] = line << 1 | (hit ? carry",
        "if (!hit) tag[0] = line << 1 | (hit ? carry",
    ),
    ("vector L1 loses dirty bit", "l1.h", "store || (hit && (*victim & CACHE_DIRTY))\n", "store\n"),
    ("vector L2 loses dirty bit", "l2.h", "(hit ? *victim & CACHE_DIRTY : 0)", "0"),
    (
        "vector breaks the order",
        "recency.h",
        "{ 5, 0, 1, 2, 3, 4, 6, 7 }",
        "{ 5, 0, 1, 2, 4, 3, 6, 7 }",
    ),
    ("vector evicts another way", "recency.h", "hits | 1u << 7", "hits | 1u << 6"),
    (
        "vector L1 forgets that the first is dirty",
        "l1.h",
        "slot[0] | (slot[0] == slot[1])",
        "slot[0]",
    ),
    ("write-back touches memory always", "access.h", "*found |= CACHE_DIRTY;", "h->n.writeback++;"),
    ("device leaves L1D alone", "hierarchy.c", "cache_l1_dma_write(&h->l1d, address, size);", ""),
    ("device leaves L2 alone", "hierarchy.c", "        cache_l2_invalidate(&h->l2, l);\n", ""),
    ("device misses its last line", "hierarchy.c", "l <= last_l2", "l < last_l2"),
    ("invalidation breaks the order", "l2.c", "for (; found + 1 < end; found++) {", "while (0) {"),
    ("second line stays dirty", "l1.c", "second & CACHE_DIRTY ? slot[0]", "0 ? slot[0]"),
    (
        "PLRU does not see hits",
        "l2.c",
        "if (c->policy == CACHE_PLRU) {",
        "if (!hit && c->policy == CACHE_PLRU) {",
    ),
    ("PLRU points to the newer half", "l2.c", "        if (right) {", "        if (!right) {"),
    (
        "PLRU never picks the last way",
        "l2.c",
        "if (low + span >= c->ways)",
        "if (low + span >= c->ways - 1)",
    ),
    ("random way is of another stream", "l2.c", "z ^ (z >> 31)", "z ^ (z >> 30)"),
    (
        "kernel and user are swapped",
        "access.h",
        "h->n.l2[kind][kernel]++",
        "h->n.l2[kind][!kernel]++",
    ),
    (
        "L2 miss costs no L1 miss",
        "access.h",
        "*stall += h->stall_l2[kind]",
        "*stall = h->stall_l2[kind]",
    ),
    (
        "fetch misses are given to regions",
        "access.h",
        "kind != CACHE_FETCH && h->region",
        "h->region",
    ),
    ("flush forgets L1I", "hierarchy.c", "    cache_l1_flush(&h->l1i);\n", ""),
    ("filter takes clean lines for stores", "hierarchy.h", "slot[kind == CACHE_STORE]", "slot[0]"),
    ("filter takes the next line", "hierarchy.h", "<= c->line - size", "<= c->line - 1"),
]


@pytest.mark.parametrize(
    ("file", "old", "new"), [pytest.param(*m[1:], id=m[0].replace(" ", "-")) for m in MUTANTS]
)
def test_mutant_is_found(
    tmp_path: Path, request: pytest.FixtureRequest, file: str, old: str, new: str
) -> None:
    if "[vector" in request.node.name and "avx2" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this host does not run the vector code")
    for path in SOURCE.glob("cache-*.[ch]"):
        shutil.copy(path, tmp_path)
    text = (tmp_path / f"cache-{file}").read_text()
    assert old in text, "the source changed; adapt this mutant"
    (tmp_path / f"cache-{file}").write_text(text.replace(old, new, 1))
    mutant = build_library(tmp_path, tmp_path, warnings=False)
    found = [
        find_difference(mutant, config, trace, base=0x8000)
        or find_filter_difference(mutant, config, trace, base=0x8000)
        for config in CONFIGS
        for trace in [make_long_trace(11, config, 10_000, ram=1 << 16)]
    ]
    assert any(found)
