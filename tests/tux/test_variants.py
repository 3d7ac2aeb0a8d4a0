# SPDX-License-Identifier: MIT
"""The rewritten variants beside stock, in one guest: the same bytes, a stack that overflows its
part of the cache slab, slabs that are full, and nobody who waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from forge.modules import Module
from forge.pipeline import Pipeline
from testbed.guest.slab import parse_slab_account
from testbed.measurement import PooledObject
from tests.tux.crowd import ask_all, close_all, open_many
from tests.tux.documents import HELLO
from tests.tux.exchange import exchange, exchange_at_once, find_differences, find_streams
from tests.tux.guest import Guest, find_boot, load_module, serve_in_guest, start_guest
from tests.tux.network import is_possible
from tests.tux.servers import IDLE_S, Served, request
from tests.tux.test_admission import count_listen_drops
from tests.tux.variants import RESERVED, Variant, find_variant

# Thousands of connections to an emulated machine take their time on a busy host.
pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]
ON_SLABS = ("tux-stingy", "tux-allocator", "tux-stingy-net")
REWRITTEN = (*ON_SLABS, "tux-pools")
ACCOUNT = "/proc/net/tux/slab"
DEEP_STACK = Module(
    name="deep_stack",
    sources=Path(__file__).with_name("deep_stack"),
    place="net/deep_stack",
)
PROBE_MODULE = "/etc/tests/deep_stack.ko"
STAGES_A_REQUEST = 6
BEYOND = 60  # connections more than there are slots in all slabs
VISIT = 8  # turns of a visit at most, by default (schedule.c)
WHOLE = request("/hello.txt", "Connection: close")
HALF = 10  # bytes of it


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory, documents: Path) -> Iterator[Guest]:
    """A guest with memory for the slabs; every variant is loaded into it in turn."""
    if not is_possible():
        pytest.skip("a guest's network needs root and /dev/net/tun")
    stock = find_variant("tux")
    boot = replace(find_boot("", documents, stock), arguments=RESERVED)
    probe = Pipeline().module(DEEP_STACK) / DEEP_STACK.file
    boot.overlay.add_file(PROBE_MODULE.lstrip("/"), probe.read_bytes())
    with start_guest(boot, tmp_path_factory.mktemp("variants"), stock) as started:
        yield started


@pytest.fixture(autouse=True)
def no_complaint(guest: Guest) -> Iterator[None]:
    """The kernel says nothing during a test; unloading, at the start of the next, included."""
    yield
    assert guest.machine.is_running, guest.machine.console[-3000:]
    assert not (complaints := guest.machine.read_complaints()), complaints


@contextmanager
def serve(guest: Guest, documents: Path, variant: Variant, **knobs: int) -> Iterator[Served]:
    """The server as ``variant``."""
    guest.control(0)
    guest.machine.run("rmmod tux")
    load_module(guest.machine, variant)
    with serve_in_guest(guest, documents, {name: str(n) for name, n in knobs.items()}) as served:
        yield served
        served.assert_idle()


def read_account(guest: Guest) -> dict[str, PooledObject]:
    """What /proc counts, by type of object."""
    return {item.name: item for item in parse_slab_account(guest.machine.run(f"cat {ACCOUNT}"))}


def read_value(guest: Guest, name: str) -> int:
    """One of the single numbers there."""
    return int(guest.machine.run(f"grep '^{name} ' {ACCOUNT}").split()[1], 0)


def read_pools(guest: Guest) -> dict[str, tuple[int, int, int, int]]:
    """Of each pool: slots, free slots, slots in the high slab, free ones there."""
    text = guest.machine.run(f"sed -n '/^pool /,/^bad_frees /p' {ACCOUNT}")
    rows = [line.split() for line in text.splitlines()[1:-1]]
    return {name: (int(a), int(b), int(c), int(d)) for name, a, b, c, d in rows}


@pytest.fixture(scope="module")
def streams() -> dict[str, bytes]:
    """All that is said."""
    return find_streams()


@pytest.fixture(scope="module")
def stocks_answers(guest: Guest, documents: Path, streams: dict[str, bytes]) -> dict[str, bytes]:
    """What stock says to it; one by one the same, or there would be nothing to compare with."""
    with serve(guest, documents, find_variant("tux")) as served:
        answers = exchange_at_once(served, streams)
        assert not find_differences(answers, exchange(served, streams))
    return answers


def choose(streams: dict[str, bytes], step: int) -> dict[str, bytes]:
    """One of ``step`` each."""
    return dict(list(streams.items())[::step])


@pytest.mark.parametrize("name", REWRITTEN)
def test_the_same_bytes_as_stock(
    guest: Guest,
    documents: Path,
    streams: dict[str, bytes],
    stocks_answers: dict[str, bytes],
    name: str,
) -> None:
    """All streams at the same time; and one after the other, of which some must do."""
    some = choose(streams, 4)
    with serve(guest, documents, find_variant(name)) as served:
        assert not find_differences(stocks_answers, exchange_at_once(served, streams))
        assert not find_differences(choose(stocks_answers, 4), exchange(served, some))


@pytest.mark.parametrize(
    "knob", [{"generate_etags": 0}, {"max_header_len": 2999, "long_header_len": 0}]
)
def test_another_byte_would_be_seen(
    guest: Guest,
    documents: Path,
    streams: dict[str, bytes],
    stocks_answers: dict[str, bytes],
    knob: dict[str, int],
) -> None:
    """A server that is not quite the same: the comparison is not blind."""
    with serve(guest, documents, find_variant("tux-stingy"), **knob) as served:
        assert find_differences(stocks_answers, exchange_at_once(served, streams))


@contextmanager
def deep_stages(guest: Guest) -> Iterator[Callable[[str], int]]:
    """Each stage needs nearly all of the stack; yields what the probe has seen so far."""
    machine = guest.machine
    machine.run(f"insmod {PROBE_MODULE}")
    try:
        yield lambda name: int(machine.run(f"cat /sys/module/deep_stack/parameters/{name}"))
    finally:
        machine.run("rmmod deep_stack")


@pytest.mark.parametrize("name", ON_SLABS)
def test_the_stack_overflows_into_the_low_slab(
    guest: Guest,
    documents: Path,
    streams: dict[str, bytes],
    stocks_answers: dict[str, bytes],
    name: str,
) -> None:
    """Every stage of every request goes below the stack's part of the cache slab, and comes back:
    the same bytes, before, meanwhile and afterwards."""
    some, expected = choose(streams, 10), choose(stocks_answers, 10)
    with serve(guest, documents, find_variant(name)) as served:
        assert not find_differences(expected, exchange_at_once(served, some))
        part = read_value(guest, "stack.bytes")
        assert read_value(guest, "stack.deepest") <= part, "TUX itself keeps to it"
        with deep_stages(guest) as seen:
            assert not find_differences(expected, exchange(served, some))
            assert not find_differences(expected, exchange_at_once(served, some))
            served.assert_idle()
            assert seen("times") >= 2 * len(some)
            start, low = read_value(guest, "region.start"), read_value(guest, "slab.low")
            assert start <= seen("lowest") < start + low
            assert part < seen("deepest") <= read_value(guest, "stack.deepest") <= part + low
        assert not find_differences(expected, exchange_at_once(served, some))
        served.control(2)
        assert served.get("/hello.txt").body == HELLO


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something in the guest, for as long as a slow host may need."""
    deadline = time.monotonic() + IDLE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def count_backlog(guest: Guest) -> int:
    """Connections that TCP has established and TUX has not accepted; TCP's own number."""
    line = guest.machine.run("grep ':0050 00000000:0000 0A ' /proc/net/tcp")
    return int(line.split()[4].split(":")[1], 16)


