# SPDX-License-Identifier: MIT
"""A few servers of the fuzzer; `python -m tests.stingy.fuzz --count 1000` runs many."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stingy.fuzz import find_faults
from tests.stingy.programs import Server, make_server


def test_a_seed_gives_the_same_server_and_others_give_others() -> None:
    assert make_server(1).text == make_server(1).text
    assert len({make_server(seed).text for seed in range(20)}) == 20


@pytest.mark.parametrize("seed", range(6))
def test_nothing_true_is_missed_within_the_budget(tmp_path: Path, seed: int) -> None:
    assert find_faults(seed, tmp_path) == []


def test_what_is_missed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Server, "edges", lambda _: {("stage0", "stage99")})
    monkeypatch.setattr(Server, "allocations", lambda _: {("struct part9", "stage0")})
    assert find_faults(0, tmp_path) == ["no edge stage0 -> stage99", "no struct part9 of stage0"]
