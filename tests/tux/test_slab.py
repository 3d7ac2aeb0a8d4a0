# SPDX-License-Identifier: MIT
"""The memory of the rewritten server, watched from outside: tracepoints beside /proc's counts, for
Stingy's slabs and for the kernel's caches; the state of the thread; headers too large for it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from testbed.guest.slab import parse_slab_account
from testbed.measurement import PooledObject
from tests.tux.documents import HELLO
from tests.tux.guest import KNOBS, Guest, find_boot, serve_in_guest, start_guest
from tests.tux.network import is_possible
from tests.tux.servers import Served, request, wait_until_ready
from tests.tux.variants import Variant

pytestmark = pytest.mark.real
ACCOUNT = "/proc/net/tux/slab"
TRACING = "/run/tracing"
EVENT = re.compile(r" stingy_(alloc|spill|fail|free): object=(\w+) pool=\d+ address=(\w+)$", re.M)
BEYOND = 20  # connections more than the cache slab has slots for
KINDS = ("tux_req", "tux_req_header")


class Event(NamedTuple):
    """One line of the trace."""

    name: str
    object: str
    address: str


@pytest.fixture(scope="module", params=["stingy", "pools"])
def guest(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, documents: Path
) -> Iterator[Guest]:
    """A guest with the rewritten server on slabs, and one with it on the kernel's caches."""
    if not is_possible():
        pytest.skip("a guest's network needs root and /dev/net/tun")
    variant = Variant(request.param, request.param)
    place = tmp_path_factory.mktemp(request.param)
    with start_guest(find_boot("", documents, variant), place, variant) as started:
        started.machine.run(f"mkdir {TRACING} && mount -t tracefs tracefs {TRACING}")
        started.machine.run(f"echo 4096 > {TRACING}/buffer_size_kb")
        yield started
        assert not (complaints := started.machine.read_complaints()), complaints


@pytest.fixture
def served(guest: Guest, documents: Path) -> Iterator[Served]:
    """Its server, with a free hand for slow connections."""
    with serve_in_guest(guest, documents, {"header_timeout": "3600"}) as running:
        yield running


def read_account(guest: Guest) -> dict[str, PooledObject]:
    """What /proc counts, by type."""
    return {item.name: item for item in parse_slab_account(guest.machine.run(f"cat {ACCOUNT}"))}


def read_value(guest: Guest, name: str) -> int:
    """One of the single numbers there."""
    return int(guest.machine.run(f"grep '^{name} ' {ACCOUNT}").split()[1])


def wait_until_all_are_alive(guest: Guest, count: int) -> None:
    """Until the server has so many requests; it accepts when it gets to it."""
    guest.machine.run(
        f"until grep -q '^tux_req_header {count} ' {ACCOUNT}; do sleep 0.05; done", timeout_s=120
    )


def test_the_trace_and_the_counts_tell_the_same(guest: Guest, served: Served) -> None:
    """As many connections as the slab has slots, and some more, each with half a head."""
    served.assert_idle()
    slots = read_value(guest, "requests")
    before = read_account(guest)
    guest.machine.run(f"echo > {TRACING}/trace && echo 1 > {TRACING}/events/stingy/enable")
    whole = request("/hello.txt", "Connection: close")
    with ExitStack() as stack:
        crowd = [stack.enter_context(served.connect()) for _ in range(slots + BEYOND)]
        for one in crowd:
            one.send(whole[:10])
        wait_until_all_are_alive(guest, len(crowd))
        held = read_account(guest)
        for one in crowd:
            one.send(whole[10:])
            assert one.read_reply().body == HELLO
    served.assert_idle()
    guest.machine.run(f"echo 0 > {TRACING}/events/stingy/enable")
    after = read_account(guest)
    text = guest.machine.run(f"grep stingy_ {TRACING}/trace")
    events = [Event(*found) for found in EVENT.findall(text)]
    assert len(events) == len(text.splitlines())
    for kind in KINDS:
        count = Counter(event.name for event in events if event.object == kind)
        # What the clients did is known: so many objects, so many of them too many.
        assert held[kind].live == len(crowd)
        assert count["spill"] == after[kind].spills - before[kind].spills == BEYOND
        assert count["alloc"] == after[kind].allocs - before[kind].allocs - BEYOND == slots
        assert count["free"] == after[kind].frees - before[kind].frees == len(crowd)
        assert count["fail"] == after[kind].failures == 0
        assert after[kind].live == 0
    check_lives(events)


def check_lives(events: list[Event]) -> None:
    """No address is given out twice before it is given back, and only what was given out is."""
    alive: set[tuple[str, str]] = set()
    for event in events:
        where = event.object, event.address
        assert (where in alive) == (event.name == "free"), event
        alive.symmetric_difference_update({where})
    assert not alive


def test_the_state_of_the_thread_has_its_place_while_there_is_one(
    guest: Guest, served: Served
) -> None:
    if "state.used" not in guest.machine.run(f"cat {ACCOUNT}"):
        pytest.skip("only the slabs have such a place")
    assert read_value(guest, "state.used") == 1
    for _ in range(3):
        served.control(2)
        wait_until_ready(served, lambda: guest.machine.is_running)
        assert read_value(guest, "state.used") == 1
    served.control(0)
    assert read_value(guest, "state.used") == 0


def test_a_header_without_memory_for_it_is_refused_with_a_remedy(
    guest: Guest, served: Served
) -> None:
    knob = f"{KNOBS}/max_header_len"
    bound = int(guest.machine.run(f"cat {knob}"))
    said = guest.machine.run(f"echo {bound + 1} > {knob} || echo refused", check=False)
    assert "refused" in said
    log = guest.machine.run("dmesg | tail -n 3")
    assert f"net.tux.max_header_len = {bound + 1} is more than Stingy's buffers" in log
    assert "max_bytes" in log
    assert int(guest.machine.run(f"cat {knob}")) == bound
    guest.machine.run(f"echo {bound - 1} > {knob}")
    served.control(2)
    assert served.get("/hello.txt").body == HELLO
