# SPDX-License-Identifier: MIT
"""Packing against brute force: valid, and never a byte above the best partition there is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stingy.stingygen import packing
from stingy.stingygen.packing import Item, Packing, measure_group, pack


def partitions(items: list[Item]) -> Iterator[list[list[Item]]]:
    """All set partitions."""
    if not items:
        yield []
        return
    head, *tail = items
    for rest in partitions(tail):
        yield [[head], *rest]
        for index in range(len(rest)):
            yield [*rest[:index], [head, *rest[index]], *rest[index + 1 :]]


def is_valid(groups: list[list[Item]], conflicts: set[tuple[str, str]]) -> bool:
    return not any(
        (min(a.name, b.name), max(a.name, b.name)) in conflicts
        for group in groups
        for a, b in combinations(group, 2)
    )


def cost(groups: list[list[Item]]) -> int:
    return sum(max(i.bytes for i in g) * max(i.count for i in g) for g in groups)


@st.composite
def instances(draw: st.DrawFn, most: int = 7) -> tuple[list[Item], set[tuple[str, str]]]:
    size = draw(st.integers(1, most))
    items = [
        Item(f"o{n}", 64 * draw(st.integers(1, 60)), draw(st.integers(1, 3))) for n in range(size)
    ]
    pairs = list(combinations([i.name for i in items], 2))
    conflicts = draw(st.sets(st.sampled_from(pairs))) if pairs else set()
    return items, conflicts


@settings(max_examples=150, deadline=None)
@given(instances())
def test_no_partition_is_cheaper(instance: tuple[list[Item], set[tuple[str, str]]]) -> None:
    items, conflicts = instance
    best = min(cost(groups) for groups in partitions(items) if is_valid(groups, conflicts))
    packing = pack(items, conflicts)
    by_name = {i.name: i for i in items}
    groups = [[by_name[name] for name in group] for group in packing.groups]
    assert sorted(name for group in packing.groups for name in group) == sorted(by_name)
    assert is_valid(groups, conflicts)
    assert cost(groups) == packing.cost_bytes == best
    assert packing.optimal
    assert packing.peak_bytes <= best <= packing.separate_bytes


@settings(max_examples=30, deadline=None)
@given(instances(most=20))
def test_larger_sets_are_solved_to_the_bound(
    instance: tuple[list[Item], set[tuple[str, str]]],
) -> None:
    items, conflicts = instance
    packing = pack(items, conflicts)
    assert packing.optimal
    assert pack(list(reversed(items)), conflicts) == packing


def test_nothing_to_pack() -> None:
    assert pack([], set()) == Packing((), 0, 0, 0, 0)


def test_a_numerous_small_object_does_not_share_with_a_large_one() -> None:
    small, large = Item("small", 64, 8), Item("large", 4096, 1)
    assert len(pack([small, large], set()).groups) == 2
    assert measure_group([small, large]) > 64 * 8 + 4096


def test_a_search_that_is_cut_short_still_packs_and_tells_its_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packing, "MOST_NODES", 1)
    items = [Item(f"o{n}", 64 * (1 + n * 37 % 61), 1 + n % 3) for n in range(24)]
    names = [i.name for i in items]
    conflicts = {pair for n, pair in enumerate(combinations(sorted(names), 2)) if n * 7 % 10 < 6}
    made = pack(items, conflicts)
    assert sorted(name for group in made.groups for name in group) == sorted(names)
    assert made.peak_bytes <= made.bound_bytes <= made.cost_bytes <= made.separate_bytes
