# SPDX-License-Identifier: MIT
"""memwalk's result, reduced: what is kept, what is left out and why, what is transient."""

from __future__ import annotations

from stingy.stingygen.demand import find_conflicts, make_demand
from tests.stingy.results import RESULT


def test_objects_without_a_bound_are_left_out_with_the_reason() -> None:
    demand = make_demand(RESULT)
    assert [o.name for o in demand.objects] == ["buffer", "conn", "scratch"]
    reasons = {x.name: x.reason for x in demand.left_out}
    assert "has no bound" in reasons["endless"]
    assert "max_live" in reasons["unbounded"]
    assert "handed over" in reasons["given"]


def test_only_what_no_stage_hands_on_is_transient() -> None:
    transient = {o.name: o.transient for o in make_demand(RESULT).objects}
    assert transient == {"conn": False, "buffer": False, "scratch": True}


def test_hot_bytes_are_those_of_the_fields_that_stages_touch() -> None:
    hot = {o.name: o.hot_bytes for o in make_demand(RESULT).objects}
    assert hot == {"conn": 4, "buffer": None, "scratch": None}


def test_stages_hold_what_is_surely_live_and_reach_their_successors() -> None:
    parse, send = make_demand(RESULT).stages
    assert parse.holds == {}
    assert parse.peak == {"conn": 1, "buffer": 1, "scratch": 1}
    assert parse.later == ("parse", "send")
    assert send.holds == {"conn": 1}  # the buffer may be absent


def test_conflicts_globals_and_stack() -> None:
    demand = make_demand(RESULT)
    assert find_conflicts(demand) == {("buffer", "conn"), ("conn", "scratch")}
    assert [g.name for g in demand.globals] == ["head"]
    assert demand.stack_bytes == 700
    assert not demand.helpers
