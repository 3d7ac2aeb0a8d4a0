# SPDX-License-Identifier: MIT
"""The access log: one line a request, in the combined format, whatever a client sends."""

from __future__ import annotations

import re
import time
from contextlib import suppress

import pytest

from tests.tux.conftest import Start
from tests.tux.servers import Served, request
from tests.tux.wire import ClosedError, Connection

LINE = re.compile(
    r"(?P<host>\d+\.\d+\.\d+\.\d+) - - "
    r"\[(?P<date>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    r'"(?P<line>[^"]*)" (?P<status>\d{3}) (?P<bytes>\d+|-)'
    r'(?: "(?P<referer>[^"]*)" "(?P<agent>[^"]*)")?'
)
WAIT_S = 30.0


def read_lines(served: Served, count: int) -> list[re.Match[str]]:
    """The log's lines, once there are ``count`` of them; each must be well-formed."""
    deadline = time.monotonic() + WAIT_S
    while len(lines := served.read_log().splitlines()) < count:
        assert time.monotonic() < deadline, f"{len(lines)} of {count} lines"
        time.sleep(0.05)
    matches = [LINE.fullmatch(line) for line in lines]
    assert all(matches), lines
    return [match for match in matches if match]


def test_one_line_a_request(tux_kind: str, start: Start) -> None:
    with start(tux_kind, logging=1) as served:
        served.get("/hello.txt")
        served.get("/hello.txt", method="HEAD")
        served.get("/missing?a=b")
        served.get("/sizes/1024.bin", "Range: bytes=0-9")
        served.get("/hello.txt", "If-Modified-Since: Sun, 01 Jan 2006 03:25:45 GMT")
        served.get("/dir")
        served.get("/hello.txt", version="1.0")
        lines = read_lines(served, 7)
        found = [(m["line"], int(m["status"])) for m in lines]
        assert found == [
            ("GET /hello.txt HTTP/1.1", 200),
            ("HEAD /hello.txt HTTP/1.1", 200),
            ("GET /missing?a=b HTTP/1.1", 404),
            ("GET /sizes/1024.bin HTTP/1.1", 206),
            ("GET /hello.txt HTTP/1.1", 304),
            ("GET /dir HTTP/1.1", 301),
            ("GET /hello.txt HTTP/1.0", 200),
        ]
        assert (lines[0]["bytes"], lines[3]["bytes"]) == ("100", "10")
        assert {m["host"] for m in lines} == {served.client_address}


def send_without_reading(served: Served, data: bytes) -> Connection:
    connection = served.connect(receive_bytes=4096)
    connection.send(data)
    return connection


def test_bytes_are_those_of_the_body_that_was_sent(tux_kind: str, start: Start) -> None:
    """As %b of nginx and Apache: 0 without a body, the length of constant texts."""
    with start(tux_kind, logging=1) as served:
        replies = [
            served.get("/sizes/1024.bin"),
            served.get("/sizes/1024.bin", method="HEAD"),
            served.get("/sizes/1024.bin", "If-None-Match: *"),
            served.get("/sizes/1024.bin", "Range: bytes=1000-"),
            served.get("/sizes/1024.bin", "Range: bytes=5000-"),
            served.get("/sizes/1024.bin", 'If-Match: "x"'),
            served.get("/sizes/0.bin"),
            served.get("/missing"),
            served.get("/missing", method="HEAD"),
            served.get("/forbidden.txt"),
            served.get("/dir"),
            served.get("/hello.txt", method="POST"),
        ]
        lines = read_lines(served, len(replies))
    assert [int(m["status"]) for m in lines] == [reply.status for reply in replies]
    assert [int(m["bytes"]) for m in lines] == [len(reply.body) for reply in replies]


@pytest.mark.parametrize("kind", ["tux", "nginx"])
def test_a_reply_that_was_cut_off_is_a_line(kind: str, start: Start) -> None:
    """With what went out before the reset."""
    size = 3 * (1 << 20) + 7
    with start(kind, **({"logging": 1} if kind == "tux" else {})) as served:
        connection = send_without_reading(served, request(f"/sizes/{size}.bin") * 5)
        connection.socket.recv(1000)
        time.sleep(0.3)  # the host takes in what it can: not the whole reply
        connection.reset()
        [line] = read_lines(served, 1)
        assert (line["line"], line["status"]) == (f"GET /sizes/{size}.bin HTTP/1.1", "200")
        assert 1000 <= int(line["bytes"]) < size


def test_every_end_is_a_line(tux_kind: str, start: Start) -> None:
    """Heads that stop in their midst, by a reset, an end or a timeout; and silence is none."""
    knobs = {"header_timeout": 1, "output_timeout": 1, "keepalive_timeout": 1}
    with start(tux_kind, logging=1, **knobs) as served:
        whole, part = request("/sizes/3145735.bin"), b"GET /hello.txt HTTP/1.1\r\nHost: l"
        reset = send_without_reading(served, part)
        time.sleep(0.2)
        reset.reset()
        read_lines(served, 1)
        with served.connect() as connection:
            connection.send(part)
            connection.finish_sending()
            connection.read_to_end()
        read_lines(served, 2)
        with send_without_reading(served, part) as connection:
            assert connection.read_reply().status == 408
        read_lines(served, 3)
        with served.connect():
            time.sleep(0.2)  # and never says a word
        with send_without_reading(served, whole):
            read_lines(served, 4)  # the output's timeout
        served.get("/hello.txt")
        lines = read_lines(served, 5)
        served.assert_idle()
        assert len(served.read_log().splitlines()) == 5
    assert lines[0]["status"] in {"400", "499"}  # whether its bytes were seen before the reset
    assert [(m["line"], m["status"]) for m in lines] == [
        ("GET /hello.txt HTTP/1.1", lines[0]["status"]),
        ("GET /hello.txt HTTP/1.1", "400"),
        ("GET /hello.txt HTTP/1.1", "408"),
        ("GET /sizes/3145735.bin HTTP/1.1", "200"),
        ("GET /hello.txt HTTP/1.1", "200"),
    ]
    assert int(lines[3]["bytes"]) < 3145735
    assert {m["host"] for m in lines} == {served.client_address}


def test_a_part_that_was_cut_off_is_a_line(tux_kind: str, start: Start) -> None:
    """With the bytes of the part, wherever it begins."""
    with start(tux_kind, logging=1) as served:
        wanted = "Range: bytes=3000000-3145734"
        connection = send_without_reading(served, request("/sizes/3145735.bin", wanted))
        connection.socket.recv(1000)
        time.sleep(0.3)
        connection.reset()
        [line] = read_lines(served, 1)
        assert line["status"] == "206"
        assert 1000 <= int(line["bytes"]) <= 145_735


def test_a_stop_is_an_end(tux_kind: str, start: Start) -> None:
    """Of a reply with what went out of it, of a head as 503; and of silence as nothing."""
    with start(tux_kind, logging=1, stop_timeout=0, defer_accept=0) as served:
        reading = send_without_reading(served, request("/sizes/3145735.bin"))
        reading.socket.recv(1000)
        asking = send_without_reading(served, b"GET /hello.txt HTTP/1.1\r\nHo")
        with reading, asking, served.connect():
            time.sleep(0.3)
            served.control(2)
            lines = read_lines(served, 2)
            served.get("/hello.txt")
            assert len(read_lines(served, 3)) == 3
        found = {m["line"].split()[1]: (m["status"], int(m["bytes"])) for m in lines}
        assert found["/hello.txt"] == ("503", 0)
        status, sent = found["/sizes/3145735.bin"]
        assert status == "200"
        assert 1000 <= sent < 3_145_735


def test_empty_lines_are_no_line(tux_kind: str, start: Start) -> None:
    """Not before a reset, an end, a timeout or a stop; a bare LF is wrong, and is one."""
    with start(tux_kind, logging=1, header_timeout=1) as served:
        for leave in (Connection.reset, Connection.finish_sending, lambda _: None):
            with served.connect() as connection:
                connection.send(b"\r\n\r\n")
                time.sleep(0.2)
                leave(connection)
                with suppress(OSError):
                    assert connection.read_to_end() == b""
        with served.connect() as stopped:
            stopped.send(b"\r\n")
            time.sleep(0.2)
            served.control(2)
        assert served.ask(b"\n").status == 400
        [line] = read_lines(served, 1)
        assert (line["line"], line["status"]) == ("-", "400")


def test_rotation(tux_kind: str, start: Start) -> None:
    """The file is renamed, TUX is told, and no line is lost or goes to the wrong file."""
    with start(tux_kind, logging=1) as served:
        served.get("/hello.txt?before")
        read_lines(served, 1)
        served.rename_log("old")
        served.get("/hello.txt?between")
        deadline = time.monotonic() + WAIT_S
        while len(served.read_log("old").splitlines()) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert served.read_log() == ""
        served.reopen_log()
        for number in range(100):
            served.get(f"/hello.txt?{number}")
        lines = read_lines(served, 100)
        assert [m["line"] for m in lines] == [f"GET /hello.txt?{n} HTTP/1.1" for n in range(100)]
        old = served.read_log("old").splitlines()
        assert ["before" in old[0], "between" in old[1], len(old)] == [True, True, 2]
        served.reopen_log()  # nothing was renamed: the same file goes on
        served.get("/hello.txt?after")
        assert read_lines(served, 101)[-1]["line"] == "GET /hello.txt?after HTTP/1.1"


def test_pipelined_requests_are_logged_in_order(tux_kind: str, start: Start) -> None:
    count = 200
    with start(tux_kind, logging=1) as served, served.connect() as connection:
        connection.send(b"".join(request(f"/missing{i}") for i in range(count)))
        for _ in range(count):
            connection.read_reply()
        lines = read_lines(served, count)
        assert [m["line"] for m in lines] == [f"GET /missing{i} HTTP/1.1" for i in range(count)]


def test_nothing_is_logged_by_default(tux: Served) -> None:
    tux.get("/hello.txt")
    time.sleep(0.2)
    assert tux.read_log() == ""


def test_what_a_client_writes_stays_one_line(tux_kind: str, start: Start) -> None:
    """Quotes, escapes and bytes above 127 are escaped, however many: no line is forged, and
    none outgrows its buffer."""
    with start(tux_kind, logging=1, referer_logging=1) as served:
        worst = b"\xff" * 600
        for data in (
            b'GET /"%s HTTP/1.1\r\nHost: a\r\n\r\n' % (b'"' * 1500),
            b"GET /%s HTTP/1.1\r\nHost: a\r\nReferer: %s\r\nUser-Agent: %s\r\n\r\n"
            % (b'"' * 900, worst, worst),
            b'GET / HTTP/1.1\r\nHost: a\r\nReferer: " 200 0\r\nUser-Agent: \\x22\\\r\n\r\n',
            b"GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n",
        ):
            with served.connect() as connection:
                connection.send(data)
                connection.read_reply()
        lines = read_lines(served, 4)
        assert len(lines) == 4
        assert lines[3]["line"] == "GET /hello.txt HTTP/1.1"
        assert (lines[3]["referer"], lines[3]["agent"]) == ("-", "-")


def test_refused_requests_break_no_line(tux_kind: str, start: Start) -> None:
    """A request that is refused before it is understood is a line without its words."""
    refused = {
        b"nonsense\r\n\r\n": 400,
        b"GET /\nfoo HTTP/1.1\r\n\r\n": 400,
        b"\0\0\0\0\r\n\r\n": 400,
        b"GET /" + b"x" * 20_000: 414,
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n": 505,
    }
    with start(tux_kind, logging=1) as served:
        for data in refused:
            with served.connect() as connection:
                connection.send(data)
                with suppress(ClosedError):
                    connection.read_reply()
        served.get("/hello.txt")
        lines = read_lines(served, len(refused) + 1)
        assert [(m["line"], int(m["status"])) for m in lines] == [
            *(("-", status) for status in refused.values()),
            ("GET /hello.txt HTTP/1.1", 200),
        ]


def test_the_log_keeps_up_or_says_so(tux_kind: str, start: Start) -> None:
    """Every request is either a line or counted as dropped."""
    count = 5000
    with start(tux_kind, logging=1) as served:
        for _ in range(count // 100):
            with served.connect() as connection:
                connection.send(request("/hello.txt") * 100)
                for _ in range(100):
                    connection.read_reply()
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            lines = len(served.read_log().splitlines())
            if lines + served.read_stat()["event.log_dropped"] >= count:
                break
            time.sleep(0.1)
        assert lines + served.read_stat()["event.log_dropped"] == count
