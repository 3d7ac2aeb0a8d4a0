# SPDX-License-Identifier: MIT
"""Figs. 2 and 3 of the annotation files that are here."""

from __future__ import annotations

import tomllib

from ground.places import PROJECT
from stingy.annotations import Annotations
from stingy.interface import describe_interface, list_interface

STORES = """
schema = 1
server = { name = "x" }
sources = { files = ["x.c"] }
dispatch = { discipline = "queue" }
requests = { task = "struct conn" }
[[constructs.queue_stage]]
store = "struct conn.handler"
queue = "socket"
[[constructs.scheduler]]
function = "work"
thread = "helper"
[[constructs.malloc]]
function = "posix_memalign"
arguments = ["O", "-", "size"]
[[constructs.free]]
store = "free_conns"
releases = "struct conn"
within = ["bury"]
"""


def load(name: str) -> Annotations:
    path = PROJECT / "tests" / "servers" / name / "annotations.toml"
    return Annotations.model_validate(tomllib.loads(path.read_text()))


def test_the_table_has_types_in_roles_and_in_c() -> None:
    signatures = {"call_at": "void (struct line *, int64_t, handler_fn *)"}
    rows = {row.name: row for row in describe_interface(load("switchboard"), signatures)}
    assert rows["call_at"].construct == "Queue_Stage"
    assert rows["call_at"].type == "T x S -> nothing"
    assert rows["call_at"].signature == signatures["call_at"]
    assert rows["malloc"].type == "size -> O"
    assert rows["line_put"].type == "O -> nothing"


def test_the_listing_is_as_declared() -> None:
    lines = list_interface(load("cascade")).splitlines()
    assert lines[0] == "Queue_Stage     =  push_stage(T, S)"
    assert "Queue           =  wait_for_socket(T)    [queue: socket]" in lines
    assert "Malloc          =  conn_alloc() -> struct conn" in lines


def test_stores_and_other_forms() -> None:
    annotations = Annotations.model_validate(tomllib.loads(STORES))
    assert list_interface(annotations).splitlines() == [
        "Queue_Stage  =  struct conn.handler := S    [queue: socket]",
        "Scheduler    =  work()    [in the helper thread]",
        "Malloc       =  posix_memalign(O, _, size)",
        "Free         =  free_conns := O    [releases struct conn; in bury only]",
    ]
    rows = describe_interface(annotations, {})
    assert [row.signature for row in rows] == ["a store", "", "", "a store"]
    assert rows[2].type == "O x size -> nothing"
