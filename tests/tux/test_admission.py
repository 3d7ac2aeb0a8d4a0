# SPDX-License-Identifier: MIT
"""Admission at the SYN: the queue beside a deque; a guest in which SYNs wait under load."""

from __future__ import annotations

import ctypes
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ground.paths import PROJECT
from tests.tux.conftest import Start
from tests.tux.documents import HELLO
from tests.tux.guest import VARIANT, load_module
from tests.tux.machine import Machine
from tests.tux.servers import Served, request
from tests.tux.test_life import load

SIZE = 8
SLOTS = 2
PATIENCE_S = 60.0  # a hang is a failure, a slow host is none
# Three quarters of a second; the rest is for a host that lets the guest stand still. Without the
# bound they would wait for TCP's second try and more.
LONGEST_WAIT_MS = 5000
SHIM = """
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
typedef uint32_t u32, __be32;
typedef uint8_t u8;
#include "syn_queue.h"
static struct tux_syn slots[8];
static struct tux_syn_queue queue = { .slots = slots, .size = 8 };
void reset(u32 start) { queue.head = queue.tail = start; }
int append(u32 id, u32 since)
{
	struct tux_syn *syn = tux_syn_queue_append(&queue);
	if (!syn)
		return 0;
	*syn = (struct tux_syn) { .isn = id, .since = since };
	return 1;
}
int64_t take(void)
{
	const struct tux_syn *syn = tux_syn_queue_take(&queue);
	return syn ? (int64_t)syn->isn : -1;
}
u32 length(void) { return tux_syn_queue_length(&queue); }
int overdue(u32 now, u32 limit) { return tux_syn_queue_overdue(&queue, now, limit); }
"""
STEPS = st.lists(st.one_of(st.just(None), st.integers(0, 2**32 - 1)), max_size=60)


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The queue's functions as a library."""
    place = tmp_path_factory.mktemp("queue")
    (place / "shim.c").write_text(SHIM)
    library = place / "queue.so"
    command = ["gcc", "-shared", "-fPIC", "-Wall", "-Werror", f"-I{PROJECT / 'src' / 'tux'}"]
    subprocess.run([*command, "-o", library, place / "shim.c"], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.take.restype = ctypes.c_int64
    loaded.length.restype = ctypes.c_uint32
    return loaded


@given(start=st.integers(0, 2**32 - 1), steps=STEPS)
def test_first_in_first_out(queue: ctypes.CDLL, start: int, steps: list[int | None]) -> None:
    """Whatever the positions, which wrap; None takes, a number goes in."""
    queue.reset(ctypes.c_uint32(start))
    expected: deque[int] = deque()
    for step in steps:
        if step is None:
            assert queue.take() == (expected.popleft() if expected else -1)
        else:
            fits = len(expected) < SIZE
            assert queue.append(ctypes.c_uint32(step), ctypes.c_uint32(0)) == fits
            if fits:
                expected.append(step)
        assert queue.length() == len(expected)


@given(
    since=st.integers(0, 2**32 - 1), waited=st.integers(0, 2**31), limit=st.integers(1, 2**31 - 1)
)
def test_overdue(queue: ctypes.CDLL, since: int, waited: int, limit: int) -> None:
    """The clock may wrap meanwhile."""
    now = ctypes.c_uint32(since + waited)
    queue.reset(ctypes.c_uint32(0))
    assert not queue.overdue(now, ctypes.c_uint32(limit))
    queue.append(ctypes.c_uint32(1), ctypes.c_uint32(since))
    assert bool(queue.overdue(now, ctypes.c_uint32(limit))) == (waited >= limit)


def read_knobs(machine: Machine) -> list[str]:
    """The lines NAME:VALUE of what is set."""
    return machine.run("cd /proc/sys/net/tux && grep -H . * | grep -v ^running").splitlines()


def reload(machine: Machine, **parameters: int) -> None:
    """The module anew, with ``parameters`` and its knobs as they were, running."""
    knobs = read_knobs(machine)
    machine.run("rmmod tux")
    start_with(machine, knobs, parameters)


def start_with(machine: Machine, knobs: list[str], parameters: Mapping[str, int]) -> None:
    """Load the module and start the server."""
    load_module(machine, VARIANT.adding({name: str(n) for name, n in parameters.items()}))
    for line in knobs:
        name, value = line.split(":", 1)
        machine.run(f"echo '{value}' > /proc/sys/net/tux/{name}")
    machine.run("echo 1 > /proc/sys/net/tux/running")


def read_settled_stat(served: Served) -> dict[str, int]:
    """The counters once no SYN waits: those of clients that have gone are held for a while."""
    deadline = time.monotonic() + PATIENCE_S
    while (stat := served.read_stat())["admission.waiting"]:
        assert time.monotonic() < deadline, stat
        time.sleep(0.05)
    return stat


@contextmanager
def admitting(served: Served, slots: int = SLOTS, **parameters: int) -> Iterator[Machine]:
    """``slots`` connections at a time."""
    machine = served.machine
    assert machine is not None
    reload(machine, admission=slots, admission_batch=1, **parameters)
    try:
        yield machine
    finally:
        reload(machine)


def count_listen_drops(machine: Machine) -> int:
    """SYNs and handshakes that the guest's TCP has thrown away."""
    names, values = (
        line.split() for line in machine.run("grep ^TcpExt /proc/net/netstat").splitlines()
    )
    return int(values[names.index("ListenDrops")])


@pytest.mark.real
def test_waiting_syns_lose_nothing(kernel_kind: str, start: Start) -> None:
    """Many clients, two places: right bytes, no SYN lost, none beyond the bound."""
    with start(kernel_kind) as served, admitting(served) as machine:
        drops = count_listen_drops(machine)
        with load(served, clients=24) as failures:
            for _ in range(50):
                assert served.get("/hello.txt", "Connection: close").body == HELLO
        assert not failures, failures[0]
        stat = read_settled_stat(served)
        assert stat["admission.slots"] == SLOTS
        assert stat["admission.held"] > 0
        assert stat["admission.idle"] > 0, "two places do not keep the server busy"
        assert stat["admission.passed"] == stat["admission.dropped"] == 0
        assert stat["admission.longest_wait_ms"] <= LONGEST_WAIT_MS
        assert count_listen_drops(machine) == drops
        served.assert_idle()


@pytest.mark.real
def test_a_full_queue_drops_and_the_others_are_served(kernel_kind: str, start: Start) -> None:
    """More clients than places in the queue: SYNs are dropped, TCP counts them, they come again;
    nobody in the queue waits beyond the bound.  A queue of another size is refused."""
    with start(kernel_kind) as served, admitting(served, 1, admission_queue=2) as machine:
        drops = count_listen_drops(machine)
        with load(served, clients=8) as failures:
            for _ in range(3):
                assert served.get("/hello.txt", "Connection: close").body == HELLO
        assert not failures, failures[0]
        stat = read_settled_stat(served)
        assert 0 < stat["admission.dropped"] <= count_listen_drops(machine) - drops
        assert stat["admission.passed"] == 0
        assert stat["admission.longest_wait_ms"] <= LONGEST_WAIT_MS
        served.assert_idle()
        knobs = read_knobs(machine)
        machine.run("rmmod tux")
        try:
            for wrong in ("3", "0", "131072", "x"):
                insert = f"insmod {VARIANT.path} admission_queue={wrong}"
                assert machine.run(f"{insert} 2>&1 || echo no").split()[-1] == "no", wrong
        finally:  # other tests go on with this guest
            machine.run("rmmod tux 2> /dev/null || true")
            start_with(machine, knobs, {})


@pytest.mark.real
@pytest.mark.parametrize("defer_accept", [0, 1])
def test_the_silent_do_not_block(kernel_kind: str, start: Start, defer_accept: int) -> None:
    """Clients that connect and say nothing, ten for each place."""
    with start(kernel_kind, defer_accept=defer_accept) as served, admitting(served) as machine:
        with ExitStack() as stack:
            for _ in range(10 * SLOTS):
                stack.enter_context(served.connect())
            started = time.monotonic()
            for _ in range(10):
                assert served.get("/hello.txt").body == HELLO
            assert time.monotonic() - started < PATIENCE_S
        assert machine.is_running
        assert served.read_stat()["admission.waiting"] == 0


@pytest.mark.real
def test_requests_in_pieces_take_no_place(kernel_kind: str, start: Start) -> None:
    """Half a head each on more connections than places; they are completed afterwards."""
    with start(kernel_kind) as served, admitting(served):
        data = request("/hello.txt", "Connection: close")
        with ExitStack() as stack:
            slow = [stack.enter_context(served.connect()) for _ in range(5 * SLOTS)]
            for connection in slow:
                connection.send(data[:9])
            assert served.get("/hello.txt").body == HELLO
            for connection in slow:
                connection.send(data[9:])
                assert connection.read_reply().body == HELLO


@pytest.mark.real
def test_unload_while_syns_wait(kernel_kind: str, start: Start) -> None:
    """Stop, start and unload under load; the kernel's log must stay clean."""
    with start(kernel_kind) as served, admitting(served, slots=1) as machine:
        with load(served, clients=24) as failures:
            for control in (2, 0, 1, 2):
                threading.Event().wait(0.3)
                served.control(control)
            held = served.read_stat()["admission.held"]
            reload(machine, admission=1, admission_batch=1)
            assert served.get("/hello.txt").body == HELLO
        assert not failures, failures[0]
        assert held > 0


@pytest.mark.parametrize("name", ["tux-admission", "tux-stingy-net"])
def test_the_descriptions_name_the_parameter(name: str) -> None:
    """A module that does not have it loads all the same: the kernel only warns."""
    text = (PROJECT / "images" / "servers" / f"{name}.toml").read_text()
    source = (PROJECT / "src" / "tux" / "admission.c").read_text()
    assert " admission=" in text
    assert "module_param_named(admission, " in source
