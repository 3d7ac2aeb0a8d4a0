# SPDX-License-Identifier: MIT
"""Allocations that fail, one after the other: nothing leaks, nothing crashes, service goes on."""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import h11
import pytest

from ground import process
from tests.tux.conftest import Start
from tests.tux.documents import HELLO, content
from tests.tux.machine import Machine
from tests.tux.servers import Served, build_tux, find_free_port, request
from tests.tux.wire import ClosedError, Reply

SIZE = 16 * 4096 + 1
LARGE = f"sizes/{SIZE}.bin"
REQUESTS = {
    "a file": request("/hello.txt"),
    "a large file": request(f"/{LARGE}"),
    "a part": request("/sizes/8193.bin", "Range: bytes=4095-4097"),
    "a missing file": request("/missing"),
    "a directory": request("/dir"),
    "an index": request("/dir/"),
    "a wrong request": b"nonsense\r\n\r\n",
    "a file, then close": request("/hello.txt", "Connection: close"),
}
SITES_MAX = 400
FAULTS = "/sys/kernel/debug"


def ask_despite_faults(served: Served, data: bytes) -> Reply | None:
    """The reply if one came whole; a cut or refused connection is allowed, wrong bytes are not."""
    try:
        reply = served.ask(data)
    except (ClosedError, ConnectionError, h11.RemoteProtocolError):
        return None
    if reply.status == 200:
        assert reply.body in (HELLO, content(LARGE, SIZE), content("dir/index.html"))
    return reply


@pytest.mark.parametrize("period", [12, 13, 17, 19, 23, 29, 50, 101])
def test_every_nth_allocation_fails(start: Start, period: int) -> None:
    """In the process: each n-th allocation is refused for as long as it runs."""
    with start("tux", fail_allocations=period) as served:
        for _ in range(period + 3):
            for data in REQUESTS.values():
                ask_despite_faults(served, data)
        served.assert_idle()
        assert served.read_stat()["event.no_memory"] > 0


@pytest.mark.parametrize("period", range(1, 12))
def test_start_without_memory(workplace: Path, documents: Path, period: int) -> None:
    """In the process: it starts or says that it cannot, and has lost nothing either way."""
    program = build_tux(workplace)
    knobs = (f"documentroot={documents}", f"port={find_free_port()}", "threads=2", "logging=1")
    log = workplace / f"start{period}"
    environment = {"TUX_FAIL": str(period)}
    with process.start([program, *knobs], env=environment, log=log) as child:
        while child.poll() is None and not blocks_sigterm(child.pid):
            time.sleep(0.01)  # until then the signal would kill it
        with suppress(subprocess.TimeoutExpired):
            child.wait(0.5)
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) in {0, 4}
    assert "Sanitizer" not in log.read_text()
    assert "runtime error" not in log.read_text()


def blocks_sigterm(pid: int) -> bool:
    """Whether the process takes SIGTERM when it is ready for it."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = next(line for line in status.splitlines() if line.startswith("SigBlk:"))
    return bool(int(mask.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def prepare(machine: Machine, *, pages: bool) -> None:
    """Let slab (and page) allocations fail where a task asks for it, in silence."""
    for capability, ignored in (("failslab", "N"), ("fail_page_alloc", "N" if pages else "Y")):
        place = f"{FAULTS}/{capability}"
        machine.run(f"echo {ignored} > {place}/ignore-gfp-wait && echo 0 > {place}/verbose")
    machine.run(f"echo 0 > {FAULTS}/fail_page_alloc/min-order")
    machine.run(f"echo {'N' if pages else 'Y'} > {FAULTS}/fail_page_alloc/ignore-gfp-highmem")


def find_threads(machine: Machine) -> list[int]:
    """Process numbers of the server's threads."""
    listing = machine.run("grep -l '^tux' /proc/[0-9]*/comm || true")
    return [int(path.split("/")[2]) for path in listing.split()]


def read_leaks(machine: Machine) -> str:
    """What kmemleak holds for lost, after two scans with time between them."""
    for _ in range(2):
        machine.run(f"echo scan > {FAULTS}/kmemleak", timeout_s=600)
        machine.run("sleep 6")  # kmemleak leaves objects of the last five seconds alone
    return machine.run(f"cat {FAULTS}/kmemleak")


@pytest.mark.real
@pytest.mark.deep
@pytest.mark.parametrize("tux_kind", ["tux-debug"])
@pytest.mark.parametrize("name", REQUESTS)
def test_each_allocation_site_in_the_kernel(tux_kind: str, start: Start, name: str) -> None:
    """The n-th allocation that a thread of TUX makes is refused, until there is no n-th."""
    with start(tux_kind) as served:
        machine = served.machine
        assert machine is not None
        prepare(machine, pages=True)
        threads = find_threads(machine)
        assert threads
        for site in range(1, SITES_MAX):
            files = " ".join(f"/proc/{thread}/fail-nth" for thread in threads)
            machine.run(f"for f in {files}; do echo {site} > $f; done")
            ask_despite_faults(served, REQUESTS[name])
            left = machine.run(f"cat {files}; for f in {files}; do echo 0 > $f; done").split()
            assert served.get("/hello.txt").body == HELLO
            if all(int(number) > 0 for number in left):
                break
        else:
            pytest.fail("there is always one more allocation")
        served.assert_idle()
    assert "tux" not in read_leaks(machine)


@pytest.mark.real
@pytest.mark.deep
@pytest.mark.parametrize("tux_kind", ["tux-debug"])
def test_each_allocation_of_the_start(tux_kind: str, start: Start) -> None:
    """A start that fails leaves nothing behind, and the next one works."""
    with start(tux_kind) as served:
        machine = served.machine
        assert machine is not None
        prepare(machine, pages=False)  # the shell needs its pages
        knob = "/proc/sys/net/tux/running"
        for site in range(1, SITES_MAX):
            served.control(0)
            left = machine.run(
                f"sh -c 'echo {site} > /proc/self/fail-nth; echo 1 > {knob}; "
                "cat /proc/$$/fail-nth' 2> /dev/null; true"
            )
            if left.strip().isdigit() and int(left) > 0:
                break
        else:
            pytest.fail("there is always one more allocation")
        with suppress(AssertionError):
            served.control(1)
        assert served.get("/hello.txt").body == HELLO
        served.assert_idle()
        # The shell that starts it is refused memory as well, and dies of it.
        shell = ("segfault", "VM_FAULT_OOM")
        told = [line for line in machine.read_complaints() if not any(w in line for w in shell)]
        assert not told
    assert "tux" not in read_leaks(machine)
