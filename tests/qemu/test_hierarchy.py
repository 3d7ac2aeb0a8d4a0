# SPDX-License-Identifier: MIT
"""The C cache model equals the reference, access by access; its inline filter changes nothing."""

from __future__ import annotations

import ctypes
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.hardware.geometry import Cache
from testbed.hardware.geometry_files import find_geometries, load_geometry
from tests.qemu.cache_library import Array, open_hierarchy
from tests.qemu.cache_reference import FETCH, LOAD, STORE, Config, Shape
from tests.qemu.replay import find_difference, find_filter_difference
from tests.qemu.traces import BASES, DMA, configs, make_long_trace, make_walk, traces

BANIAS = Config(Shape(32 << 10, 8, 64), Shape(32 << 10, 8, 64), Shape(1 << 20, 8, 64))


def shape_of(cache: Cache) -> Shape:
    return Shape(cache.size, cache.ways, cache.line)


def config_of(name: str, policy: str) -> Config:
    geometry = load_geometry(name).geometry
    l1i, l1d, l2 = (shape_of(c) for c in (geometry.l1i, geometry.l1d, geometry.l2))
    return Config(l1i, l1d, l2, policy=policy, seed=7)


@given(st.data(), configs(), st.sampled_from(BASES))
@settings(max_examples=500, deadline=None)
def test_equals_the_reference_on_adversarial_traces(
    library: ctypes.CDLL, data: st.DataObject, config: Config, base: int
) -> None:
    assert find_difference(library, config, data.draw(traces(config)), base) is None


@given(st.data(), configs(), st.sampled_from(BASES))
@settings(max_examples=300, deadline=None)
def test_the_filter_changes_nothing(
    library: ctypes.CDLL, data: st.DataObject, config: Config, base: int
) -> None:
    assert find_filter_difference(library, config, data.draw(traces(config)), base) is None


@pytest.mark.parametrize("policy", ["lru", "plru", "random"])
@pytest.mark.parametrize("name", find_geometries())
def test_equals_the_reference_on_long_traces(library: ctypes.CDLL, name: str, policy: str) -> None:
    config = config_of(name, policy)
    trace = make_long_trace(1, config, 100_000)
    assert find_difference(library, config, trace, 0xFFFFE000) is None
    assert find_filter_difference(library, config, trace, 0xFFFFE000) is None


def test_code_for_eight_ways_does_as_the_code_for_any(library: ctypes.CDLL) -> None:
    """Hosts with AVX2 and without compute the same."""
    trace = make_long_trace(4, BANIAS, 100_000)
    with open_hierarchy(library, BANIAS) as chosen, open_hierarchy(library, BANIAS) as plain:
        for cache in (plain.c.l1i, plain.c.l1d, plain.c.l2):
            cache.eight = False
        assert (chosen.run(trace) == plain.run(trace)).all()
        assert chosen.state() == plain.state()
        assert chosen.counters() == plain.counters()


def test_odd_geometry_on_a_long_trace(library: ctypes.CDLL) -> None:
    odd = Config(Shape(3 << 10, 6, 32), Shape(48 << 10, 12, 64), Shape(96 << 10, 12, 128))
    for policy in ("lru", "plru", "random"):
        config = replace(odd, policy=policy)
        trace = make_long_trace(2, config, 100_000)
        assert find_difference(library, config, trace, 0x12345000) is None


def test_memory_of_almost_4_gib(library: ctypes.CDLL) -> None:
    trace = make_long_trace(3, BANIAS, 20_000, ram=(1 << 32) - 4096)
    assert find_difference(library, BANIAS, trace, 0x7000, ram=1 << 32) is None


def test_the_filter_catches_most_of_a_walk(library: ctypes.CDLL) -> None:
    """It would be exact, and useless, if it caught nothing."""
    with open_hierarchy(library, BANIAS) as hierarchy:
        loads = hierarchy.run(make_walk(0, 4, 4096, LOAD), filtered=True)
        assert loads["filtered"].sum() == 4096 * 15 // 16
        stores = hierarchy.run(make_walk(0, 4, 4096, STORE), filtered=True)
        assert stores["filtered"].sum() == 4096 * 15 // 16  # the first store makes a line dirty
        reload = hierarchy.run(make_walk(4 * 4095, 4, 1, LOAD), filtered=True)
        assert reload["filtered"].all()


def count(effects: Array, bit: int) -> int:
    return int((effects["missed"] & bit > 0).sum())


def test_counts_worked_out_by_hand(library: ctypes.CDLL) -> None:
    """Cold walk, walk that fits L2 only, and walk that fits nothing."""
    with open_hierarchy(library, BANIAS) as hierarchy:
        cold = hierarchy.run(make_walk(0, 64, 16384, LOAD))
        assert (count(cold, 1), count(cold, 2)) == (16384, 16384)
        warm = hierarchy.run(make_walk(0, 64, 16384, LOAD))  # exactly L2, 32 times L1D
        assert (count(warm, 1), count(warm, 2)) == (16384, 0)
        assert set(warm["stall"]) == {BANIAS.stall_l1[LOAD]}
        larger = hierarchy.run(np.tile(make_walk(0, 64, 9 * 2048, LOAD), 2))
        assert count(larger[9 * 2048 :], 2) == 9 * 2048  # nine lines a set: LRU keeps none


def test_a_written_line_is_written_back_once(library: ctypes.CDLL) -> None:
    one_line = Config(Shape(128, 1, 64), Shape(128, 1, 64), Shape(64, 1, 64))
    store, load = make_walk(0, 4, 1, STORE), make_walk(0, 4, 1, LOAD)
    push_out = make_walk(128, 4, 1, LOAD)
    with open_hierarchy(library, one_line) as hierarchy:
        assert hierarchy.run(store)["writeback"][0] == 0
        # L2 has dropped its copy for the new line before L1D hands the dirty one down.
        assert hierarchy.run(push_out)["writeback"][0] == 1
        assert hierarchy.run(np.concatenate([load, push_out]))["writeback"][-1] == 1


def test_instruction_fetch_does_not_see_the_data_cache(library: ctypes.CDLL) -> None:
    """A line that is stored to stays in L1I; a device's write takes it out of both."""
    fetch, store = make_walk(0, 4, 1, FETCH), make_walk(0, 4, 1, STORE)
    with open_hierarchy(library, BANIAS) as hierarchy:
        effects = hierarchy.run(np.concatenate([fetch, store, fetch, store]))
        assert list(effects["missed"]) == [3, 1, 0, 0]
        device = make_walk(60, 4, 1, DMA)
        effects = hierarchy.run(np.concatenate([device, fetch, store]))
        assert list(effects["missed"]) == [0, 3, 1]
        assert effects["dma_lines"][0] == 1
