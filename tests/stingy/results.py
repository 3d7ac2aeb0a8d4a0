# SPDX-License-Identifier: MIT
"""A memwalk result written by hand: two stages, a structure, a buffer, a scratch object."""

from __future__ import annotations

from stingy.model.results import (
    Edge,
    EdgeKind,
    Evidence,
    Exclusion,
    Global,
    Live,
    Location,
    Memwalk,
    Object,
    ObjectField,
    Site,
    Size,
    StackDepth,
    Stage,
)

HERE = Location(file="server.c", line=1)


def make_object(name: str, size: int | None, **more: object) -> Object:
    site = Site(location=HERE, function="parse", matches="malloc", callee="malloc",
                text="malloc(n)", stages=["parse"])  # fmt: skip
    fields: dict[str, object] = {
        "id": name,
        "type": f"struct {name}",
        "size": Size(kind="constant" if size else "unknown", bytes=size, expression="n"),
        "alignment": 8,
        "fields": [],
        "allocations": [site],
        "frees": [site],
        "handoffs": [],
        "allocated_in": ["parse"],
        "freed_in": ["send"],
        "live_in": ["parse", "send"],
        "max_live": 1,
        "scope": "request",
        "free_list": "",
    }
    return Object.model_validate(fields | more)


def make_stage(name: str, live_in: list[Live], peak: list[Live], live_out: list[Live]) -> Stage:
    return Stage(
        name=name, function=name, label="", location=HERE, entry=name == "parse", final=False,
        flags=[], live_in=live_in, live_out=live_out, peak=peak, peak_bytes=None, stack_bytes=200,
        allocates=[x.object for x in peak], frees=[],
    )  # fmt: skip


CONN = Live(object="conn", least=1, most=1)
BUFFER = Live(object="buffer", least=0, most=1)
SCRATCH = Live(object="scratch", least=0, most=1)

RESULT = Memwalk(
    server="tiny",
    discipline="queue",
    target="x86_64-linux-gnu",
    pointer_bytes=8,
    task="struct conn",
    interface=[],
    units=[],
    functions=[],
    stages=[
        make_stage("parse", [], [CONN, BUFFER, SCRATCH], [CONN, BUFFER]),
        make_stage("send", [CONN, BUFFER], [CONN, BUFFER], []),
    ],
    edges=[
        Edge(
            source="parse",
            target="send",
            kind=EdgeKind.QUEUE,
            evidence=[Evidence(location=HERE, function="parse", via=[], guard="")],
        )
    ],
    stacks=[StackDepth(root="loop", role="scheduler", bytes=700, chain=[], notes=[])],
    objects=[
        make_object(
            "conn",
            700,
            fields=[
                ObjectField(name="fd", offset=0, bytes=4, read_by=["send"], written_by=[]),
                ObjectField(name="cold", offset=4, bytes=690, read_by=[], written_by=[]),
            ],
        ),
        make_object("buffer", 6000),
        make_object("scratch", 100),
        make_object("endless", None),
        make_object("unbounded", 64, max_live=None),
        make_object("given", 64, scope="handed over"),
    ],
    exclusions=[Exclusion(first="scratch", second="buffer")],
    peak_bytes=2848,
    globals=[
        Global(
            name="head", location=HERE, type="struct conn *", bytes=8, constant=False,
            read_by=["parse"], written_by=[],
        ),
        Global(
            name="names", location=HERE, type="char[]", bytes=80, constant=True,
            read_by=["parse"], written_by=[],
        ),
    ],
    unresolved=[],
    warnings=[],
)  # fmt: skip
