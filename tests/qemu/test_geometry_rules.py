# SPDX-License-Identifier: MIT
"""The C model's geometry rules: each breach is named, and each geometry of the project passes."""

from __future__ import annotations

import ctypes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.hardware.geometry_files import find_geometries, load_geometry
from tests.qemu.cache_library import find_geometry_error
from tests.qemu.cache_reference import Config, Shape
from tests.qemu.replay import find_difference
from tests.qemu.traces import make_long_trace

LINE = "power of two from 16 to 256"
SETS = "size / (ways * line) must be a power of two"
BREACHES = [
    (Shape(32 << 10, 8, 48), True, LINE),
    (Shape(32 << 10, 8, 8), True, LINE),
    (Shape(32 << 10, 8, 512), False, LINE),
    (Shape(32 << 10, 8, 0), False, LINE),
    (Shape(32 << 10, 0, 64), False, SETS),
    (Shape(0, 8, 64), False, SETS),
    (Shape(32 << 10, 7, 64), True, SETS),
    (Shape(48 << 10, 8, 64), False, SETS),
    (Shape((32 << 10) + 1, 8, 64), False, SETS),
    (Shape(4096, 1 << 26, 64), False, SETS),  # ways * line overflows 32 bits
    (Shape(64, 1, 64), True, "two sets"),
    (Shape(64 << 10, 8, 64), True, "page (4096 bytes)"),
    (Shape(8 << 10, 1, 64), True, "page (4096 bytes)"),
    (Shape(64 << 10, 16, 64), True, "fewer than line / 4"),
    (Shape(16 << 10, 8, 32), True, "fewer than line / 4"),
    (Shape(33 * 4096, 33, 64), False, "32 ways"),
]


@pytest.mark.parametrize(("shape", "l1", "rule"), BREACHES)
def test_each_breach_is_named(library: ctypes.CDLL, shape: Shape, l1: bool, rule: str) -> None:
    error = find_geometry_error(library, shape, l1=l1)
    assert error is not None
    assert rule in error


@pytest.mark.parametrize("name", find_geometries())
def test_the_geometries_of_the_project_pass(library: ctypes.CDLL, name: str) -> None:
    geometry = load_geometry(name).geometry
    for cache, l1 in ((geometry.l1i, True), (geometry.l1d, True), (geometry.l2, False)):
        assert (
            find_geometry_error(library, Shape(cache.size, cache.ways, cache.line), l1=l1) is None
        )


shapes = st.builds(
    lambda sets, ways, line: Shape(sets * ways * line, ways, line),
    st.sampled_from([1, 2, 4, 16, 32, 128, 256]),
    st.integers(1, 34),
    st.sampled_from([16, 32, 64, 128, 256]),
)


@given(shapes, shapes)
@settings(max_examples=150, deadline=None)
def test_what_the_rules_let_pass_works(library: ctypes.CDLL, l1: Shape, l2: Shape) -> None:
    """No accepted geometry makes a set's words overlap the next set's."""
    if find_geometry_error(library, l1, l1=True) or find_geometry_error(library, l2, l1=False):
        return
    if l1.line > l2.line:
        return
    config = Config(l1, l1, l2)
    assert find_difference(library, config, make_long_trace(5, config, 1500)) is None
