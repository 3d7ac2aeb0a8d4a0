# SPDX-License-Identifier: MIT
"""What is derived from the graph of one function: guards, order, live variables; and linking."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stingy.flow.flowgraph import FlowGraph
from stingy.lower.linking import link
from stingy.lower.lowering import lower
from stingy.lower.sources import Source, clang_flags
from stingy.model.program import Call, Routine, Unit

Lower = Callable[[str, str], Unit]


@pytest.fixture
def lower_text(tmp_path: Path) -> Lower:
    def do(name: str, text: str) -> Unit:
        path = tmp_path / name
        path.write_text(text)
        source = Source(path, name, "gcc", ("-std=gnu17",), tmp_path)
        unit = lower(path, name, tmp_path, clang_flags(source))
        assert not unit.problem
        return unit

    return do


def guards_of_calls(routine: Routine) -> dict[str, str]:
    graph = FlowGraph(routine)
    return {
        step.text: graph.guard(number)
        for number, step in enumerate(routine.steps)
        if isinstance(step, Call) and number in graph.order
    }


def test_guards_are_the_conditions_on_every_path(lower_text: Lower) -> None:
    unit = lower_text(
        "x.c",
        """\
void g(int);
void f(int a, int b)
{
	g(0);
	if (a) {
		g(1);
		if (b > 2)
			g(2);
	} else {
		g(3);
	}
	g(4);
	if (a < 0)
		return;
	g(5);
	while (b)
		g(6);
	switch (a) {
	case 7:
		g(7);
	}
	if (0)
		g(8);
}
""",
    )
    guards = guards_of_calls(unit.routines["f"])
    assert guards["g(0)"] == ""
    assert guards["g(1)"] == "a"
    assert guards["g(2)"] == "a && b > 2"
    assert guards["g(3)"] == "!(a)"
    assert guards["g(4)"] == ""
    assert guards["g(5)"] == "!(a < 0)"
    assert guards["g(6)"] == "!(a < 0) && b"
    assert guards["g(7)"].startswith("!(a < 0)")
    assert "7" in guards["g(7)"]


def test_order_puts_a_step_before_those_that_need_it(lower_text: Lower) -> None:
    unit = lower_text("x.c", "int f(int a) { int b = a ? 1 : 2; return b; }\n")
    routine = unit.routines["f"]
    order = FlowGraph(routine).order
    assert order[0] == 0
    for step, followers in enumerate(routine.successors):
        assert all(order[step] < order[f] for f in followers if step in order)


def test_variables_are_live_up_to_their_last_use(lower_text: Lower) -> None:
    unit = lower_text(
        "x.c", "int g(int); int f(int a) { int b = g(a); int c = g(b); return g(c); }\n"
    )
    routine = unit.routines["f"]
    live = FlowGraph(routine).live
    calls = [n for n, step in enumerate(routine.steps) if isinstance(step, Call)]
    bare = [{name.split("@")[0] for name in live[n]} for n in calls]
    assert "a" in bare[0]
    assert "a" not in bare[1]
    assert "b" in bare[1]
    assert "b" not in bare[2]


def test_static_functions_of_one_name_stay_apart(lower_text: Lower) -> None:
    one = lower_text("a.c", "static int step(void) { return 1; }\nint a(void) { return step(); }\n")
    two = lower_text("b.c", "static int step(void) { return 2; }\nint b(void) { return step(); }\n")
    program = link([one, two])
    assert sorted(program.find("step")) == ["a.c:step", "b.c:step"]
    assert program.find("a") == ["a"]
    assert program.show("a.c:step") == "a.c:step"
    assert program.show("a") == "a"
    assert program.clashes == []


def test_a_function_that_is_defined_twice_is_a_clash(lower_text: Lower) -> None:
    one = lower_text("a.c", "int f(void) { return 1; }\n")
    two = lower_text("b.c", "\nint f(void) { return 2; }\n")
    program = link([one, two])
    ((spot, text),) = program.clashes
    assert (spot.file, spot.line) == ("b.c", 2)
    assert "a.c:1" in text


def test_declarations_and_types_are_found_by_what_users_write(lower_text: Lower) -> None:
    unit = lower_text(
        "a.c", "typedef struct conn { int fd; } conn_t;\nint outside(conn_t *);\n"
        "int f(conn_t *c) { return outside(c); }\n",
    )  # fmt: skip
    program = link([unit])
    assert program.find("outside") == ["outside"]
    assert "outside" not in program.routines
    for written in ("conn_t", "struct conn", "conn", "struct  conn"):
        assert program.record_of(written) == "struct conn"
