# SPDX-License-Identifier: MIT
"""Limits: sizes of heads and objects, numbers of connections, bandwidth."""

from __future__ import annotations

import time

import pytest

from tests.tux.conftest import Start
from tests.tux.conversation import converse
from tests.tux.crowd import close_all, open_many
from tests.tux.documents import HELLO, content
from tests.tux.servers import Served, request

MAX_HEAD = 3000


def head_of_length(length: int) -> bytes:
    """A request whose head has exactly ``length`` bytes."""
    short = request("/hello.txt", "X-Filler: ")
    return request("/hello.txt", "X-Filler: " + "x" * (length - len(short)))


@pytest.mark.parametrize("length", [2998, 2999, 3000, 3001, 3002, 4096, 10_000])
def test_length_of_the_head(tux: Served, length: int) -> None:
    """A head may fill the limit to the byte; beyond it is 431."""
    data = head_of_length(length)
    assert len(data) == length
    assert converse(tux, data).status == (200 if length <= MAX_HEAD else 431)


@pytest.mark.parametrize("length", [2990, 3000, 3001, 5000, 60_000])
def test_length_of_the_target(server: Served, length: int) -> None:
    """414 where the request line alone is too long (RFC 9110 15.5.15)."""
    status = converse(server, request("/" + "x" * length)).status
    if length >= (MAX_HEAD if server.is_tux else 60_000):
        assert status == 414
    else:
        assert status in {403, 404, 414, 431}


@pytest.mark.parametrize("length", [100_000, 1_000_000])
def test_a_line_without_end(server: Served, length: int) -> None:
    """Refused long before it ends."""
    with server.connect() as connection:
        connection.send(b"GET /" + b"x" * length)
        assert connection.read_reply().status in {400, 414, 431}


def test_a_field_without_end(server: Served) -> None:
    with server.connect() as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000)
        assert connection.read_reply().status in {400, 431}


def test_endless_empty_lines(server: Served) -> None:
    """Not a way to keep a server busy for nothing."""
    with server.connect() as connection:
        connection.send(b"\r\n" * 10_000)
        connection.finish_sending()
        assert connection.read_to_end()[:10] in (b"", b"HTTP/1.1 4")


def test_a_smaller_limit(tux_kind: str, start: Start) -> None:
    with start(tux_kind, max_header_len=500) as served:
        assert converse(served, head_of_length(500)).status == 200
        assert converse(served, head_of_length(501)).status == 431


def test_objects_that_are_too_large(tux_kind: str, start: Start) -> None:
    with start(tux_kind, max_object_size=4096) as served:
        assert served.get("/sizes/4096.bin").body == content("sizes/4096.bin", 4096)
        reply = served.get("/sizes/4097.bin")
        assert reply.status in {403, 404, 413}
        assert served.get("/sizes/4097.bin", "Range: bytes=0-0").status in {403, 404, 413}


def test_bandwidth(tux_kind: str, start: Start) -> None:
    """No faster than asked for, each byte right; the bound is on one side only."""
    size, rate = (1 << 20) + 1, 512 * 1024
    with start(tux_kind, max_output_bandwidth=rate) as served:
        begun = time.monotonic()
        reply = served.get(f"/sizes/{size}.bin", "Connection: close")
        took = time.monotonic() - begun
        assert reply.body == content(f"sizes/{size}.bin", size)
        assert took >= 0.5 * size / rate
        assert served.get("/hello.txt").body == HELLO


def test_connections(tux_kind: str, start: Start) -> None:
    """Never more than max_connect at once; who waits is served when others have gone."""
    limit = 20
    with start(tux_kind, max_connect=limit, defer_accept=0) as served:
        crowd = open_many(served, 3 * limit)
        try:
            time.sleep(0.3)
            assert served.read_stat()["requests.live"] <= limit
        finally:
            close_all(crowd)
        assert served.get("/hello.txt").body == HELLO
        served.assert_idle()


def test_idle_connections(tux_kind: str, start: Start) -> None:
    """Of more than max_keepalives idle ones, the longest idle are closed; the rest still work."""
    limit = 5
    with start(tux_kind, max_keepalives=limit) as served:
        connections = [served.connect() for _ in range(3 * limit)]
        for connection in connections:
            connection.send(request("/hello.txt"))
            assert connection.read_reply().body == HELLO
        for connection in connections[: 2 * limit]:
            assert connection.read_to_end() == b""
        for connection in connections[2 * limit :]:
            connection.send(request("/hello.txt", "Connection: close"))
            assert connection.read_reply().body == HELLO
        for connection in connections:
            connection.socket.close()
        served.assert_idle()
