# SPDX-License-Identifier: MIT
"""Both servers speak HTTP/1.1: h11 judges the framing, the files on disk judge the bodies."""

from __future__ import annotations

import socket
import struct
import time
from email.utils import formatdate

import pytest

from tests.servers.clients import Client, connect, exchange_raw, parse_all
from tests.servers.conftest import SIZES, Start
from tests.servers.running import Server

GET = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def read_file(server: Server, name: str) -> bytes:
    return (server.root / name).read_bytes()


def test_every_size_on_one_connection(server: Server) -> None:
    with Client(server.port) as client:
        for size in SIZES:
            got = client.request(f"/{size}.bin")
            assert got.status == 200
            assert got.headers["content-length"] == str(size)
            assert got.body == read_file(server, f"{size}.bin")
            assert not client.is_closing


def test_head_has_the_headers_of_get(server: Server) -> None:
    with Client(server.port) as client:
        for target in ("/4097.bin", "/page.html", "/missing"):
            got, head = client.request(target), client.request(target, "HEAD")
            assert head.status == got.status
            assert {**head.headers, "date": ""} == {**got.headers, "date": ""}
            assert head.body == b""


def test_media_types_and_odd_names(server: Server) -> None:
    with Client(server.port) as client:
        assert client.request("/page.html").headers["content-type"] == "text/html"
        assert client.request("/1.bin").headers["content-type"] == "application/octet-stream"
        assert client.request("/a%20b%25c%3Fd%23.txt").body == b"awkward\n"
        assert client.request("/page.html?query=1").body == read_file(server, "page.html")
        assert client.request("//page.html").body == read_file(server, "page.html")
        assert client.request("http://localhost/page.html").status == 200


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/missing", 404),
        ("/page.html/", 404),
        ("/page.html/x", 404),
        ("/loop", 404),
        ("/private.txt", 403),
        ("/fifo", 403),
        ("/" + "n" * 300, 404),
        ("/../secret.txt", 400),
        ("/plain/../../secret.txt", 400),
        ("/%2e%2e/secret.txt", 400),
        ("/plain%2f..%2f..%2fsecret.txt", 400),
        ("/..", 400),
        ("/a%00b", 400),
        ("/a%0", 400),
        ("/a%zz", 400),
        ("*", 400),
        ("page.html", 400),
    ],
)
def test_refused_targets(server: Server, target: str, status: int) -> None:
    with Client(server.port) as client:
        got = client.request(target)
        assert got.status == status
        assert got.body.startswith(str(status).encode())
        assert client.is_closing == (status == 400)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET\r\n\r\n", 400),
        (b"GET /page.html\r\n\r\n", 400),
        (b"GET  /page.html HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"G(T /page.html HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /page.html HTTP/1.1\r\n\r\n", 400),
        (b"GET /page.html HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET /page.html HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET /page.html HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
        (b"GET /page.html HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET /page.html HTTP/1.1\r\nHost: x\r\nContent-Length: 1 2\r\n\r\n", 400),
        (b"GET /page\0.html HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /page.html HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"GET /page.html HTTP/11\r\nHost: x\r\n\r\n", 400),
        (b"BREW /page.html HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"POST /page.html HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405),
        (b"GET /page.html HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        (b"GET /page.html HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 200),
        (b"GET /" + b"u" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"v" * 9000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 3000 + b"\r\n", 431),
    ],
    ids=range(20),
)
def test_odd_requests_get_one_reply_and_the_end(
    server: Server, request_bytes: bytes, status: int
) -> None:
    (reply,) = parse_all(exchange_raw(server.port, [request_bytes]), ["GET"])
    if status == 405 and server.name == "cascade":
        assert reply.headers["allow"] == "GET, HEAD"
    assert reply.status == status
    assert reply.headers["connection"] == "close"


def test_old_clients(server: Server) -> None:
    old = exchange_raw(server.port, [b"GET /page.html HTTP/1.0\r\n\r\n"])
    (reply,) = parse_all(old, ["GET"])
    assert (reply.status, reply.body) == (200, b"<p>page</p>\n")
    kept = b"GET /page.html HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
    raw = exchange_raw(server.port, [kept, kept, b"GET /page.html HTTP/1.0\n\n"])
    replies = parse_all(raw, ["GET"] * 3)
    assert [reply.headers["connection"] for reply in replies] == ["keep-alive"] * 2 + ["close"]


def test_pipelined(server: Server) -> None:
    names = [b"1.bin", b"50000.bin", b"missing", b"0.bin", b"8193.bin", b"1000000.bin"]
    raw = b"\r\n".join(GET % name for name in names) + LAST % b"page.html"
    replies = parse_all(exchange_raw(server.port, [raw]), ["GET"] * 7)
    assert [reply.status for reply in replies] == [200, 200, 404, 200, 200, 200, 200]
    for name, reply in zip(names, replies, strict=False):
        if reply.status == 200:
            assert reply.body == read_file(server, name.decode())


def test_byte_by_byte(server: Server) -> None:
    raw = GET % b"page.html" + b"\r\n\r\n" + LAST % b"4097.bin"
    replies = parse_all(exchange_raw(server.port, [bytes([b]) for b in raw]), ["GET"] * 2)
    assert replies[1].body == read_file(server, "4097.bin")


def test_half_closed_client_gets_its_reply(server: Server) -> None:
    raw = exchange_raw(server.port, [GET % b"1000000.bin"], half_close=True)
    (reply,) = parse_all(raw, ["GET"])
    assert reply.body == read_file(server, "1000000.bin")


def test_request_that_ends_in_the_middle(server: Server) -> None:
    raw = exchange_raw(server.port, [b"GET /page.html HT"], half_close=True)
    (reply,) = parse_all(raw, ["GET"])
    assert reply.status == 400


def test_slow_reader_gets_every_byte(server: Server) -> None:
    with connect(server.port) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        sock.sendall((GET % b"1000000.bin") * 8 + LAST % b"page.html")
        raw = bytearray()
        while part := sock.recv(3001):
            raw += part
    replies = parse_all(bytes(raw), ["GET"] * 9)
    assert {reply.body for reply in replies[:8]} == {read_file(server, "1000000.bin")}


def test_broken_connections_leave_nothing_behind(server: Server) -> None:
    before = server.count_descriptors()
    reset = struct.pack("ii", 1, 0)
    for sent in (b"", b"GET /", GET % b"1000000.bin", (GET % b"1000000.bin") * 20):
        for _ in range(5):
            with connect(server.port) as sock:
                sock.sendall(sent)
                sock.recv(1 if b"\r\n\r\n" in sent else 0)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
    with Client(server.port) as client:
        assert client.request("/page.html").status == 200
    deadline = time.monotonic() + 60
    while server.count_descriptors() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.count_descriptors() == before


def test_clients_that_take_too_long(start: Start) -> None:
    with start(["-t", "200"]) as server:
        assert exchange_raw(server.port, []) == b""
        (late,) = parse_all(exchange_raw(server.port, [b"GET /pa"]), ["GET"])
        assert late.status == 408
        after = exchange_raw(server.port, [GET % b"page.html" + b"GET /pa"])
        assert [reply.status for reply in parse_all(after, ["GET"] * 2)] == [200, 408]
        with connect(server.port) as sock:  # never reads: the server gives up
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall((GET % b"1000000.bin") * 50)
            time.sleep(1)
        with Client(server.port) as client:
            assert client.request("/page.html").status == 200


def test_a_trickle_does_not_win_time(start: Start) -> None:
    with start(["-t", "300"]) as server, connect(server.port) as sock:
        raw = b""
        for byte in GET % (b"x" * 500):
            try:
                sock.sendall(bytes([byte]))
                sock.settimeout(0.05)
                raw += sock.recv(4096)
                break
            except TimeoutError:
                continue
        assert raw.startswith(b"HTTP/1.1 408 ")


def test_limits(start: Start) -> None:
    with start(["-n", "2", "-c", "3"]) as server:
        replies = parse_all(exchange_raw(server.port, [(GET % b"1.bin") * 2]), ["GET"] * 2)
        assert "connection" not in replies[0].headers
        assert replies[1].headers["connection"] == "close"
        held = [connect(server.port) for _ in range(3)]
        for sock in held[:1]:
            sock.sendall(GET % b"1.bin")
            assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")
        with connect(server.port) as waiting:
            waiting.sendall(LAST % b"page.html")
            waiting.settimeout(0.3)
            with pytest.raises(TimeoutError):
                waiting.recv(1)
            held.pop().close()
            waiting.settimeout(60)
            assert waiting.recv(12) == b"HTTP/1.1 200"
        for sock in held:
            sock.close()


def test_stop_finishes_what_has_begun(start: Start) -> None:
    with start() as server:
        idle, begun = connect(server.port), connect(server.port)
        begun.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        begun.sendall((GET % b"1000000.bin") * 6)
        raw = bytearray(begun.recv(100))
        server.stop()
        assert idle.recv(1) == b""
        while part := begun.recv(65536):
            raw += part
        replies = parse_all(bytes(raw), ["GET"] * raw.count(b"HTTP/1.1 200 OK"))
        assert replies
        assert all(reply.body == read_file(server, "1000000.bin") for reply in replies)
        with pytest.raises(ConnectionRefusedError):
            connect(server.port)
        idle.close()
        begun.close()


def test_cascade_extras(server: Server) -> None:
    if server.name != "cascade":
        pytest.skip("only cascade has an index, redirects and conditions")
    with Client(server.port) as client:
        assert client.request("/with%20index/").body == b"<p>index</p>\n"
        assert client.request("/plain/").status == 404
        moved = client.request("//with%20index")
        assert (moved.status, moved.headers["location"]) == (301, "/with%20index/")
        modified = client.request("/page.html").headers["last-modified"]
        same = client.request("/page.html", headers=[("If-Modified-Since", modified)])
        assert (same.status, same.body) == (304, b"")
        old = formatdate(0, usegmt=True)
        assert client.request("/page.html", headers=[("If-Modified-Since", old)]).status == 200


def test_switchboard_extras(server: Server) -> None:
    if server.name != "switchboard":
        pytest.skip("only switchboard lists directories")
    with Client(server.port) as client:
        listing = client.request("/")
        assert listing.headers["transfer-encoding"] == "chunked"
        names = {p.name for p in server.root.iterdir() if not p.name.startswith(".")}
        assert sorted(listing.body.decode().split("\n")[:-1]) == sorted(names)
        assert client.request("/plain").body == b"one.txt\n"
    raw = exchange_raw(server.port, [b"GET /plain/ HTTP/1.0\r\n\r\n"])
    assert raw.endswith(b"\r\n\r\none.txt\n")
