# SPDX-License-Identifier: MIT
"""What a stage needs of the pools: what it allocates itself, beyond what is surely held."""

from __future__ import annotations

from hypothesis import given, settings

from stingy.model.results import Edge, EdgeKind, Evidence, Memwalk
from stingy.stingygen.demand import Demand, StageDemand, make_demand
from stingy.stingygen.geometry import load_l2
from stingy.stingygen.map import Map, Parameters
from stingy.stingygen.plan import plan_map
from tests.stingy.demands import WEB, demands
from tests.stingy.results import BUFFER, CONN, HERE, RESULT, make_stage

L2 = load_l2("banias-1400")


def needs(plan: Map, stage: str) -> tuple[dict[str, int], dict[str, int]]:
    """By object instead of pool, for the first object of each pool."""
    found = next(s for s in plan.stages if s.name == stage)
    members = {pool.name: "+".join(sorted(pool.objects)) for pool in plan.pools}
    return (
        {members[name]: n for name, n in found.now.items()},
        {members[name]: n for name, n in found.to_end.items()},
    )


def test_only_what_is_allocated_is_needed() -> None:
    plan = plan_map(WEB, L2, Parameters())
    pools = {name: "+".join(sorted(p.objects)) for p in plan.pools for name in p.objects}
    conn, file, chunk = pools["conn"], pools["file"], pools["chunk"]
    assert needs(plan, "accept")[0] == {conn: 1}
    assert needs(plan, "parse")[0] == {pools["header"]: 1}
    assert needs(plan, "lookup")[0] == {file: 1}  # the header is held, the path is transient
    assert needs(plan, "send")[0][chunk] == 2
    assert needs(plan, "accept")[1][conn] == 1
    assert conn not in needs(plan, "parse")[1]
    assert file not in needs(plan, "send")[1]


def test_what_a_request_holds_perhaps_is_not_needed_by_stages_that_allocate_nothing() -> None:
    stages = (
        StageDemand(name="make", peak={"conn": 1}, allocates=("conn",), later=("make", "use")),
        StageDemand(name="use", peak={"conn": 1}, later=("use",)),  # holds one, perhaps
    )
    plan = plan_map(WEB.model_copy(update={"stages": stages}), L2, Parameters())
    assert [(s.name, bool(s.now), bool(s.to_end)) for s in plan.stages] == [
        ("make", True, True),
        ("use", False, False),
    ]


def edge(source: str, target: str, kind: EdgeKind) -> Edge:
    evidence = [Evidence(location=HERE, function=source, via=[], guard="")]
    return Edge(source=source, target=target, kind=kind, evidence=evidence)


def with_stages(*edges: Edge) -> Memwalk:
    parse = make_stage("parse", [CONN], [CONN, BUFFER], [CONN, BUFFER])
    send = make_stage("send", [CONN], [CONN], [CONN])
    flush = make_stage("flush", [CONN], [CONN], [CONN])
    return RESULT.model_copy(
        update={
            "stages": [
                parse.model_copy(update={"allocates": ["buffer"]}),
                send.model_copy(update={"allocates": []}),
                flush.model_copy(update={"allocates": [], "final": True}),
            ],
            "edges": list(edges),
        }
    )


def stage_of(demand: Demand, name: str) -> StageDemand:
    return next(stage for stage in demand.stages if stage.name == name)


def test_the_next_request_on_a_connection_is_another_one() -> None:
    demand = make_demand(
        with_stages(
            edge("parse", "send", EdgeKind.QUEUE),
            edge("send", "flush", EdgeKind.FLUSH),
            edge("flush", "parse", EdgeKind.QUEUE),
        )
    )
    assert stage_of(demand, "parse").later == ("flush", "parse", "send")
    assert stage_of(demand, "send").later == ("flush", "send")
    assert stage_of(demand, "flush").later == ("flush",)
    plan = plan_map(demand, L2, Parameters())
    complete = {stage.name for stage in plan.stages if not stage.to_end}
    assert complete == {"flush", "send"}  # stingy_holds_all(), paper section 4.5


def test_a_stage_that_is_called_runs_within_its_caller() -> None:
    demand = make_demand(
        with_stages(edge("send", "parse", EdgeKind.DIRECT), edge("parse", "flush", EdgeKind.FLUSH))
    )
    assert stage_of(demand, "send").allocates == ("buffer",)
    assert stage_of(demand, "send").peak == {"conn": 1, "buffer": 1}
    assert stage_of(demand, "flush").allocates == ()


@settings(max_examples=40, deadline=None)
@given(demand=demands())
def test_a_request_takes_no_more_than_its_stage_was_said_to_need(demand: Demand) -> None:
    """By counting: each stage takes what it allocates on top of what was surely there."""
    plan = plan_map(demand, L2, Parameters())
    pool_of = {name: pool.name for pool in plan.pools for name in pool.objects}
    transient = {pool.name for pool in plan.pools if pool.transient}
    for stage, need in zip(demand.stages, plan.stages, strict=True):
        for name in stage.allocates:
            pool = pool_of[name]
            if pool in transient:
                continue
            there = sum(n for held, n in stage.holds.items() if pool_of[held] == pool)
            assert stage.peak[name] <= there + need.now.get(pool, 0)
            assert need.to_end.get(pool, 0) >= need.now.get(pool, 0)
