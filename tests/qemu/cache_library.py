# SPDX-License-Identifier: MIT
"""The cache hierarchy as a library: built with the host's compiler, driven through ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ground.paths import PROJECT
from ground.process import run
from tests.qemu.cache_reference import Config, Shape

SOURCE = PROJECT / "src/qemu/tree/accel/tcg"
PURE = ("cache-geometry.c", "cache-hierarchy.c", "cache-l1.c", "cache-l2.c")
L1_WORDS = 1024
REGIONS = 256
POLICIES = {"lru": 0, "plru": 1, "random": 2}
EVENT = np.dtype([("address", "<u4"), ("size", "<u4"), ("kind", "u1"), ("kernel", "u1")])
EFFECT = np.dtype(
    [
        ("writeback", "<u8"),
        ("dma_lines", "<u8"),
        ("stall", "<u4"),
        ("missed", "u1"),
        ("filtered", "u1"),
    ]
)
U32, U64 = ctypes.c_uint32, ctypes.c_uint64
Array = npt.NDArray[Any]


class CGeometry(ctypes.Structure):
    """CacheGeometry."""

    _fields_ = (("size", U32), ("ways", U32), ("line", U32))


class CL1(ctypes.Structure):
    """CacheL1."""

    _fields_ = (
        ("table", ctypes.POINTER(U32)),
        ("index_mask", U32),
        ("line", U32),
        ("ways", U32),
    )


class CL2(ctypes.Structure):
    """CacheL2."""

    _fields_ = (
        ("tag", ctypes.POINTER(U32)),
        ("tree", ctypes.POINTER(U32)),
        ("random", U64),
        ("set_mask", U32),
        ("ways", U32),
        ("line_shift", U32),
        ("policy", ctypes.c_int),
    )


class CCounters(ctypes.Structure):
    """CacheCounters."""

    _fields_ = (
        ("l1", U64 * 2 * 3),
        ("l2", U64 * 2 * 3),
        ("writeback", U64),
        ("dma_lines", U64),
        ("stall_milli", U64),
        ("region_l2", U64 * REGIONS),
    )


class CHierarchy(ctypes.Structure):
    """CacheHierarchy."""

    _fields_ = (
        ("access", ctypes.c_void_p),
        ("l1i", CL1),
        ("l1d", CL1),
        ("l2", CL2),
        ("base", U32),
        ("stall_l1", U32 * 3),
        ("stall_l2", U32 * 3),
        ("region", ctypes.c_void_p),
        ("n", CCounters),
    )


def build_library(directory: Path, source: Path = SOURCE, *, warnings: bool = True) -> ctypes.CDLL:
    """Compile the C model of ``source`` with the trace driver into ``directory`` and load it."""
    library = directory / "hierarchy.so"
    driver = Path(__file__).with_name("trace_driver.c")
    strict = ("-Wall", "-Wextra", "-Werror") if warnings else ("-w",)
    flags = ("-std=gnu11", "-O2", *strict, "-shared", "-fPIC")
    files = (driver, *(source / name for name in PURE))
    run(["gcc", *flags, "-I", source, "-o", library, *files])
    loaded = ctypes.CDLL(str(library))
    loaded.cache_geometry_error.restype = ctypes.c_char_p
    loaded.cache_hierarchy_init.restype = ctypes.c_bool
    loaded.trace_filter.restype = ctypes.c_bool
    assert loaded.trace_sizeof_hierarchy() == ctypes.sizeof(CHierarchy)
    return loaded


def find_geometry_error(library: ctypes.CDLL, shape: Shape, *, l1: bool) -> str | None:
    """The rule that ``shape`` breaks, in the C model's words."""
    geometry = CGeometry(shape.size, shape.ways, shape.line)
    text: bytes | None = library.cache_geometry_error(ctypes.byref(geometry), ctypes.c_bool(l1))
    return None if text is None else text.decode()


class Hierarchy:
    """A CacheHierarchy; guest-physical 0 is at host address ``base`` (low 32 bits)."""

    def __init__(
        self, library: ctypes.CDLL, config: Config, base: int, region: Array | None = None
    ) -> None:
        self.library = library
        self.base = base
        self.tables = np.zeros((2, L1_WORDS), np.uint32)
        self.c = CHierarchy()
        self.c.stall_l1[:] = config.stall_l1
        self.c.stall_l2[:] = config.stall_l2
        if region is not None:
            self.region = np.ascontiguousarray(region, np.uint8)  # must outlive the C side
            self.c.region = self.region.ctypes.data
        shapes = [CGeometry(s.size, s.ways, s.line) for s in (config.l1i, config.l1d, config.l2)]
        tables = [ctypes.c_void_p(table.ctypes.data) for table in self.tables]
        assert library.cache_hierarchy_init(
            ctypes.byref(self.c),
            *tables,
            *shapes,
            POLICIES[config.policy],
            U64(config.seed),
            U32(base),
        )

    def run(self, trace: Array, *, filtered: bool = False) -> Array:
        """Replay EVENT records (guest-physical addresses); the EFFECT of each."""
        events = np.ascontiguousarray(trace, EVENT).copy()
        with np.errstate(over="ignore"):
            events["address"] += np.uint32(self.base)
        effects = np.zeros(len(events), EFFECT)
        self.library.trace_run(
            ctypes.byref(self.c),
            ctypes.c_void_p(events.ctypes.data),
            U64(len(events)),
            ctypes.c_bool(filtered),
            ctypes.c_void_p(effects.ctypes.data),
        )
        return effects

    def state(self) -> tuple[bytes, bytes, bytes, int]:
        """Every bit that decides what the next access does."""
        sets = self.c.l2.set_mask + 1
        tag = ctypes.string_at(self.c.l2.tag, 4 * sets * self.c.l2.ways)
        tree = ctypes.string_at(self.c.l2.tree, 4 * sets)
        return self.tables.tobytes(), tag, tree, self.c.l2.random

    def counters(self) -> bytes:
        """All counters, as bytes to compare."""
        return bytes(self.c.n)

    def l1_contents(self, *, data: bool, index: int) -> list[tuple[int, bool]]:
        """(line number, dirty) of an L1 set, most recently used first."""
        cache = self.c.l1d if data else self.c.l1i
        step = cache.line // 4
        slot = [
            int(w) for w in self.tables[int(data)][index * step : index * step + cache.ways + 1]
        ]
        words = [slot[0] | (slot[0] == slot[1]), *slot[2:]]
        offset = index * cache.line
        return [
            (((word & ~1) - self.base) % (1 << 32) // cache.line, bool(word & 1))
            for word in words
            if word & ~1 & cache.index_mask == offset
        ]

    def l2_contents(self, index: int) -> list[tuple[int, bool]]:
        """(line number, dirty) of an L2 set, in the order of the C model's ways."""
        ways = self.c.l2.ways
        tags = self.c.l2.tag[index * ways : (index + 1) * ways]
        return [(tag >> 1, bool(tag & 1)) for tag in tags if tag != 0xFFFFFFFF]

    def destroy(self) -> None:
        """Free what the C side allocated."""
        self.library.cache_hierarchy_destroy(ctypes.byref(self.c))


@contextmanager
def open_hierarchy(
    library: ctypes.CDLL, config: Config, base: int = 0, region: Array | None = None
) -> Iterator[Hierarchy]:
    """A hierarchy that is freed with the block."""
    hierarchy = Hierarchy(library, config, base, region)
    try:
        yield hierarchy
    finally:
        hierarchy.destroy()
