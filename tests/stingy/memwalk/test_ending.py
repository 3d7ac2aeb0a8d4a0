# SPDX-License-Identifier: MIT
"""The walk ends on servers whose paths are too many, and what it then says is still true."""

from __future__ import annotations

from pathlib import Path

import pytest

from ground.errors import UsageError
from stingy.flow.values import Instance, Perhaps
from stingy.memwalk.merging import Merger, Point
from stingy.memwalk.passes import Options, analyse, walk_server
from stingy.memwalk.progress import Progress
from stingy.memwalk.report import render_page
from stingy.memwalk.stacks import Stacks, rest_of
from stingy.memwalk.states import BELOW, REST, THRESHOLDS, Pending, Property, State, grow, widen
from stingy.memwalk.summaries import Results, Summaries
from stingy.model.results import Memwalk, WarningKind, load_result
from tests.stingy.annotations import annotate, stack

STACK = stack("finish")
HEAD = """\
#include <stdlib.h>
struct req;
typedef void stage(struct req *req);
extern void push(struct req *req, stage *next), run_next(struct req *req);
extern void runnable(struct req *req);
extern int maybe(struct req *req);
extern struct req *take(void);
"""
LOOP = """
void loop(void)
{
	for (;;) {
		struct req *found, *new = maybe(0) ? calloc(1, sizeof(*new)) : NULL;

		if (new) {
			push(new, FIRST);
			runnable(new);
		}
		found = take();
		if (found)
			run_next(found);
	}
}
"""


def make_stacks(count: int) -> str:
    """Stages that push any number of any stages: every stack of every depth comes up."""
    names = [f"s{number}" for number in range(count)]
    cases = "".join(f"\tcase {n}: push(req, {name}); break;\n" for n, name in enumerate(names))
    body = f"{{\nagain:\n\tswitch (maybe(req)) {{\n{cases}\t}}\n\tif (maybe(req)) goto again;\n"
    stages = "".join(
        f"static void {n}(struct req *req)\n{body}\trunnable(req);\n}}\n" for n in names
    )
    declared = "".join(f"static void {name}(struct req *req);\n" for name in names)
    finish = "void finish(struct req *req) { free(req); }\n"
    return (
        f"{HEAD}struct req {{ int x; }};\n{declared}{finish}{stages}{LOOP.replace('FIRST', 's0')}"
    )


def make_optional(count: int) -> str:
    """A request that holds any of some buffers, each tied to its pointer."""
    fields = "".join(f"char *b{n}; " for n in range(count))
    give = "".join(f"\tif (maybe(req)) req->b{n} = malloc({100 + n});\n" for n in range(count))
    drop = "".join(f"\tif (req->b{n}) free(req->b{n});\n" for n in range(count))
    some = "".join(
        f"\tif (maybe(req)) {{ free(req->b{n}); req->b{n} = NULL; }}\n" for n in range(count)
    )
    again = "\tif (maybe(req)) push(req, use);\n\trunnable(req);\n"
    return (
        f"{HEAD}struct req {{ {fields}}};\nstatic void use(struct req *req);\n"
        f"void finish(struct req *req) {{\n{drop}\tfree(req);\n}}\n"
        f"static void fill(struct req *req) {{\n{give}\tpush(req, use);\n\trunnable(req);\n}}\n"
        f"static void use(struct req *req) {{\n{some}{again}}}\n{LOOP.replace('FIRST', 'fill')}"
    )


def write_server(folder: Path, source: str, dispatch: str = STACK) -> Path:
    (folder / "x.c").write_text(source)
    text = annotate(
        "x", task="struct req", queue="push", run="run_next", loop="loop", dispatch=dispatch
    )
    (folder / "x.toml").write_text(text)
    return folder / "x.toml"


def find_edges(result: Memwalk) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in result.edges}


@pytest.mark.parametrize("count", [2, 4, 7])
def test_stacks_of_every_kind_end(tmp_path: Path, count: int) -> None:
    analysis = walk_server(write_server(tmp_path, make_stacks(count)), Options(budget=4000))
    assert analysis.walk.interpreter.steps < 40_000
    edges = set(analysis.findings.edges)
    names = [f"s{number}" for number in range(count)]
    pairs = {(source, target) for source, target, _ in edges}
    assert pairs >= {(one, two) for one in names for two in [*names, "finish"]}
    assert any(kind is WarningKind.MERGED for kind, _, _ in analysis.findings.warnings)


def test_a_smaller_budget_finds_no_less(tmp_path: Path) -> None:
    path = write_server(tmp_path, make_stacks(2))
    exact = find_edges(analyse(path, Options(budget=12_000)))
    for budget in (0, 100, 1000):
        assert find_edges(analyse(path, Options(budget=budget))) >= exact


@pytest.mark.parametrize("budget", [0, 160_000])
def test_optional_objects_keep_their_bounds(tmp_path: Path, budget: int) -> None:
    result = analyse(write_server(tmp_path, make_optional(8)), Options(budget=budget))
    buffers = [one for one in result.objects if one.id != "req"]
    assert [one.max_live for one in buffers] == [1] * 8
    assert not [w for w in result.warnings if w.kind is WarningKind.DOUBLE_FREE]


def test_a_recursion_that_branches_ends(tmp_path: Path) -> None:
    """A parser by recursive descent: each of its functions may call each."""
    names = [f"parse{number}" for number in range(9)]
    calls = "".join(f"\tif (maybe(req)) {name}(req);\n" for name in names)
    keep = "\tif (!req->b0) req->b0 = malloc(10);\n"
    parsers = "".join(f"static void {n}(struct req *req) {{\n{keep}{calls}}}\n" for n in names)
    declared = "".join(f"static void {name}(struct req *req);\n" for name in names)
    source = make_optional(1).replace("static void fill", f"{declared}{parsers}static void fill")
    source = source.replace("\tpush(req, use);\n", "\tparse0(req);\n\tpush(req, use);\n", 1)
    analysis = walk_server(write_server(tmp_path, source))
    assert analysis.walk.interpreter.steps < 200_000
    assert analysis.lifetimes.most("req_b0") == 1


