# SPDX-License-Identifier: MIT
"""The generated allocator against a simple model, compiled under the sanitizers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ground.errors import UsageError
from stingy.stingygen.demand import Demand
from stingy.stingygen.generate import Target, generate
from stingy.stingygen.geometry import load_l2
from stingy.stingygen.map import Map, Parameters
from stingy.stingygen.plan import plan_map
from tests.stingy.allocators import SANITIZERS, Model, compile_driver, drive
from tests.stingy.demands import WEB, demands

SMALL = Parameters(slab_bytes=64 * 1024, requests=12)
TUALATIN = load_l2("tualatin-1400")
QUICK = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def make_map(red_zone_bytes: int = 0, *, helpers: bool = False) -> Map:
    demand = WEB.model_copy(update={"helpers": helpers})
    parameters = SMALL.model_copy(update={"red_zone_bytes": red_zone_bytes})
    return plan_map(demand, TUALATIN, parameters)


@pytest.fixture(scope="module", params=["plain", "debug", "helpers", "32-bit", "clang"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The map and the driver of one variant."""
    kind = request.param
    plan = make_map(64 if kind in {"debug", "32-bit"} else 0, helpers=kind == "helpers")
    flags = [*SANITIZERS, *(["-m32"] if kind == "32-bit" else []), "-pthread"]
    compiler = "clang" if kind == "clang" else "gcc"
    return plan, compile_driver(plan, tmp_path_factory.mktemp(kind), *flags, compiler=compiler)


@st.composite
def sequences(draw: st.DrawFn, plan: Map) -> list[tuple[str, tuple[int, ...]]]:
    """Calls: an allocation, a release of any handle so far as any type, a question."""
    objects, stages = len(plan.objects), len(plan.stages)
    calls: list[tuple[str, tuple[int, ...]]] = []
    made: list[int] = []
    for _ in range(draw(st.integers(1, 120))):
        kind = draw(st.sampled_from("aaaaazbfffffdqehtrFE"))
        number = draw(st.integers(0, objects - 1))
        if kind in "azb":
            calls.append((kind, (number,)))
            made.append(number)
        elif kind in "fd" and made:
            handle = draw(st.integers(0, len(made) - 1))
            right = made[handle] if draw(st.integers(0, 3)) else number
            calls.append((kind, (handle, right)))
        elif kind == "r":
            calls.append((kind, (number,)))
        elif kind in "qeht":
            calls.append((kind, (draw(st.integers(0, stages - 1)),)))
        elif kind in "FE":
            batch = st.lists(st.integers(0, 9), min_size=stages, max_size=stages)
            calls.append((kind, tuple(draw(batch))))
    return calls


def check(plan: Map, program: Path, calls: list[tuple[str, tuple[int, ...]]]) -> None:
    """Run the calls; check every answer against the model, the counters at the end."""
    model = Model(plan)
    names = [o.name for o in plan.objects]
    commands = [_spell(plan, kind, numbers) for kind, numbers in calls]
    answers = iter(drive(program, [*commands, "s"]).stdout.splitlines())
    made: list[int] = []
    for kind, numbers in calls:
        answer = int(next(answers))
        if kind in "azb":
            model.allocate(names[numbers[0]], answer)
            made.append(answer)
        elif kind == "f":
            assert answer == model.release(made[numbers[0]], names[numbers[1]])
        elif kind == "d":
            assert answer == 0
        elif kind in "qe":
            assert answer == model.query(numbers[0], to_end=kind == "e")
        elif kind == "r":
            assert answer == model.count_free(names[numbers[0]])
        elif kind == "t":
            assert answer == plan.stages[numbers[0]].allocates
        elif kind == "h":
            assert answer == (not plan.stages[numbers[0]].to_end)
        else:
            assert answer == model.fits(numbers, to_end=kind == "E")
    rows = read_counters(answers)
    for name in names:
        live = sum(1 for other in model.live.values() if other == name)
        assert rows[name][0] == rows[name][2] - rows[name][3] == live
    assert rows["corruptions"] == [0]


def read_counters(lines: Iterable[str]) -> dict[str, list[int]]:
    """The rows of stingy_show(); pools get the prefix "pool "."""
    rows: dict[str, list[int]] = {}
    prefix = ""
    for line in lines:
        name, *numbers = line.split()
        if name == "pool":
            prefix = "pool "
        elif name != "object":
            last = name in {"bad_frees", "corruptions"}
            rows[name if last else prefix + name] = [int(n) for n in numbers]
    return rows


