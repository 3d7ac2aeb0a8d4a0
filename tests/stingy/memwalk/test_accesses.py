# SPDX-License-Identifier: MIT
"""Which stages touch which globals and fields, for a source that is read by eye."""

from __future__ import annotations

from pathlib import Path

import pytest

from stingy.lower.linking import Program, link
from stingy.lower.lowering import lower
from stingy.lower.sources import Source, clang_flags
from stingy.memwalk.accesses import Accesses, describe_fields, describe_globals, find_accesses

SOURCE = """\
#include <string.h>
struct inner { int low; int high; };
struct conn { struct conn *next; int fd; struct inner inner; char text[40]; int unused; };
static const int limit = 10;
static int counter, other;
int table[8];
extern int elsewhere;
static struct conn *head;

static void push(struct conn *conn)
{
	conn->next = head;
	head = conn;
}

void stage_a(struct conn *conn)
{
	counter++;
	conn->inner.low = limit;
	push(conn);
}

void stage_b(struct conn *conn)
{
	if (conn->fd > table[conn->inner.high])
		memset(conn->text, 0, sizeof(conn->text));
	elsewhere = 1;
}

void never(void)
{
	other = 1;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    folder = tmp_path_factory.mktemp("accesses")
    path: Path = folder / "x.c"
    path.write_text(SOURCE)
    source = Source(path, "x.c", "gcc", ("-std=gnu17",), folder)
    unit = lower(path, "x.c", folder, clang_flags(source))
    assert not unit.problem
    return link([unit])


@pytest.fixture(scope="module")
def accesses(program: Program) -> Accesses:
    (push,) = program.find("push")
    return find_accesses(program, {"stage_a": {"stage_a", push}, "stage_b": {"stage_b", "memset"}})


def test_globals(program: Program, accesses: Accesses) -> None:
    found = {g.name: g for g in describe_globals(program, accesses)}
    assert found.keys() == {"limit", "counter", "table", "head", "elsewhere"}
    assert (found["counter"].read_by, found["counter"].written_by) == (["stage_a"], ["stage_a"])
    assert (found["limit"].constant, found["limit"].written_by) == (True, [])
    assert (found["table"].bytes, found["table"].read_by) == (32, ["stage_b"])
    assert found["table"].written_by == []
    assert found["head"].bytes == 8
    assert found["elsewhere"].written_by == ["stage_b"]
    assert found["head"].location.line == 8


def test_fields(program: Program, accesses: Accesses) -> None:
    fields = {f.name: f for f in describe_fields(program, "struct conn", accesses)}
    assert [*fields] == ["next", "fd", "inner", "text", "unused"]
    assert (fields["next"].offset, fields["next"].written_by) == (0, ["stage_a"])
    assert fields["fd"].read_by == ["stage_b"]
    assert fields["inner"].written_by == ["stage_a"]
    assert fields["inner"].read_by == ["stage_b"]
    assert fields["text"].written_by == ["stage_b"]
    assert (fields["unused"].read_by, fields["unused"].written_by) == ([], [])
    assert describe_fields(program, "struct nothing", accesses) == []
