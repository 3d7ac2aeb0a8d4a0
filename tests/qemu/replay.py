# SPDX-License-Identifier: MIT
"""Replay a trace through the C model and the reference, and say where they part."""

from __future__ import annotations

import ctypes

import numpy as np

from tests.qemu.cache_library import EFFECT, Array, Hierarchy, open_hierarchy
from tests.qemu.cache_reference import Config, ReferenceHierarchy
from tests.qemu.traces import DMA, FLUSH, RAM, number_region


def run_reference(reference: ReferenceHierarchy, trace: Array) -> Array:
    """What each event did, in the form of Hierarchy.run."""
    effects = np.zeros(len(trace), EFFECT)
    for row, (address, size, kind, kernel) in enumerate(trace.tolist()):
        missed = stall = 0
        if kind == DMA:
            reference.dma_write(address, size)
        elif kind == FLUSH:
            reference.flush()
        else:
            missed, stall = reference.access(kind, address, size, kernel)
        effects[row] = (reference.writebacks, reference.dma_lines, stall, missed, 0)
    return effects


def find_difference(
    library: ctypes.CDLL, config: Config, trace: Array, base: int = 0, ram: int = RAM
) -> str | None:
    """The first disagreement in an effect, a counter or the final contents, in words."""
    numbers, region = number_region(ram // config.l2.line + 1)
    reference = ReferenceHierarchy(config, region)
    want = run_reference(reference, trace)
    with open_hierarchy(library, config, base, numbers) as hierarchy:
        got = hierarchy.run(trace)
        if (parted := np.flatnonzero(got != want)).size:
            row = int(parted[0])
            return f"event {row} {trace[row]}: {EFFECT.names} {got[row]}, reference {want[row]}"
        return compare_counters(hierarchy, reference) or compare_contents(hierarchy, reference)


def compare_counters(hierarchy: Hierarchy, reference: ReferenceHierarchy) -> str | None:
    """The first counter that differs."""
    n = hierarchy.c.n
    got = {
        (level, kind, kernel): counters[kind][kernel]
        for level, counters in (("l1", n.l1), ("l2", n.l2))
        for kind in range(3)
        for kernel in range(2)
    }
    for name, value in got.items():
        if value != reference.counts[name]:
            return f"misses {name}: {value}, reference {reference.counts[name]}"
    for number, value in enumerate(n.region_l2):
        if value != reference.region_l2[number]:
            return f"region {number}: {value}, reference {reference.region_l2[number]}"
    if n.stall_milli != reference.stall:
        return f"stall {n.stall_milli}, reference {reference.stall}"
    return None


def compare_contents(hierarchy: Hierarchy, reference: ReferenceHierarchy) -> str | None:
    """The first set that holds other lines, other dirty bits, or another order."""
    for data, cache in ((False, reference.l1i), (True, reference.l1d)):
        for index in range(cache.shape.sets):
            got = hierarchy.l1_contents(data=data, index=index)
            if got != (want := cache.contents(index)):
                return f"{'L1D' if data else 'L1I'} set {index}: {got}, reference {want}"
    sets = reference.l2.sets
    untouched = {*range(min(64, reference.l2.shape.sets))}
    for index in sorted(untouched | set(sets)):
        got = hierarchy.l2_contents(index)
        want = reference.l2.contents(index)
        if got != want:
            return f"L2 set {index}: {got}, reference {want}"
    return None


def find_filter_difference(
    library: ctypes.CDLL, config: Config, trace: Array, base: int = 0
) -> str | None:
    """What changes (effects, counters, state) when what passes the filter is left out."""
    with (
        open_hierarchy(library, config, base) as plain,
        open_hierarchy(library, config, base) as skipping,
    ):
        every = plain.run(trace)
        some = skipping.run(trace, filtered=True)
        for name in ("writeback", "dma_lines", "stall", "missed"):
            if (every[name] != some[name]).any():
                return f"{name} of event {int(np.flatnonzero(every[name] != some[name])[0])}"
        if plain.counters() != skipping.counters():
            return "counters"
        return None if plain.state() == skipping.state() else "state"