def test_what_was_found_before_an_interruption_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_server(tmp_path, make_stacks(2))
    whole = analyse(path, Options(budget=6000))
    assert not whole.partial

    def interrupt(progress: Progress, steps: int, followed: int, waiting: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "watch", interrupt)
    result = analyse(path, Options(budget=6000))
    assert result.partial
    assert result.edges
    assert not result.exclusions
    assert "Partial:" in render_page(result)
    (tmp_path / "memwalk.json").write_bytes(result.to_json())
    with pytest.raises(UsageError, match="partial"):
        load_result(tmp_path / "memwalk.json")


def test_progress_is_told_to_who_waits_and_never_to_a_result() -> None:
    told: list[str] = []
    seconds = iter([0.0, 1.0, 6.0, 7.0, 12.0])
    progress = Progress(1000, told.append, lambda: next(seconds))
    for steps in (100, 600, 700, 1200):
        progress.watch(2 * steps, steps, 3)
    assert told == [
        "1,200 steps in 6 s, 3 states wait; paths are followed one by one for 4 s more at most",
        "2,400 steps in 12 s, 3 states wait; the budget is spent: paths are merged where they meet",
    ]


# -- the parts -----------------------------------------------------------------------------------


def test_a_cut_stack_forgets_no_stage() -> None:
    stacks = Stacks(8)
    assert stacks.cut((Pending("a"), Pending("b"), Pending("c"))) == (Pending(REST), Pending("c"))
    assert stacks.below == {"c": {"b"}, "b": {"a"}, "a": {""}}
    seen: list[str] = []
    stacks.follow("b", seen.append)
    stacks.note("b", "d")
    assert seen == ["a", "d"]
    assert rest_of("a") == (Pending(REST), Pending("a"))
    assert rest_of("") == ()


def test_a_stack_that_is_too_deep_keeps_its_bottom_in_mind() -> None:
    stacks = Stacks(2)
    stack, deep = stacks.push((Pending("a"), Pending("b")), Pending("c"))
    assert deep
    assert [one.stage for one in stack] == [REST, "c"]
    assert stacks.below == {"c": {"b"}, "b": {"a"}, "a": {""}}


def test_what_is_found_is_put_on_what_the_request_had() -> None:
    stacks = Stacks(8)
    cut = stacks.cut((Pending(BELOW), Pending("a"), Pending("b")))
    assert stacks.join((Pending("a"),), (Pending("x"),)) == (Pending("x"), Pending("a"))
    assert stacks.join(cut, (Pending("x"),)) == (Pending(REST), Pending("b"))
    assert "x" in stacks.below["a"]


def hold(*live: tuple[str, int, int], **pointers: object) -> State:
    facts = {(("variable", name, "f"),): value for name, value in pointers.items()}
    return State(Property(live=live), facts)  # type: ignore[arg-type]


def test_a_pointer_stays_tied_to_its_object() -> None:
    place = (("variable", "p", "f"),)
    merged = widen([hold(("o", 1, 1), p=Instance("o")), hold(p=0)])
    assert merged.get(place) == Perhaps("o")
    assert merged.count("o") == (0, 1)
    assert merged.decide("o", live=True).count("o") == (1, 1)
    assert merged.decide("o", live=False).get(place) == 0
    assert merged.with_count("o", 1, 2).get(place) is None


def test_a_pointer_is_not_tied_where_the_object_may_be_elsewhere() -> None:
    place = (("variable", "p", "f"),)
    leaked = hold(("o", 1, 1), p=0)
    assert not isinstance(widen([hold(("o", 1, 1), p=Instance("o")), leaked]).get(place), Perhaps)


def test_counts_that_grow_go_from_threshold_to_threshold() -> None:
    state, rounds = hold(("o", 0, 1)), 0
    while state.count("o")[1] is not None:
        high = state.count("o")[1] or 0
        state = grow(state, hold(("o", 0, high + 1)))
        rounds += 1
    assert rounds == len(THRESHOLDS)


def test_a_point_holds_no_more_states_than_it_may() -> None:
    stacks = Stacks(8)
    point = Point(Merger(stacks))
    for depth in range(1, 9):
        for number in range(40):
            stages = (Pending(f"s{number % 3}"),) * depth
            point.add([State(Property(live=(("o", number, number),), pending=stages), {})], 16)
    assert len(list(point.states())) <= 17 + 5 + 2 * 3


def test_a_question_inside_of_itself_is_a_fixpoint() -> None:
    """even(n) asks odd(n), which asks even(n) again: both see what the other adds."""
    summaries = Summaries()
    states = {name: hold((name, 1, 1)) for name in ("a", "b", "c")}

    def unite(old: Results, new: Results) -> Results:
        known = {id(state) for _, state in old}
        fresh = [one for one in new if id(one[1]) not in known]
        return [*old, *fresh] if fresh else old

    def even() -> Results:
        return [(None, states["a"]), *summaries.answer("odd", odd, unite)]

    def odd() -> Results:
        inner = summaries.answer("even", even, unite)
        own = summaries.answer("odd", odd, unite)
        return [(None, states["b"]), *inner, *([(None, states["c"])] if len(own) > 1 else [])]

    found = {id(state) for _, state in summaries.answer("even", even, unite)}
    assert found == {id(state) for state in states.values()}
