# SPDX-License-Identifier: MIT
"""Objects that may be larger, or more, than the slabs have room for: the rest is elsewhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ground.errors import UsageError
from stingy.model.results import Exclusion, Memwalk, Object, Room
from stingy.stingygen.demand import make_demand
from stingy.stingygen.generate import Target, generate
from stingy.stingygen.geometry import load_l2
from stingy.stingygen.map import Map
from stingy.stingygen.plan import plan_map
from tests.stingy.allocators import SANITIZERS, compile_driver, drive
from tests.stingy.demands import WEB
from tests.stingy.results import RESULT, make_object
from tests.stingy.stingygen.test_allocator import QUICK, SMALL, read_counters

NAME, BYTES = "header", 3000
OUTSIDE, NOTHING = -2, -1
TUALATIN = load_l2("tualatin-1400")


def make_map(red_zone_bytes: int = 0, *, helpers: bool = False) -> Map:
    """The map of a server whose headers may be longer than 3,000 bytes."""
    objects = tuple(o.model_copy(update={"open_ended": o.name == NAME}) for o in WEB.objects)
    demand = WEB.model_copy(update={"objects": objects, "helpers": helpers})
    return plan_map(
        demand, TUALATIN, SMALL.model_copy(update={"red_zone_bytes": red_zone_bytes, "requests": 9})
    )


@dataclass
class Oracle:
    """Where each object is, and the counters, said in the simplest words."""

    free: int  # slots of both slabs
    live: dict[int, tuple[int, bool]] = field(default_factory=dict)  # handle: bytes, in a slot
    counts: Counter[str] = field(default_factory=Counter)
    handles: int = 0

    def _keep(self, bytes_: int, *, inside: bool) -> int:
        self.live[self.handles] = (bytes_, inside)
        self.handles += 1
        self.counts["allocs"] += 1
        self.free -= inside
        return 0 if inside else OUTSIDE

    def allocate(self, bytes_: int) -> int:
        """0 for a place in the region, or OUTSIDE."""
        if bytes_ > BYTES:
            self.counts["oversize"] += 1
        elif not self.free:
            self.counts["outside"] += 1
        return self._keep(bytes_, inside=bytes_ <= BYTES and self.free > 0)

    def release(self, handle: int) -> int:
        """It always goes back."""
        _, inside = self.live.pop(handle)
        self.free += inside
        self.counts["frees"] += 1
        return 1

    def resize(self, handle: int, bytes_: int) -> int:
        """In its slot as long as that is large enough, then outside for good."""
        if not bytes_:
            self.handles += 1
            self.release(handle)
            return NOTHING
        _, inside = self.live[handle]
        if inside and bytes_ > BYTES:
            self.counts["oversize"] += 1
            self.release(handle)
            return self._keep(bytes_, inside=False)
        del self.live[handle]
        self.live[self.handles] = (bytes_, inside)
        self.handles += 1
        return 0 if inside else OUTSIDE


@pytest.fixture(scope="module", params=["plain", "debug", "helpers", "32-bit"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kind = request.param
    plan = make_map(64 if kind in {"debug", "32-bit"} else 0, helpers=kind == "helpers")
    flags = [*SANITIZERS, *(["-m32"] if kind == "32-bit" else []), "-pthread", "-DRESIZE"]
    return compile_driver(plan, tmp_path_factory.mktemp(kind), *flags)


@QUICK
@given(data=st.data())
def test_random_calls_of_realloc(built: Path, data: st.DataObject) -> None:
    """The driver checks contents, ASan addresses and leaks; places and counters are compared."""
    plan = make_map()  # the slots of the debug variant are fewer; these are enough to count by
    index = [o.name for o in plan.objects].index(NAME)
    slots = _count_slots(built)
    oracle = Oracle(slots)
    commands: list[str] = []
    expected: list[int] = []
    sizes = st.integers(1, 2 * BYTES) | st.sampled_from([1, BYTES - 1, BYTES, BYTES + 1])
    for _ in range(data.draw(st.integers(1, 60))):
        kind = data.draw(st.sampled_from("bbbxxxf"))
        if kind == "b" or not oracle.live:
            bytes_ = data.draw(sizes)
            commands.append(f"b {index} {bytes_}")
            expected.append(oracle.allocate(bytes_))
            continue
        handle = data.draw(st.sampled_from(sorted(oracle.live)))
        if kind == "f":
            commands.append(f"f {handle} {index}")
            expected.append(oracle.release(handle))
        else:
            bytes_ = data.draw(sizes | st.just(0))
            commands.append(f"x {handle} {index} {bytes_}")
            expected.append(oracle.resize(handle, bytes_))
    answers = drive(built, [*commands, "s"]).stdout.splitlines()
    found = [int(one) for one in answers[: len(expected)]]
    for command, one, wanted in zip(commands, found, expected, strict=True):
        assert one == wanted if wanted or command[0] == "f" else one >= 0, command
    live, _, allocs, frees, spills, failures, oversize = read_counters(answers[len(found) :])[NAME]
    counts = oracle.counts
    assert (live, allocs, frees) == (len(oracle.live), counts["allocs"], counts["frees"])
    assert (failures, oversize) == (0, counts["oversize"])
    assert spills >= counts["outside"]


def _count_slots(program: Path) -> int:
    """The slots of the pool of headers, in both slabs, as the allocator itself tells."""
    rows = read_counters(drive(program, ["s"]).stdout.splitlines())
    _, free, _, high_free = rows[f"pool {NAME}"]
    return free + high_free


def test_one_that_is_full_goes_on_and_the_others_do_not(built: Path) -> None:
    names = [o.name for o in make_map().objects]
    room = _count_slots(built)
    header, conn = names.index(NAME), names.index("conn")
    commands = [f"b {header} 10"] * (room + 2) + [f"b {conn} {BYTES}"]
    commands += [f"f {n} {header}" for n in range(room + 2)] + [f"d 0 {conn} 8", "s"]
    answers = drive(built, commands).stdout.splitlines()
    assert answers[room : room + 3] == [str(OUTSIDE), str(OUTSIDE), str(NOTHING)]
    assert answers[room + 3 : 2 * room + 5] == ["1"] * (room + 2)
    rows = read_counters(answers[2 * room + 6 :])
    assert rows[NAME][0] == rows[NAME][5] == 0  # live, failures
    assert rows["bad_frees"] == [1]


def test_what_is_no_object_is_not_resized(built: Path) -> None:
    header = [o.name for o in make_map().objects].index(NAME)
    answers = drive(built, [f"b {header} 9", f"f 0 {header}", f"x 0 {header} 9", "s"]).stdout
    assert answers.splitlines()[2] == str(NOTHING)
    assert read_counters(answers.splitlines()[3:])["bad_frees"] == [1]


def test_the_allocator_of_others_has_nothing_of_it() -> None:
    closed = WEB.model_copy(update={"helpers": False})
    for text in generate(plan_map(closed, TUALATIN, SMALL), Target.USER).values():
        assert "open_ended" not in text
        assert "stingy_resize" not in text


def test_the_kernel_has_none() -> None:
    with pytest.raises(UsageError, match="header goes on") as caught:
        generate(make_map(), Target.KERNEL)
    assert "--without header" in str(caught.value.hint)


# -- from the result to the demand ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "live", "room", "expected"),
    [
        (None, 1, Room(bytes=2048, live=None), (2048, 1)),
        (None, None, Room(bytes=2048, live=2), (2048, 2)),
        (4016, None, Room(bytes=None, live=1), (4016, 1)),
        (4016, 3, Room(bytes=64, live=1), (4016, 1)),  # of a constant size is each of them
    ],
)
def test_the_slabs_have_the_room_that_was_asked_for(
    size: int | None, live: int | None, room: Room, expected: tuple[int, int]
) -> None:
    demand = make_demand(_with(make_object("chunk", size, max_live=live, room=room)))
    chunk = next(o for o in demand.objects if o.name == "chunk")
    assert (chunk.bytes, chunk.per_request) == expected
    assert chunk.open_ended


@pytest.mark.parametrize(
    ("size", "live", "room", "missing"),
    [
        (None, 1, Room(bytes=None, live=1), "slab_bytes"),
        (64, None, Room(bytes=64, live=None), "slab_live"),
    ],
)
def test_half_of_a_room_is_none(
    size: int | None, live: int | None, room: Room, missing: str
) -> None:
    demand = make_demand(_with(make_object("chunk", size, max_live=live, room=room)))
    assert missing in {x.name: x.reason for x in demand.left_out}["chunk"]


def test_an_open_ended_object_shares_its_place_with_no_other() -> None:
    """What a request holds of it may be outside: its slot is not one for what comes after."""
    closed = make_demand(_with(make_object("chunk", 64), apart="buffer"))
    room = Room(bytes=None, live=1)
    alone = make_demand(_with(make_object("chunk", 64, room=room), apart="buffer"))
    assert ("buffer", "chunk") in closed.apart
    assert ("buffer", "chunk") not in alone.apart


def _with(found: Object, apart: str = "") -> Memwalk:
    more = [Exclusion(first=found.id, second=apart)] if apart else []
    return RESULT.model_copy(
        update={
            "objects": [*RESULT.objects, found],
            "exclusions": [*RESULT.exclusions, *more],
        }
    )


def test_a_result_without_such_objects_does_not_speak_of_them() -> None:
    assert b"room" not in RESULT.to_json()
    assert "open_ended" not in plan_map(make_demand(RESULT), TUALATIN, SMALL).to_json()
