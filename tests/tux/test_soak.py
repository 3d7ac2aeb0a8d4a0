# SPDX-License-Identifier: MIT
"""The soak finds nothing in a server that gives everything back, and finds what one keeps."""

from __future__ import annotations

from typing import cast

import pytest

from testbed.guest.slab import HEADING
from tests.tux import soak
from tests.tux.conftest import Start
from tests.tux.machine import Machine
from tests.tux.soak import GROWTH_MAX, MEMORY_MAX_KIB, State

FIRST = State({"filp": 500, "kmalloc-64": 9000}, 800_000)


@pytest.mark.parametrize(
    ("later", "grown"),
    [
        (FIRST, {}),
        (State({"filp": 500 + GROWTH_MAX, "kmalloc-64": 1}, 800_000 - MEMORY_MAX_KIB), {}),
        (State({"filp": 501 + GROWTH_MAX}, 800_000), {"filp": GROWTH_MAX + 1}),
        (State({"tux_req": 1000}, 800_000), {"tux_req": 1000}),  # a cache that was not there
        (State({}, 700_000), {"KiB of memory": 100_000}),
    ],
)
def test_what_has_grown(later: State, grown: dict[str, int]) -> None:
    assert later.find_growth(FIRST) == grown


class Answering:
    """A machine that says one thing."""

    def __init__(self, text: str):
        self.text = text

    def run(self, _: str) -> str:
        """What a command prints."""
        return self.text


@pytest.mark.parametrize(
    ("counted", "account", "left"),
    [
        ({"requests.live": 0, "object.abuf.bytes": 0, "replies.2xx": 9}, "", []),
        ({"object.file.live": 1}, "", ["object.file.live is 1"]),
        ({"object.header.bytes": 3000}, "", ["object.header.bytes is 3000"]),
        ({}, f"requests 9\n{HEADING}\ntux_req 0 3 9 9 0 0 0\n", []),
        ({}, f"{HEADING}\ntux_req 2 3 9 7 0 0 0\n", ["2 of tux_req in the slabs"]),
    ],
)
def test_what_is_left(counted: dict[str, int], account: str, left: list[str]) -> None:
    machine = cast(Machine, Answering(account))
    assert soak.find_left(machine, counted) == left


@pytest.mark.real
def test_two_rounds(start: Start) -> None:
    with start("tux-vm", **soak.KNOBS) as served:
        assert soak.soak(served, minutes=0, round_s=4, seed=1) == []


@pytest.mark.real
def test_what_is_kept_ends_it(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that has grown by more at each look."""
    looks = iter(range(9))

    def grow(_: Machine) -> State:
        return State({"tux_req": next(looks) * (GROWTH_MAX + 1)}, 800_000)

    monkeypatch.setattr(soak, "read_state", grow)
    with start("tux-vm", **soak.KNOBS) as served:
        assert soak.soak(served, minutes=9, round_s=1, seed=1, patience_s=0) == [
            "tux_req: 201 more"
        ]
