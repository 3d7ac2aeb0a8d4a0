# SPDX-License-Identifier: MIT
"""Demands for tests: one written by hand, and random ones."""

from __future__ import annotations

from itertools import combinations

from hypothesis import strategies as st

from stingy.stingygen.demand import Demand, GlobalDemand, ObjectDemand, StageDemand

WEB = Demand(
    server="web",
    pointer_bytes=8,
    objects=(
        ObjectDemand(name="conn", type="struct conn", bytes=1130, alignment=8, hot_bytes=300),
        ObjectDemand(name="header", type="char[]", bytes=3000),
        ObjectDemand(name="file", type="struct file", bytes=140, alignment=8),
        ObjectDemand(name="reply", type="char[]", bytes=1113),
        ObjectDemand(name="chunk", type="struct chunk", bytes=512, per_request=2),
        ObjectDemand(name="path", type="char[]", bytes=256, transient=True),
        ObjectDemand(name="stamp", type="char[]", bytes=64, transient=True),
    ),
    apart=(("chunk", "header"), ("chunk", "reply"), ("path", "stamp")),
    stages=(
        StageDemand(
            name="accept",
            peak={"conn": 1},
            allocates=("conn",),
            later=("accept", "parse", "lookup", "send"),
        ),
        StageDemand(
            name="parse",
            holds={"conn": 1},
            peak={"conn": 1, "header": 1, "stamp": 1},
            allocates=("header", "stamp"),
            later=("lookup", "parse", "send"),
        ),
        StageDemand(
            name="lookup",
            holds={"conn": 1, "header": 1},
            peak={"conn": 1, "header": 1, "file": 1, "path": 1},
            allocates=("file", "path"),
            later=("lookup", "send"),
        ),
        StageDemand(
            name="send",
            holds={"conn": 1, "file": 1},
            peak={"conn": 1, "file": 1, "reply": 1, "chunk": 2},
            allocates=("chunk", "reply"),
            later=("send",),
        ),
    ),
    stack_bytes=900,
    globals=(GlobalDemand(name="head", bytes=8), GlobalDemand(name="table", bytes=5000)),
    helpers=False,
)


@st.composite
def demands(draw: st.DrawFn, most: int = 8) -> Demand:
    """Random objects, lifetimes (through stages) and globals; apart means: no stage has both."""
    names = [f"o{n}" for n in range(draw(st.integers(1, most)))]
    transient = {name for name in names if draw(st.booleans()) and draw(st.booleans())}
    counts = {name: draw(st.integers(1, 3)) for name in names}
    objects = tuple(
        ObjectDemand(
            name=name,
            type=f"struct {name}",
            bytes=size,
            alignment=draw(st.sampled_from([1, 8, 16, 64])),
            per_request=counts[name],
            hot_bytes=draw(st.none() | st.integers(1, size)),
            transient=name in transient,
        )
        for name in names
        for size in [draw(st.integers(1, 5000))]
    )
    lives = [draw(st.sets(st.sampled_from(names))) for _ in range(draw(st.integers(1, 5)))]
    stages = []
    for number, live in enumerate(lives):
        before = lives[number - 1] if number else set()
        stages.append(
            StageDemand(
                name=f"s{number}",
                holds={name: counts[name] for name in sorted((live & before) - transient)},
                peak={name: counts[name] for name in sorted(live)},
                allocates=tuple(sorted(live - before)),
                later=tuple(f"s{n}" for n in range(number, len(lives))),
            )
        )
    apart = [(a, b) for a, b in combinations(names, 2) if not any({a, b} <= live for live in lives)]
    sizes = draw(st.lists(st.integers(1, 9000), max_size=4))
    return Demand(
        server="random",
        pointer_bytes=8,
        objects=objects,
        apart=tuple(apart),
        stages=tuple(stages),
        stack_bytes=draw(st.integers(0, 9000)),
        globals=tuple(GlobalDemand(name=f"g{n}", bytes=b) for n, b in enumerate(sizes)),
        helpers=draw(st.booleans()),
    )
