# SPDX-License-Identifier: MIT
"""The walk of a request: what paths are told apart, on sources that are read by eye."""

from __future__ import annotations

import pytest

from stingy.flow.stages import fits
from stingy.memwalk.passes import analyse
from stingy.model.results import EXTERNAL, EdgeKind, Memwalk
from tests.stingy.annotations import FREE, MALLOC, stack

ANNOTATIONS = f"""\
schema = 1
[server]
name = "x"
[sources]
files = ["x.c"]
flags = ["-std=gnu11", "-O1"]
[dispatch]
{stack("flush")}
[[dispatch.requeue]]
function = "to_helper"
arguments = ["T"]
queue = "helper"
[requests]
task = "struct req"
[[constructs.queue_stage]]
function = "push"
arguments = ["T", "S"]
[[constructs.schedule_stage]]
function = "run_next"
arguments = ["T", "flag"]
[[constructs.scheduler]]
function = "loop"
[[constructs.scheduler]]
function = "helper"
thread = "helper"
{MALLOC}{FREE}"""
SERVER = """\
#include <stdlib.h>
struct req { int state; struct buf *buf; struct file *file; };
struct buf { char text[100]; };
struct file { int fd; };
typedef void stage(struct req *req, int blocking);
extern void push(struct req *req, stage *next);
extern void run_next(struct req *req, int blocking);
extern void runnable(struct req *req);
extern void to_helper(struct req *req);
extern int accept_one(void), wait(void), lookup(struct req *req, int blocking);
extern struct req *take(void);

void flush(struct req *req, int blocking) { free(req->file); free(req); }

static void send(struct req *req, int blocking) { free(req->buf); req->buf = NULL; runnable(req); }

static int open_file(struct req *req)
{
	req->file = malloc(sizeof(*req->file));
	return req->file ? 0 : -12;
}

static void find(struct req *req, int blocking)
{
	int error = 0;

	if (!blocking && lookup(req, 0)) {
		push(req, find);
		to_helper(req);
		return;
	}
	error = open_file(req);
	if (!error) {
		req->buf = malloc(sizeof(*req->buf));
		if (req->buf)
			push(req, send);
	}
	runnable(req);
}

int loop(void)
{
	while (wait()) {
		while (accept_one()) {
			struct req *req = malloc(sizeof(*req));

			if (!req)
				break;
			req->buf = NULL;
			req->file = NULL;
			push(req, find);
			runnable(req);
		}
		run_next(take(), 0);
	}
	return 0;
}

int helper(void) { for (;;) run_next(take(), 1); }
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Memwalk:
    folder = tmp_path_factory.mktemp("requests")
    (folder / "x.c").write_text(SERVER)
    (folder / "x.toml").write_text(ANNOTATIONS)
    return analyse(folder / "x.toml")


def test_edges(result: Memwalk) -> None:
    assert {(e.source, e.target, e.kind) for e in result.edges} == {
        (EXTERNAL, "find", EdgeKind.EXTERNAL),
        ("find", "find", EdgeKind.HELPER),
        ("find", "send", EdgeKind.QUEUE),
        ("find", "flush", EdgeKind.FLUSH),
        ("send", "flush", EdgeKind.FLUSH),
    }


def test_evidence_says_where_and_when(result: Memwalk) -> None:
    (edge,) = (e for e in result.edges if e.target == "send")
    (evidence,) = edge.evidence
    line = SERVER[: SERVER.index("push(req, send)")].count("\n") + 1
    assert (evidence.location.file, evidence.location.line) == ("x.c", line)
    assert "!(error)" in evidence.guard
    assert "req->buf" in evidence.guard


def test_flags_select_paths(result: Memwalk) -> None:
    (find,) = (s for s in result.stages if s.name == "find")
    assert find.flags == [0, 1]


def test_counts_are_exact(result: Memwalk) -> None:
    assert {o.id: o.max_live for o in result.objects} == {"req": 1, "buf": 1, "file": 1}
    flush = next(s for s in result.stages if s.name == "flush")
    assert {one.object: (one.least, one.most) for one in flush.live_in} == {
        "req": (1, 1),
        "file": (0, 1),
    }
    assert not result.warnings


def test_a_request_occupies_what_is_live_together(result: Memwalk) -> None:
    sizes = {o.id: o.size.bytes or 0 for o in result.objects}
    assert result.peak_bytes == sum(sizes.values())
    (first,) = (s for s in result.stages if s.name == "flush")
    assert first.peak_bytes == sizes["req"] + sizes["file"]


def test_functions_fit_an_unknown_pointer_by_their_types() -> None:
    wanted = "int (struct req *, int)"
    assert fits("int (struct req *, int)", wanted)
    assert fits("int (void *, int)", wanted)
    assert fits("int ()", wanted)
    assert not fits("int (struct req *, int, int)", wanted)
    assert not fits("int (int, struct req *)", wanted)
    assert not fits("int (struct req *, long)", wanted)
    assert not fits("struct other (struct req *, int)", wanted)
