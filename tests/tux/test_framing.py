# SPDX-License-Identifier: MIT
"""Where one request ends and the next begins: pipelining, splits, smuggling, persistence."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from tests.tux.cases import HARMLESS, SMUGGLING, WELL_FRAMED
from tests.tux.conversation import PROBE, still_answers
from tests.tux.documents import HELLO, content
from tests.tux.servers import Served, request
from tests.tux.wire import ClosedError, Connection, Reply

SIMPLE = request("/hello.txt")


def read_replies(connection: Connection, methods: list[str]) -> list[Reply]:
    """Replies until the connection closes; at most one a method."""
    replies = []
    for method in methods:
        try:
            replies.append(connection.read_reply(method))
        except ClosedError:
            break
    return replies


@pytest.mark.parametrize("count", [2, 10, 300])
def test_pipelined(server: Served, count: int) -> None:
    """All in one write; each is answered once, in order."""
    targets = ["hello.txt", "sizes/0.bin", "sizes/4097.bin", "missing", "dir/"]
    chosen = [targets[i % len(targets)] for i in range(count)]
    with server.connect() as connection:
        connection.send(b"".join(request(f"/{name}") for name in chosen) + PROBE)
        for name in chosen:
            reply = connection.read_reply()
            assert reply.status == (404 if name == "missing" else 200)
            if name.startswith("sizes"):
                assert reply.body == content(name, int(name[6:-4]))
        assert connection.read_reply().body == HELLO
        assert connection.read_to_end() == b""


def test_pipelined_heads_and_conditions(server: Served) -> None:
    """Replies without a body between replies with one."""
    with server.connect() as connection:
        asked = [("GET", 200), ("HEAD", 200), ("GET", 200), ("HEAD", 404), ("GET", 304)]
        for method, status in asked:
            target = "/missing" if status == 404 else "/hello.txt"
            fields = ["If-Modified-Since: Sun, 01 Jan 2006 03:25:45 GMT"] if status == 304 else []
            connection.send(request(target, *fields, method=method))
        connection.send(PROBE)
        for method, status in asked:
            assert connection.read_reply(method).status == status
        assert connection.read_reply().body == HELLO


def test_split_at_every_byte(server: Served) -> None:
    """Two pipelined requests, cut in two at each place in turn."""
    stream = SIMPLE + request("/sizes/1025.bin")
    with server.connect() as connection:
        for cut in range(1, len(stream)):
            connection.send_pieces([stream[:cut], stream[cut:]])
            assert connection.read_reply().body == HELLO
            assert connection.read_reply().body == content("sizes/1025.bin", 1025)


def test_a_byte_at_a_time(server: Served) -> None:
    stream = SIMPLE + request("/hello.txt", "Range: bytes=1-3") + PROBE
    with server.connect() as connection:
        connection.send_pieces(stream[i : i + 1] for i in range(len(stream)))
        assert connection.read_reply().body == HELLO
        assert connection.read_reply().body == HELLO[1:4]
        assert connection.read_reply().body == HELLO


def test_nothing_follows_a_close(server: Served) -> None:
    """RFC 9112 9.6: requests after one with close are not answered."""
    with server.connect() as connection:
        connection.send(PROBE + SIMPLE + SIMPLE)
        assert connection.read_reply().body == HELLO
        assert connection.read_to_end() == b""


def test_keep_alive_many(server: Served) -> None:
    with server.connect() as connection:
        for _ in range(90):  # Apache and nginx end a connection at 100 or more
            connection.send(SIMPLE)
            assert connection.read_reply().body == HELLO
        assert still_answers(connection)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("option", [None, "close", "keep-alive", "Keep-Alive", "keep-alive, close"])
def test_persistence(server: Served, version: str, option: str | None) -> None:
    """RFC 9112 9.3: close wins; 1.1 persists by default, 1.0 where both say keep-alive."""
    fields = [f"Connection: {option}"] if option else []
    with server.connect() as connection:
        connection.send(request("/hello.txt", *fields, version=version))
        reply = connection.read_reply()
        persists = still_answers(connection)
    wants_close = "close" in (option or "")
    if wants_close or (version == "1.0" and option is None):
        assert not persists
    elif version == "1.1":
        assert persists
        assert not reply.says_close
    else:
        assert persists == ("keep-alive" in (reply.get("connection") or "").lower())
    if not persists and version == "1.1" and server.is_tux:
        assert reply.says_close


def test_what_is_announced_is_kept(tux: Served) -> None:
    """Errors too say whether the connection stays, and mean it."""
    for data in (
        *(request("/missing"), request("/forbidden.txt"), request("/dir"), request("/noindex/")),
        *(b"nonsense\r\n\r\n", request("/hello.txt", method="POST"), request("/", method="FROB")),
        *(request("/", version="2.0"), request("/" + "a" * 5000), request("/", "X: " + "a" * 5000)),
    ):
        with tux.connect() as connection:
            connection.send(data)
            reply = connection.read_reply()
            assert still_answers(connection) is not reply.says_close, data[:60]


@pytest.mark.parametrize("shape", SMUGGLING)
def test_smuggling(server: Served, shape: str) -> None:
    """The body is never taken for a request, and what follows it is answered in step."""
    with server.connect() as connection:
        connection.send(SMUGGLING[shape] + PROBE)
        method = SMUGGLING[shape].split(b" ", 1)[0].decode()
        replies = read_replies(connection, [method, "GET", "GET", "GET"])
    assert replies, "no reply at all"
    first, *rest = replies
    if server.is_tux and shape not in HARMLESS:
        assert first.status >= 400 or shape in WELL_FRAMED
        assert first.says_close
        assert not rest, "the server went on reading behind an unclear end"
    elif server.is_tux:
        assert first.status == 200
    if server.is_tux or shape in HARMLESS or first.status < 400:
        assert [reply.status for reply in rest] in ([], [200])
        assert all(reply.body == HELLO for reply in rest)


EMPTY_LINES = {
    "an empty line": [b"\r\n"],
    "several": [b"\r\n" * 7],
    "one in two segments": [b"\r", b"\n"],
    "one and a half": [b"\r\n\r"],
}
EXCHANGES = {
    "nothing": b"",
    "a reply": SIMPLE,
    "an error": request("/missing"),
    "a reply in HTTP/1.0": request("/hello.txt", "Connection: keep-alive", version="1.0"),
    "the last reply": PROBE,
    "a body": request("/hello.txt", "Content-Length: 5", method="POST") + b"hello",
}


def send_lines(connection: Connection, asked: bytes, lines: list[bytes]) -> None:
    """Empty lines, each piece in a segment of its own, behind an exchange that is over."""
    if asked:
        connection.send(asked)
        connection.read_reply()
    for piece in lines:
        connection.send_pieces([piece])
        time.sleep(0.02)


@pytest.mark.parametrize("lines", EMPTY_LINES)
@pytest.mark.parametrize("asked", EXCHANGES)
def test_empty_lines_ask_for_nothing(tux: Served, asked: str, lines: str) -> None:
    """RFC 9112 2.2: they are no request, so that no reply follows, as none does from nginx."""
    with tux.connect() as connection:
        with suppress(OSError):  # it may have closed
            send_lines(connection, EXCHANGES[asked], EMPTY_LINES[lines])
            connection.finish_sending()
        assert connection.read_to_end() == b""
    tux.assert_idle()


@pytest.mark.parametrize("lines", EMPTY_LINES)
def test_empty_lines_in_the_segment_of_the_last_request(server: Served, lines: str) -> None:
    """And an end with them: each request is answered once, as by nginx and Apache."""
    with server.connect() as connection:
        connection.send(SIMPLE * 2 + b"".join(EMPTY_LINES[lines]))
        connection.finish_sending()
        assert [reply.status for reply in read_replies(connection, ["GET"] * 3)] == [200, 200]


@pytest.mark.parametrize("asked", ["nothing", "a reply"])
def test_a_request_behind_empty_lines(tux: Served, asked: str) -> None:
    """Is answered, however late it comes."""
    for lines in EMPTY_LINES.values():
        with tux.connect() as connection:
            send_lines(connection, EXCHANGES[asked], lines)
            connection.send(b"\n" + PROBE if lines[-1].endswith(b"\r") else PROBE)
            assert connection.read_reply().body == HELLO
            assert connection.read_to_end() == b""


def test_error_reply_survives_unread_data(server: Served) -> None:
    """RFC 9112 9.6: a close with data unread would reset, and may destroy the reply."""
    with server.connect() as connection:
        connection.send(request("/" + "x" * 20_000) + b"y" * 200_000)
        reply = connection.read_reply()
        assert 400 <= reply.status < 500


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_line_ends_are_taken_alike_everywhere(server: Served, ends: bytes) -> None:
    """A bare LF is an end of line everywhere, or nowhere (RFC 9112 2.2: MAY)."""
    plain = SIMPLE.replace(b"\r\n", ends)
    mixed = [SIMPLE.replace(b"\r\n", ends, 1), SIMPLE[:-4] + ends + SIMPLE[-2:], SIMPLE[:-2] + ends]
    statuses = set()
    for data in (plain, *mixed):
        with server.connect() as connection:
            connection.send(data)
            connection.finish_sending()
            try:
                statuses.add(connection.read_reply().status)
            except ClosedError:
                statuses.add(400)
    assert statuses in ({200}, {400})