def _spell(plan: Map, kind: str, numbers: tuple[int, ...]) -> str:
    words = [kind, *map(str, numbers)]
    if kind in "ab":
        words.append(str(plan.objects[numbers[0]].bytes))
    if kind == "z":
        words += ["1", str(plan.objects[numbers[0]].bytes)]
    if kind == "d":
        words.append("16")
    return " ".join(words)


@QUICK
@given(st.data())
def test_random_calls(built: tuple[Map, Path], data: st.DataObject) -> None:
    plan, program = built
    check(plan, program, data.draw(sequences(plan)))


@settings(deadline=None, max_examples=8, suppress_health_check=list(HealthCheck))
@given(data=st.data(), demand=demands(most=5), red=st.sampled_from([0, 32]))
def test_random_servers(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, demand: Demand, red: int
) -> None:
    try:
        plan = plan_map(demand, TUALATIN, SMALL.model_copy(update={"red_zone_bytes": red}))
    except UsageError:
        return
    program = compile_driver(plan, tmp_path_factory.mktemp("random"), *SANITIZERS, "-pthread")
    check(plan, program, data.draw(sequences(plan)))


def test_full_slabs_are_reported_and_survived(built: tuple[Map, Path]) -> None:
    plan, program = built
    index = next(n for n, o in enumerate(plan.objects) if o.name == "conn")
    pool = next(p for p in plan.pools if "conn" in p.objects)
    room = pool.slots + pool.high_slots
    calls: list[tuple[str, tuple[int, ...]]] = [("a", (index,))] * (room + 3)
    calls += [("f", (n, index)) for n in range(room)] + [("a", (index,))]
    check(plan, program, calls)
    output = drive(program, [_spell(plan, "a", (index,))] * (room + 3) + ["s"]).stdout
    row = read_counters(output.splitlines()[room + 3 :])["conn"]
    assert row == [room, room, room, 0, pool.high_slots, 3, 0]


def test_more_bytes_than_the_bound_are_refused(built: tuple[Map, Path]) -> None:
    plan, program = built
    index, item = next((n, o) for n, o in enumerate(plan.objects) if o.name == "reply")
    commands = [f"b {index} {item.bytes + 1}", f"z {index} {2**40} {2**40}", f"b {index} 1", "s"]
    answers = drive(program, commands).stdout.splitlines()
    assert answers[:2] == ["-1", "-1"]
    assert answers[2] != "-1"
    assert read_counters(answers[3:])["reply"][-1] == 1


@pytest.mark.parametrize("distance", ["beyond", "below", "after free"])
def test_asan_sees_a_write_outside_of_an_object(built: tuple[Map, Path], distance: str) -> None:
    plan, program = built
    index, item = next((n, o) for n, o in enumerate(plan.objects) if o.name == "reply")
    commands = [f"a {index} {item.bytes}"]
    commands += {
        "beyond": [f"w 0 {item.bytes}"],
        "below": ["w 0 -1"],
        "after free": [f"f 0 {index}", "w 0 0"],
    }[distance]
    result = drive(program, commands, check=False)
    assert result.returncode != 0
    assert "AddressSanitizer" in result.stderr


@pytest.mark.parametrize(
    ("writes", "expected"),
    [(["w 0 {end}"], "beyond"), (["w 0 -1"], "below"), (["f 0 {o}", "w 0 0"], "into a free")],
)
def test_debug_variant_sees_it_without_asan(
    tmp_path: Path, writes: list[str], expected: str
) -> None:
    plan = make_map(32)
    program = compile_driver(plan, tmp_path)
    index, item = next((n, o) for n, o in enumerate(plan.objects) if o.name == "reply")
    spelled = [w.format(end=item.bytes, o=index) for w in writes]
    freed = any(w.startswith("f") for w in spelled)
    last = f"a {index} {item.bytes}" if freed else f"f 0 {index}"
    result = drive(program, [f"a {index} {item.bytes}", *spelled, last, "s"])
    assert f"write {expected}" in result.stderr
    assert "corruptions 1" in result.stdout


def test_same_map_gives_same_bytes() -> None:
    for target in Target:
        assert generate(make_map(), target) == generate(make_map(), target)