@pytest.mark.parametrize("name", ON_SLABS)
def test_who_finds_no_slot_waits(guest: Guest, documents: Path, name: str) -> None:
    """Connections for each slot of the cache slab and of the high slab, and some more: these wait
    as TCP's, until others have gone, and all are answered."""
    knobs = {"max_backlog": 16_384, "header_timeout": 3600, "defer_accept": 0}
    with serve(guest, documents, find_variant(name), **knobs) as served:
        served.assert_idle()
        before, drops = read_account(guest)["tux_req"], count_listen_drops(guest.machine)
        failed = served.read_stat()["event.no_memory"]
        slots, _, high, _ = read_pools(guest)["tux_req"]
        total = slots + high
        assert high > 0
        sockets = open_many(served, total + BEYOND)
        for one in sockets:
            one.sendall(WHOLE[:HALF])
        wait_until(lambda: read_account(guest)["tux_req_header"].live == total, "all have a slot")
        held = read_account(guest)
        assert read_pools(guest)["tux_req"] == (slots, 0, high, 0)
        assert held["tux_req"].live == held["tux_req"].peak == total
        assert held["tux_req"].spills - before.spills == high
        assert count_backlog(guest) == BEYOND
        wait_until(lambda: read_account(guest)["tux_req"].failures > before.failures, "it tries")
        assert served.read_stat()["event.no_memory"] > failed
        answers = ask_all(sockets, [WHOLE[HALF:]] * len(sockets))
        close_all(sockets)
        assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
        assert all(answer.endswith(b"\r\n\r\n" + HELLO) for answer in answers)
        served.assert_idle()
        after = read_account(guest)["tux_req"]
        assert after.allocs - before.allocs == after.frees - before.frees == total + BEYOND
        assert after.live == 0
        assert count_listen_drops(guest.machine) == drops
        assert read_pools(guest)["tux_req"] == (slots, slots, high, high)
        assert read_value(guest, "bad_frees") == read_value(guest, "corruptions") == 0
        check_that_spilling_is_over(guest, served)


