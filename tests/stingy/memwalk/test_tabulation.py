# SPDX-License-Identifier: MIT
"""Once the budget is spent: near-linear work, nothing missed, and what is told apart even then."""

from __future__ import annotations

from pathlib import Path

import pytest

from stingy.memwalk.passes import Options, analyse, walk_server
from stingy.memwalk.peaks import MAX_PEAKS, Peaks
from stingy.model.results import Memwalk
from tests.stingy.annotations import QUEUE
from tests.stingy.memwalk.test_ending import HEAD, LOOP, make_optional, write_server
from tests.stingy.synthetic import write_synthetic


def count_steps(folder: Path, lines: int, **kind: int) -> int:
    folder.mkdir()
    path = write_synthetic(folder, lines, **kind)
    return walk_server(path, Options(budget=0)).walk.interpreter.steps


def test_steps_grow_with_the_lines(tmp_path: Path) -> None:
    small, large = (count_steps(tmp_path / str(n), n) for n in (2000, 6000))
    assert large < 5 * small


def test_more_stages_share_the_code_that_they_call(tmp_path: Path) -> None:
    few, many = (count_steps(tmp_path / str(n), 1000, stages=n) for n in (6, 48))
    assert many < 2 * few


def test_more_objects_cost_no_more_than_their_number(tmp_path: Path) -> None:
    few, many = (count_steps(tmp_path / str(n), 1000, parts=n) for n in (4, 32))
    assert many < 8 * few


@pytest.mark.parametrize("budget", [0, 4000])
def test_releases_in_a_row_do_not_double_the_paths(tmp_path: Path, budget: int) -> None:
    count = 40
    source = make_optional(count)
    for number in range(count):
        source = source.replace(f"\tif (req->b{number}) free(", "\tfree(", 1)
    analysis = walk_server(write_server(tmp_path, source), Options(budget=budget))
    assert analysis.walk.interpreter.steps < 60_000


def test_calls_may_be_deeper_than_pythons_stack(tmp_path: Path) -> None:
    depth = 1500
    lines = [f"static void f{depth}(struct req *req) {{ if (!req->b0) req->b0 = malloc(9); }}"]
    lines += [
        f"static void f{n}(struct req *req) {{ if (maybe(req)) f{n + 1}(req); }}"
        for n in reversed(range(depth))
    ]
    source = make_optional(1).replace("static void fill", "\n".join([*lines, "static void fill"]))
    source = source.replace("\tpush(req, use);\n", "\tf0(req);\n\tpush(req, use);\n", 1)
    result = analyse(write_server(tmp_path, source))
    [buffers] = [[one for one in result.objects if one.type != "struct req"]]
    assert {stage for one in buffers for stage in one.allocated_in} == {"fill"}


SHARED = """\
struct req { int state; char *a, *b; };
static void one(struct req *req), two(struct req *req), end(struct req *req);
static void count(struct req *req) { char *text = malloc(5); if (text) free(text); }
static void go(struct req *req, stage *next) { count(req); push(req, next); }
static void one(struct req *req) { req->a = malloc(7); count(req); free(req->a); go(req, two); }
static void two(struct req *req) { req->b = malloc(8); count(req); free(req->b); go(req, end); }
static void end(struct req *req) { count(req); free(req); }
"""


def find_live(result: Memwalk, stage: str) -> set[str]:
    return {live.object for s in result.stages if s.name == stage for live in s.peak}


def test_stages_that_share_a_function_keep_what_is_theirs(tmp_path: Path) -> None:
    """Neither does the edge of one become another's, nor is its buffer live in the other."""
    path = write_server(tmp_path, HEAD + SHARED + LOOP.replace("FIRST", "one"), QUEUE)
    result = analyse(path, Options(budget=0))
    edges = {(edge.source, edge.target) for edge in result.edges}
    assert edges == {("(external)", "one"), ("one", "two"), ("two", "end")}
    names = {one.allocated_in[0]: one.id for one in result.objects if len(one.allocated_in) == 1}
    assert names["one"] not in find_live(result, "two")
    assert names["two"] not in find_live(result, "one")
    text = next(one for one in result.objects if len(one.allocated_in) == 3)
    assert text.max_live == 1
    for stage, own in names.items():
        assert {own, text.id} <= find_live(result, stage)
        assert (own, text.id) not in {(e.first, e.second) for e in result.exclusions}
    vias = {(e.source, v.function): v.via for e in result.edges for v in e.evidence}
    assert vias["one", "go"] == []


GIVEN = """\
struct req { char *a, *b; };
typedef int maker(struct req *req);
static void one(struct req *req), two(struct req *req), end(struct req *req);
static int make_a(struct req *req) { req->a = malloc(7); return !req->a; }
static int make_b(struct req *req) { req->b = malloc(8); return !req->b; }
static int fill_by(struct req *req, maker *make) { return make ? make(req) : 0; }
static int fill(struct req *req, maker *make) { return fill_by(req, make); }
static void one(struct req *req) { fill(req, make_a); free(req->a); push(req, two); }
static void two(struct req *req) { fill(req, make_b); free(req->b); push(req, end); }
static void end(struct req *req) { free(req); }
"""


def test_a_helper_calls_for_each_stage_what_that_gives_it(tmp_path: Path) -> None:
    path = write_server(tmp_path, HEAD + GIVEN + LOOP.replace("FIRST", "one"), QUEUE)
    result = analyse(path, Options(budget=0))
    made = {one.id: one.allocated_in for one in result.objects if one.id != "req"}
    assert made == {"req_a": ["one"], "req_b": ["two"]}


ONCE = """\
struct req { int n; };
static int total;
static void one(struct req *req), two(struct req *req), end(struct req *req);
static void deep(void) { total++; }
static void plain(struct req *req) { deep(); }
static void one(struct req *req) { plain(req); push(req, two); }
static void two(struct req *req) { plain(req); push(req, end); }
static void end(struct req *req) { free(req); }
"""


@pytest.mark.parametrize("budget", [0, 160_000])
def test_what_is_remembered_is_done_by_each_stage_that_calls_it(
    tmp_path: Path, budget: int
) -> None:
    path = write_server(tmp_path, HEAD + ONCE + LOOP.replace("FIRST", "one"), QUEUE)
    result = analyse(path, Options(budget=budget))
    stages = {function.name: function.stages for function in result.functions}
    assert stages["plain"] == stages["deep"] == ["one", "two"]
    [total] = [one for one in result.globals if one.name == "total"]
    assert total.written_by == ["one", "two"]


def test_points_that_one_covers_are_left_out_and_many_become_one() -> None:
    peaks = Peaks()
    assert peaks.add("s", (("a", 1, 1),))
    assert not peaks.add("s", (("a", 1, 1),))
    assert peaks.add("s", (("a", 0, 2),))
    assert list(peaks.all()) == [("s", (("a", 0, 2),))]
    for number in range(MAX_PEAKS):
        assert peaks.add("s", ((f"o{number}", 1, 1),))
    [(_, united)] = peaks.all()
    assert united == (("a", 0, 2), *((f"o{n}", 0, 1) for n in range(MAX_PEAKS)))
