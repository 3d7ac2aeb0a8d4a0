# SPDX-License-Identifier: MIT
"""States of a followed request: stores, merging, widening."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stingy.flow.values import AccessPath, Instance, Signs, Value
from stingy.memwalk.merging import Merger
from stingy.memwalk.stacks import Stacks
from stingy.memwalk.states import MANY, Pending, Property, State, merge, widen

CONN: AccessPath = (("object", "conn", ""),)
FD: AccessPath = (*CONN, ("struct conn", "fd"))
HEADER: AccessPath = (*CONN, ("struct conn", "header"))
TEXT: AccessPath = (*HEADER, ("struct header", "text"))


def make(live: tuple[tuple[str, int, int | None], ...] = (), **facts: Value) -> State:
    places = {"fd": FD, "header": HEADER}
    return State(Property(live=live), {places[name]: value for name, value in facts.items()})


def test_a_store_forgets_the_parts() -> None:
    state = State(Property(), {HEADER: 1, TEXT: 2, FD: 3})
    after = state.set(HEADER, 0)
    assert dict(after.facts) == {HEADER: 0, FD: 3}
    assert dict(state.facts) == {HEADER: 1, TEXT: 2, FD: 3}
    assert dict(after.set(FD, None).facts) == {HEADER: 0}


def test_merging_keeps_what_both_know() -> None:
    merged = merge(make(fd=3, header=0), make(fd=5))
    assert dict(merged.facts) == {FD: Signs(4)}


def test_states_with_other_objects_stay_apart() -> None:
    with_header = make((("header", 1, 1),), header=Instance("header"), fd=1)
    without = make((), header=0, fd=2)
    again = make((), header=0, fd=0)
    kept, wide = Merger().collect([with_header, without, again], limit=10)
    assert len(kept) == 2
    assert not wide
    (bare,) = [state for state in kept if not state.property.live]
    assert dict(bare.facts) == {HEADER: 0, FD: Signs(6)}


def test_beyond_the_limit_counts_become_ranges() -> None:
    states = [make((("part", n, n),)) for n in range(1, 6)]
    merger = Merger(Stacks(8))
    ((wide,), _) = merger.collect([*states, make()], limit=3)
    assert wide.property.live == (("part", 0, 5),)
    pending = State(Property(pending=(Pending("stage"),)), {})
    assert len(merger.collect([*states, pending], limit=3)[0]) == 2
    assert len(Merger().collect([*states, pending], limit=3)[0]) == 2
    several = [State(Property(pending=(Pending("stage"), Pending(f"s{n}"))), {}) for n in range(4)]
    assert len(Merger().collect(several, limit=3)[0]) == 1


def test_many_is_without_a_bound() -> None:
    state = make().with_count("part", MANY + 1, MANY + 1)
    assert state.count("part") == (MANY, None)
    assert make().with_count("part", 0, 0).property.live == ()
    assert state.count("other") == (0, 0)


counts = st.dictionaries(
    st.sampled_from("abc"), st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=3
).map(lambda d: tuple((o, min(p), max(p)) for o, p in sorted(d.items()) if max(p)))


@given(st.lists(counts, min_size=1, max_size=6))
def test_widening_covers_every_state(
    all_counts: list[tuple[tuple[str, int, int | None], ...]],
) -> None:
    states = [make(one) for one in all_counts]
    wide = widen(states)
    for state in states:
        for name in "abc":
            low, high = state.count(name)
            least, most = wide.count(name)
            assert least <= low
            assert most is None or (high is not None and high <= most)
