# SPDX-License-Identifier: MIT
"""Two fast threads, helpers and callbacks at once, under ThreadSanitizer: no report at the end."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from tests.tux.conftest import POLICIES, Start
from tests.tux.documents import HELLO
from tests.tux.servers import Served, request
from tests.tux.wire import ClosedError

pytestmark = pytest.mark.slow
LARGE = request("/sizes/1048577.bin", "Connection: close")
KNOBS = {
    **{"threads": 2, "io_threads": 2, "miss_lookups": 3, "logging": 1, "max_keepalives": 4},
    **{"header_timeout": 1, "keepalive_timeout": 1, "output_timeout": 1, "linger_timeout": 1},
}


def work(served: Served, number: int, end: float) -> None:
    """Requests of all kinds, some left in their midst, until ``end``."""
    for step in range(number, 1_000_000):
        if time.monotonic() > end:
            return
        with suppress(OSError, ClosedError), served.connect() as connection:
            match step % 7:
                case 0:
                    connection.send(request("/hello.txt") * 5)
                    for _ in range(5):
                        connection.read_reply()
                case 1:
                    connection.send(LARGE)
                    connection.read_to_end()
                case 2:
                    connection.send(request("/hello.txt", "X: " + "x" * 5000))
                    connection.read_reply()
                case 3:
                    connection.send(request("/x", "Content-Length: 9", method="POST"))
                    connection.read_reply()
                case 4:
                    connection.send(LARGE)
                    connection.socket.recv(100)
                    connection.reset()
                case 5:
                    connection.send_pieces([b"GET /hello.txt HTTP/1.1\r\nHo", b"st: a\r\n\r\n"])
                    connection.read_reply()
                case 6:
                    connection.send(b"GET /hel")


@pytest.mark.parametrize("policy", ["fifo", *POLICIES])
def test_no_race(start: Start, policy: str) -> None:
    """Also while the server starts anew, its log is opened anew, and its counters are read."""
    knobs = KNOBS | POLICIES.get(policy, {})
    with start("tux-threads", policy=policy, **knobs) as served:
        end = time.monotonic() + 8
        workers = [threading.Thread(target=work, args=(served, n, end)) for n in range(6)]
        for worker in workers:
            worker.start()
        while time.monotonic() < end:
            served.control(2)
            time.sleep(0.5)
            served.reopen_log()
            served.read_stat()
        for worker in workers:
            worker.join()
        assert served.get("/hello.txt").body == HELLO
