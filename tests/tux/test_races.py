# SPDX-License-Identifier: MIT
"""Two processors on a kernel with KCSAN: no access of TUX's own races with another.

ThreadSanitizer (test_threads.py) sees the sources that the process has; sockets, their callbacks
and admission are the kernel's alone.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tux.conftest import POLICIES
from tests.tux.documents import HELLO
from tests.tux.guest import Guest, find_boot, load_module, serve_in_guest, start_guest
from tests.tux.network import is_possible
from tests.tux.test_threads import KNOBS, work
from tests.tux.variants import Variant

pytestmark = [pytest.mark.real, pytest.mark.deep, pytest.mark.timeout(3600)]
LOAD_S = 40.0
ACCOUNT = "/sys/kernel/debug/kcsan"
BETWEEN = "=" * 66  # reports
OF_TUX = re.compile(r"BUG: KCSAN: .*\[tux\]")
# tcp_inq() without the socket's lock, inline: it reads up to where bytes have come, and TCP moves
# that on. A value that is a moment old is followed by a callback, which has the stage run again.
LOOK = re.compile(
    r"BUG: KCSAN: data-race in input_(?:ready|pending|over)\+\S+ \[tux\]\s+"
    r"race at unknown origin, with read to \S+ of 4 bytes"
)
# One access in so many is waited beside, where by default it is one in 4000.
EAGER = "kcsan.skip_watch=50"
VARIANTS = {
    "fifo": {},
    **{name: {"policy": name, **parameters} for name, parameters in POLICIES.items()},
    "admission": {"admission": "4"},
}


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory, documents: Path) -> Iterator[Guest]:
    """A guest of two processors, with stock loaded."""
    if not is_possible():
        pytest.skip("a guest's network needs root and /dev/net/tun")
    boot = find_boot("races", documents, Variant("tux"))
    boot = replace(boot, processors=2, arguments=EAGER)
    with start_guest(boot, tmp_path_factory.mktemp("races"), Variant("tux")) as started:
        assert started.machine.run("nproc") == "2\n"
        started.machine.run(f"echo on > {ACCOUNT}")
        yield started


def count_watched(guest: Guest) -> int:
    """How many accesses KCSAN has waited beside."""
    found = re.search(r"setup_watchpoints: (\d+)", guest.machine.run(f"cat {ACCOUNT}"))
    assert found
    return int(found[1])


def find_reports(console: str) -> list[str]:
    """What KCSAN says of accesses of TUX's, but for those that are meant."""
    parts = [part.strip() for part in console.split(BETWEEN)]
    return [part for part in parts if OF_TUX.search(part) and not LOOK.search(part)]


@pytest.mark.parametrize("name", VARIANTS)
def test_no_race(guest: Guest, documents: Path, name: str) -> None:
    """As under ThreadSanitizer: all kinds of requests, while the server starts anew."""
    machine, said = guest.machine, len(guest.machine.console)
    watched = count_watched(guest)
    machine.run("echo 0 > /proc/sys/net/tux/running && rmmod tux")
    load_module(machine, Variant("tux", parameters=VARIANTS[name]))
    knobs = {knob: str(value) for knob, value in KNOBS.items() if knob != "miss_lookups"}
    with serve_in_guest(guest, documents, knobs) as served:
        end = time.monotonic() + LOAD_S
        workers = [threading.Thread(target=work, args=(served, n, end)) for n in range(6)]
        for worker in workers:
            worker.start()
        while time.monotonic() < end:
            served.control(2)
            time.sleep(1)
            served.reopen_log()
            machine.run("cat /proc/net/tux/stat /proc/net/tux/ledger > /dev/null")
        for worker in workers:
            worker.join()
        assert served.get("/hello.txt").body == HELLO
    assert count_watched(guest) > watched
    reports = find_reports(machine.console[said:])
    assert not reports, "\n\n".join(reports)


@pytest.mark.parametrize(
    ("title", "counts"),
    [
        ("tcp_ack / tcp_poll", False),
        ("hold [tux] / tux_admit [tux]", True),
        ("tcp_ack / input_ready [tux]", True),
        ("give_turn+0x1d/0x60 [tux]\n\nrace at unknown origin, with write to 0x1 of 4 bytes", True),
        (
            "input_ready+0xbd/0x1f0 [tux]\n\nrace at unknown origin, with write to 0x1 of 4 byt",
            True,
        ),
        (
            "input_ready+0xbd/0x1f0 [tux]\n\nrace at unknown origin, with read to 0x1 of 4 bytes",
            False,
        ),
    ],
)
def test_which_reports_count(title: str, counts: bool) -> None:
    console = f"up\n{BETWEEN}\nBUG: KCSAN: data-race in {title}\n\n{BETWEEN}\n"
    assert len(find_reports(console)) == counts
