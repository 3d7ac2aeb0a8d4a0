# SPDX-License-Identifier: MIT
"""Start, hot restart and stop, idle and under load; error pages; the server beside TUX."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.tux.conftest import Start
from tests.tux.crowd import close_all, open_many
from tests.tux.documents import HELLO, content
from tests.tux.servers import IDLE_S, Served, request
from tests.tux.wire import ClosedError

STOP, START, RESTART = 0, 1, 2


@contextmanager
def load(served: Served, clients: int = 4) -> Iterator[list[str]]:
    """Clients that ask without pause, on new connections and old ones; yields what went wrong:
    a wrong byte is a failure, a refused or cut connection is not."""
    failures: list[str] = []
    stop = threading.Event()

    def work(number: int) -> None:
        while not stop.is_set():
            size = (1025, 4097, 65537)[number % 3]
            try:
                with served.connect() as connection:
                    for _ in range(5):
                        connection.send(request(f"/sizes/{size}.bin"))
                        if connection.read_reply().body != content(f"sizes/{size}.bin", size):
                            failures.append("wrong bytes")
            except (ClosedError, OSError):
                stop.wait(0.01)
            except Exception as error:
                # A reply that ends early shows as an error of h11, and is one.
                if "incomplete" not in str(error):
                    failures.append(repr(error))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield failures
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_restart_keeps_serving(tux_kind: str, start: Start) -> None:
    with start(tux_kind) as served:
        for _ in range(5):
            served.control(RESTART)
            assert served.get("/hello.txt").body == HELLO
        served.assert_idle()


def test_restart_under_load(tux_kind: str, start: Start) -> None:
    """No wrong byte, nothing left behind."""
    with start(tux_kind, stop_timeout=1) as served:
        with load(served) as failures:
            for _ in range(5):
                time.sleep(0.2)
                served.control(RESTART)
        assert not failures, failures[0]
        assert served.get("/hello.txt").body == HELLO
        served.assert_idle()


def test_stop_and_start_under_load(kernel_kind: str, start: Start) -> None:
    with start(kernel_kind, stop_timeout=1) as served:
        with load(served) as failures:
            for _ in range(3):
                time.sleep(0.2)
                served.control(STOP)
                with pytest.raises((OSError, ClosedError)):
                    served.get("/hello.txt")
                served.control(START)
        assert not failures, failures[0]
        assert served.get("/hello.txt").body == HELLO
        served.assert_idle()


def test_stop_with_connections_in_every_state(kernel_kind: str, start: Start) -> None:
    """Those that ask nothing are closed; the stop ends within its timeout."""
    with start(kernel_kind, stop_timeout=1, defer_accept=0) as served:
        silent = open_many(served, 50)
        asking = open_many(served, 50)
        for one in asking:
            one.sendall(b"GET /hello.txt HTTP/1.1\r\nHost: ")
        reading = open_many(served, 50)
        for one in reading:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # so that no reply ends
            one.sendall(request(f"/sizes/{3 * (1 << 20) + 7}.bin"))
        served.control(STOP)
        served.control(START)
        close_all(silent + asking + reading)
        assert served.get("/hello.txt").body == HELLO
        served.assert_idle()


def test_what_is_counted(tux_kind: str, start: Start) -> None:
    with start(tux_kind) as served:
        served.get("/hello.txt")  # what the start did is over
        served.assert_idle()
        before = served.read_stat()
        for _ in range(10):
            served.get("/hello.txt")
        served.assert_idle()  # a reply is read before the server is done with its request
        after = served.read_stat()
        assert after["replies.2xx"] - before["replies.2xx"] == 10
        for stage in ("accept", "parse", "process", "send_abuf", "send_body", "flush"):
            assert after[f"stage.{stage}"] - before[f"stage.{stage}"] >= 10
        for kind in ("request", "socket", "file"):
            assert after[f"object.{kind}.allocated"] - before[f"object.{kind}.allocated"] == 10


def test_objects_are_counted_while_they_live(tux_kind: str, start: Start) -> None:
    """Live objects and bytes rise with the connections and fall to nothing with them."""
    with start(tux_kind) as served:
        served.get("/hello.txt")  # whoever asked if it listens is gone
        served.assert_idle()
        crowd = [served.connect() for _ in range(30)]
        for connection in crowd:
            connection.send(b"GET /hello.txt HTTP/1.1\r\nHost: a")
        wait_for(served, "object.header.live", 30)
        stat = served.read_stat()
        assert stat["object.request.live"] == stat["object.socket.live"] == 30
        assert stat["object.header.bytes"] >= 30 * 256
        for connection in crowd:
            connection.socket.close()
        served.assert_idle()
        stat = served.read_stat()
        assert all(value == 0 for name, value in stat.items() if name.endswith(".bytes"))


def wait_for(served: Served, name: str, value: int) -> None:
    """Wait until a counter has reached ``value``."""
    deadline = time.monotonic() + IDLE_S
    while served.read_stat()[name] != value:
        assert time.monotonic() < deadline, served.read_stat()
        time.sleep(0.05)


def test_error_page(tux_kind: str, start: Start) -> None:
    """A document of one's own for 404."""
    with start(tux_kind, **{"404_page": "hello.txt"}) as served:
        reply = served.get("/missing")
        assert (reply.status, reply.body) == (404, HELLO)
        assert served.get("/missing", method="HEAD").status == 404
        assert served.get("/missing", "Range: bytes=0-1").body == HELLO
        assert served.get("/missing", "If-None-Match: *").status == 404


def test_curl_downloads(server: Served) -> None:
    size = (1 << 20) + 1
    result = server.curl("-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                         server.url(f"/sizes/{size}.bin"))  # fmt: skip
    assert (result.returncode, result.stdout) == (0, f"200 {size}")


def test_curl_follows_resumes_and_reuses(server: Served) -> None:
    follow = server.curl("-L", "-o", "/dev/null", "-w", "%{http_code} %{num_redirects}",
                         server.url("/dir"))  # fmt: skip
    assert follow.stdout == "200 1"
    resume = server.curl("-C", "90", "-o", "-", "-w", " %{http_code}", server.url("/plain.txt"))
    assert resume.stdout.endswith(" 206")
    both = server.curl("-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects} ",
                       server.url("/plain.txt"), server.url("/page.html"))  # fmt: skip
    assert both.stdout == "1 0 "


def test_curl_conditions(server: Served) -> None:
    code = ("-o", "/dev/null", "-w", "%{http_code}")
    old = server.curl(*code, "-z", "Mon, 01 Jan 2007 00:00:00 GMT", server.url("/hello.txt"))
    assert old.stdout == "304"
    head = server.curl("-I", *code[2:], server.url("/hello.txt"))
    assert head.stdout.endswith("200")


def test_a_client_that_waits_for_100(tux: Served) -> None:
    """RFC 9110 10.1.1: a final status may come instead of 100 (Continue)."""
    with tux.connect() as connection:
        connection.send(request("/hello.txt", "Content-Length: 10", "Expect: 100-continue",
                                method="POST"))  # fmt: skip
        assert connection.read_reply().status == 405
