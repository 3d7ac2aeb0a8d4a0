# SPDX-License-Identifier: MIT
"""Traces that make caches err: conflict strides, line and wrap-around edges, devices that write."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

from ground.seeds import generator
from tests.qemu.cache_library import EVENT, Array
from tests.qemu.cache_reference import Config, Shape

DMA, FLUSH = 3, 4
RAM = 4 << 20  # bytes of guest memory of the short traces

L1_SHAPES = [
    Shape(32, 1, 16),  # two sets of one way
    Shape(96, 3, 16),
    Shape(256, 4, 32),
    Shape(1792, 7, 32),
    Shape(1024, 2, 256),
    Shape(16 << 10, 4, 32),  # Tualatin
    Shape(32 << 10, 8, 64),  # Banias
    Shape(48 << 10, 12, 64),
]
L2_SHAPES = [
    Shape(16, 1, 16),  # a single line
    Shape(64, 1, 64),
    Shape(256, 2, 32),
    Shape(768, 3, 64),
    Shape(1536, 12, 64),
    Shape(8192, 32, 256),
    Shape(512 << 10, 8, 32),
    Shape(768 << 10, 12, 64),
    Shape(1 << 20, 8, 64),
]
BASES = [0, 0x1000, 0x7FFFF000, 0xFFFFF000, (1 << 32) - RAM // 2, 0xABCDE000]


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Geometries whose L1 lines fit an L2 line, of all policies, with telling stalls."""
    l2 = draw(st.sampled_from(L2_SHAPES))
    l1 = st.sampled_from([s for s in L1_SHAPES if s.line <= l2.line])
    stalls = st.tuples(*[st.integers(0, 200_000)] * 3)
    return Config(
        l1i=draw(l1),
        l1d=draw(l1),
        l2=l2,
        policy=draw(st.sampled_from(["lru", "plru", "random"])),
        seed=draw(st.integers(0, (1 << 64) - 1)),
        stall_l1=draw(stalls),
        stall_l2=draw(stalls),
    )


def addresses(config: Config) -> st.SearchStrategy[int]:
    """Addresses that collide: a few lines apart by the strides of each cache, near line edges."""
    strides = sorted({s.way for s in (config.l1i, config.l1d, config.l2)})
    line = config.l1d.line

    def place(stride: int, times: int, lines: int, offset: int) -> int:
        return (stride * times + lines * line + offset) % (RAM - 4096)

    edges = st.sampled_from([0, 1, line // 2, line - 1, line - 2, line - 8])
    return st.builds(place, st.sampled_from(strides), st.integers(0, 34), st.integers(0, 2), edges)


@st.composite
def traces(draw: st.DrawFn, config: Config) -> Array:
    """A short trace for ``config``: mostly accesses, some device writes, a rare flush."""
    sizes = st.sampled_from([1, 2, 4, 8, 10, 16, 3 * config.l1d.line])
    where, mode = addresses(config), st.integers(0, 1)
    access = st.tuples(where, sizes, st.sampled_from([0, 1, 1, 2, 2]), mode)
    device = st.tuples(where, st.sampled_from([1, 4, 60, 1514]), st.just(DMA), st.just(0))
    flush = st.tuples(st.just(0), st.just(1), st.just(FLUSH), st.just(0))
    event = st.one_of(access, access, access, access, access, device, flush)
    rows = draw(st.lists(event, min_size=1, max_size=120))
    return np.array(rows, EVENT)


def make_long_trace(seed: int, config: Config, length: int, ram: int = RAM) -> Array:
    """A long trace with locality: hot lines, walks, colliding lines, device writes to buffers."""
    rng = generator(seed, "trace")
    trace = np.zeros(length, EVENT)
    hot = rng.zipf(1.3, length) % (ram // 64) * 64
    walk = np.arange(length) * 24 % (ram // 2)
    collide = rng.integers(0, 3 * config.l2.ways, length) * config.l2.way % (ram - 8192)
    pick = rng.choice(3, length, p=[0.5, 0.25, 0.25])
    base = np.choose(pick, [hot, walk, collide])
    trace["address"] = (base + rng.integers(0, 64, length)) % (ram - 8192)
    trace["kind"] = rng.choice(5, length, p=[0.3, 0.4, 0.2895, 0.01, 0.0005])
    trace["size"] = rng.choice([1, 2, 4, 8, 16], length)
    device = trace["kind"] == DMA
    trace["size"][device] = rng.integers(1, 1515, int(device.sum()))
    trace["kernel"] = rng.integers(0, 2, length)
    return trace


def make_walk(start: int, stride: int, count: int, kind: int) -> Array:
    """``count`` 4-byte accesses, ``stride`` bytes apart."""
    trace = np.zeros(count, EVENT)
    trace["address"] = start + stride * np.arange(count)
    trace["size"] = 4
    trace["kind"] = kind
    return trace


def number_region(lines: int) -> tuple[Array, Callable[[int], int]]:
    """A region number for each L2 line, as a table and as a function."""
    numbers = (np.arange(lines) * 37 % 251).astype(np.uint8)
    return numbers, lambda line: line * 37 % 251
