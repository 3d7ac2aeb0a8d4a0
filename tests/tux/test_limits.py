# SPDX-License-Identifier: MIT
"""Limits: sizes of heads and objects, numbers of connections, bandwidth."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.tux.conftest import Start
from tests.tux.conversation import converse
from tests.tux.crowd import close_all, open_many
from tests.tux.documents import HELLO, content
from tests.tux.servers import Served, request

BUFFER = 3000  # longer heads get another buffer
MAX_HEAD = 16_384


def head_of_length(length: int) -> bytes:
    """A request whose head has exactly ``length`` bytes."""
    short = request("/hello.txt", "X-Filler: ")
    return request("/hello.txt", "X-Filler: " + "x" * (length - len(short)))


@pytest.mark.parametrize(
    "length",
    [*range(BUFFER - 2, BUFFER + 3), 4096, *range(MAX_HEAD - 2, MAX_HEAD + 3), 20_000],
)
def test_length_of_the_head(tux: Served, length: int) -> None:
    """A head may fill the limit to the byte; beyond it is 431."""
    data = head_of_length(length)
    assert len(data) == length
    assert converse(tux, data).status == (200 if length <= MAX_HEAD else 431)


def test_what_browsers_send(server: Served) -> None:
    """RFC 9112 3: a request line of 8000 octets, and cookies of 4 KiB, in one head."""
    line = len("GET /hello.txt?") + len(" HTTP/1.1")
    query = "q" * (8000 - line)
    if server.name == "apache":
        query = query[:-200]  # it takes 8190 octets of line or field, and no more
    reply = server.get(f"/hello.txt?{query}", "Cookie: a=" + "c" * 4096)
    assert (reply.status, reply.body) == (200, HELLO)


def test_long_and_short_heads_on_one_connection(tux: Served) -> None:
    """Pipelined, in pieces, with fields at the end of long ones that count."""
    filler = "X-Filler: " + "x" * 5000
    long = request("/hello.txt", filler, "Range: bytes=0-9")
    with tux.connect() as connection:
        connection.send((long + request("/hello.txt")) * 3)
        for _ in range(3):
            assert connection.read_reply().body == HELLO[:10]
            assert connection.read_reply().body == HELLO
        for cut in (1, BUFFER - 1, BUFFER, BUFFER + 1, len(long) - 3, len(long) - 1):
            connection.send_pieces([long[:cut]])
            time.sleep(0.02)
            connection.send(long[cut:])
            assert connection.read_reply().body == HELLO[:10]
        connection.send_pieces([long[:3500], *(bytes([byte]) for byte in long[3500:])])
        assert connection.read_reply().body == HELLO[:10]
    tux.assert_idle()


def test_a_long_head_without_its_end(tux_kind: str, start: Start) -> None:
    """Half-closed, reset or left alone in its midst: answered or closed, and nothing stays."""
    data = request("/hello.txt", "X-Filler: " + "x" * 5000)[:4000]
    with start(tux_kind, header_timeout=1) as served:
        for finish in (True, False):
            with served.connect() as connection:
                connection.send(data)
                if finish:
                    connection.finish_sending()
                assert connection.read_reply().status == (400 if finish else 408)
        connection = served.connect()
        connection.send(data)
        time.sleep(0.1)
        connection.reset()
        served.assert_idle()
        assert served.read_stat()["object.header.bytes"] == 0


def test_long_redirections_are_answered(tux_kind: str, start: Start) -> None:
    """A Location that fits no page is 414, never a reset."""
    lengths = (100, 2900, *range(3300, 3500, 5), 4000, 8000, 30_000)
    with start(tux_kind, long_header_len=32768) as served, served.connect() as connection:
        for length in lengths:
            query, slashes = "?" + "q" * length, "/" * length
            for target, location in ((f"/dir{query}", f"/dir/{query}"), (f"{slashes}dir", "/dir/")):
                connection.send(request(target))
                reply = connection.read_reply()
                assert reply.status in ({301} if length <= BUFFER else {301, 414})
                assert reply.get("location") == (location if reply.status == 301 else None)
                connection.send(request("/hello.txt"))
                assert connection.read_reply().body == HELLO


NAME = "\\<>" * 40  # each of its bytes takes three in a Location


@pytest.mark.parametrize("knobs", [{}, {"max_header_len": 32768, "long_header_len": 0}], ids=str)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_redirections_of_all_lengths(
    start: Start, place: Path, knobs: dict[str, int], version: str, method: str
) -> None:
    """In either buffer; with a name that grows, and in absolute form."""
    (place / "dir").mkdir()
    (place / NAME).mkdir()
    escaped = f"/{quote(NAME)}/"
    with start("tux", documentroot=place, **knobs) as served:
        for length in (0, 2500, *range(2900, 3500, 30), 4090, 8000, 15_000):
            query = "?" + "q" * length
            for target, location in (
                (f"/dir{query}", f"/dir/{query}"),
                (f"http://localhost//dir{query}", f"/dir/{query}"),
                (f"/{NAME}{query}", f"{escaped}{query}"),
                ("/" * length + f"/{NAME}", escaped),
            ):
                reply = served.get(target, method=method, version=version)
                assert reply.status in ({301} if length <= 2500 else {301, 414})
                assert reply.get("location") == (location if reply.status == 301 else None)


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
    with start(tux_kind, max_header_len=500, long_header_len=0) as served:
        assert converse(served, head_of_length(500)).status == 200
        assert converse(served, head_of_length(501)).status == 431
    with start(tux_kind, max_header_len=500, long_header_len=600) as served:
        assert converse(served, head_of_length(600)).status == 200
        assert converse(served, head_of_length(601)).status == 431


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