def check_that_spilling_is_over(guest: Guest, served: Served) -> None:
    """Who comes now has a slot in the cache slab."""
    spills = read_account(guest)["tux_req"].spills
    for _ in range(20):
        assert served.get("/hello.txt", "Connection: close").body == HELLO
    served.assert_idle()
    assert read_account(guest)["tux_req"].spills == spills


@contextmanager
def greedy_clients(served: Served, count: int) -> Iterator[list[str]]:
    """Clients that always have many requests under way; yields what went wrong."""
    failures: list[str] = []
    stop = threading.Event()
    batch = request("/hello.txt") * 40 + WHOLE

    def work() -> None:
        while not stop.is_set():
            with served.connect() as connection:
                connection.send(batch)
                if connection.read_to_end().count(HELLO) != 41:
                    failures.append("wrong bytes")

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield failures
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("name", ["tux-stingy", "tux-pools"])
def test_nobody_waits_for_ever(guest: Guest, documents: Path, name: str) -> None:
    """Slow clients hold all slots of the cache slab, so that memory is short for everybody else;
    greedy ones always have work.  No request waits for more turns than schedule.c says."""
    patience, greedy, polite = 20, 8, 100
    variant = find_variant(name).adding({"patience": str(patience)})
    with serve(guest, documents, variant, header_timeout=3600, defer_accept=0) as served:
        slow = read_value(guest, "requests") + 50
        with ExitStack() as stack:
            for _ in range(slow):
                connection = stack.enter_context(served.connect())
                connection.send(WHOLE[:HALF])
            wait_until(
                lambda: read_account(guest)["tux_req_header"].live == slow, "the slow are there"
            )
            with greedy_clients(served, greedy) as failures:
                for _ in range(polite):
                    assert served.get("/hello.txt", "Connection: close").body == HELLO
            assert not failures, failures[0]
        served.assert_idle()
        stat = served.read_stat()
        connections = slow + greedy + 1
        assert stat["schedule.longest_wait"] <= patience + VISIT + connections + 1
        assert stat["schedule.overdue"] > 0, "nobody came near to the bound"
        assert stat["schedule.short_of_memory"] > 0, "memory was not short"
