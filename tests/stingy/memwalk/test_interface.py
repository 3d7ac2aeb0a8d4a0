# SPDX-License-Identifier: MIT
"""Figs. 2 and 3: the annotation files of the servers that are here, and their sources."""

from __future__ import annotations

import re
import tomllib

import pytest

from ground.paths import PROJECT
from stingy.lower.linking import Program
from stingy.memwalk.interface import describe_interface, list_interface
from stingy.memwalk.passes import load_program
from stingy.model.annotation_file import read_annotations
from stingy.model.annotations import Annotations
from stingy.model.results import Declaration

SERVERS = PROJECT / "examples"

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


def describe(name: str) -> list[Declaration]:
    file = read_annotations(SERVERS / name / "annotations.toml")
    return describe_interface(file.annotations, load_program(file))


def test_the_table_has_types_in_roles_and_in_c() -> None:
    rows = {row.name: row for row in describe("switchboard")}
    assert rows["call_at"].kind == "Queue_Stage"
    assert rows["call_at"].type == "T x S -> void"
    # As the header says, with the typedefs resolved.
    assert rows["call_at"].signature.startswith("void (struct line *, ")
    assert rows["malloc"].type == "size -> O"
    assert rows["malloc"].signature == "void *(unsigned long)"
    assert rows["malloc"].location is None
    assert rows["line_put"].type == "O -> void"


@pytest.mark.parametrize("name", ["cascade", "switchboard"])
def test_the_place_is_where_the_function_is_defined(name: str) -> None:
    """By a reader that knows no C: a definition's line has the name and begins in column 1.

    It does not see what a macro defines.
    """
    agreed = 0
    for one in describe(name):
        texts = {p: p.read_text().splitlines() for p in sorted((SERVERS / name).glob("*.[ch]"))}
        found = [
            (path.name, number)
            for path, lines in texts.items()
            for number, line in enumerate(lines, 1)
            if re.match(rf"[a-z].*\b{one.name}\(", line)
            and "{" in "".join(lines[number - 1 : number + 2]).split(";", 1)[0]
        ]
        told = [(one.location.file, one.location.line)] if one.location else []
        assert found in ([], told), one.name
        agreed += bool(found)
    assert agreed >= 5


def test_the_listing_is_as_declared() -> None:
    lines = list_interface(describe("cascade")).splitlines()
    assert lines[0] == "Queue_Stage     =  push_stage(T, S)"
    assert "Queue           =  wait_for_socket(T)    [queue: socket]" in lines
    assert "Malloc          =  conn_alloc() -> struct conn" in lines


def test_stores_and_other_forms() -> None:
    annotations = Annotations.model_validate(tomllib.loads(STORES))
    rows = describe_interface(annotations, Program([]))
    assert list_interface(rows).splitlines() == [
        "Queue_Stage  =  struct conn.handler := S    [queue: socket]",
        "Scheduler    =  work()    [in the helper thread]",
        "Malloc       =  posix_memalign(O, _, size)",
        "Free         =  free_conns := O    [releases struct conn; in bury only]",
    ]
    assert [row.signature for row in rows] == ["a store", "", "", "a store"]
    assert [row.type for row in rows] == [
        "S -> void",
        "void -> void",
        "O x size -> void",
        "O -> void",
    ]
    assert [row.wrapper for row in rows] == [True, False, False, True]
