# SPDX-License-Identifier: MIT
"""Rude, slow, vanishing and very many clients."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.tux.conftest import Start
from tests.tux.conversation import PROBE
from tests.tux.crowd import close_all, fetch_all, open_many
from tests.tux.documents import HELLO, SIZES, content
from tests.tux.servers import Served, request
from tests.tux.wire import ClosedError, Connection

LARGE = 3 * (1 << 20) + 7
LARGE_REQUEST = request(f"/sizes/{LARGE}.bin")
TCP_REPAIR, REPAIR_ON = 19, 1


def ask_nothing(_: Connection) -> None:
    """Just connected."""


def ask_half_a_line(connection: Connection) -> None:
    connection.send(b"GET /hel")


def ask_half_a_header(connection: Connection) -> None:
    connection.send(b"GET /hello.txt HTTP/1.1\r\nHost: loc")


def ask_for_a_file(connection: Connection) -> None:
    connection.send(request("/hello.txt"))


def ask_for_a_large_file(connection: Connection) -> None:
    connection.send(LARGE_REQUEST)


def read_some_of_a_large_file(connection: Connection) -> None:
    connection.send(LARGE_REQUEST)
    connection.socket.recv(4096)


def idle_after_a_reply(connection: Connection) -> None:
    connection.send(request("/hello.txt"))
    connection.read_reply()


def ask_many_at_once(connection: Connection) -> None:
    connection.send(request("/sizes/65537.bin") * 20)


def ask_and_half_close(connection: Connection) -> None:
    connection.send(LARGE_REQUEST)
    connection.finish_sending()


def ask_wrongly(connection: Connection) -> None:
    connection.send(b"nonsense\r\n\r\n")


STAGES: list[Callable[[Connection], None]] = [
    *(ask_nothing, ask_half_a_line, ask_half_a_header, ask_for_a_file, ask_for_a_large_file),
    *(read_some_of_a_large_file, idle_after_a_reply, ask_many_at_once, ask_and_half_close),
    ask_wrongly,
]


def assert_serves(served: Served) -> None:
    """The server answers, correctly."""
    assert served.get("/hello.txt").body == HELLO


@pytest.mark.parametrize("stage", STAGES)
def test_reset_in_every_stage(server: Served, stage: Callable[[Connection], None]) -> None:
    for _ in range(10):
        connection = server.connect()
        stage(connection)
        connection.reset()
    assert_serves(server)
    server.assert_idle()


@pytest.mark.parametrize("stage", STAGES)
def test_close_in_every_stage(server: Served, stage: Callable[[Connection], None]) -> None:
    for _ in range(10):
        with server.connect() as connection:
            stage(connection)
    assert_serves(server)
    server.assert_idle()


def test_reset_storm(server: Served) -> None:
    """2000 connections, reset in random-like order of stages, 100 open at a time."""
    waiting: list[Connection] = []
    for number in range(2000):
        connection = server.connect()
        STAGES[number * 7 % len(STAGES)](connection)
        waiting.append(connection)
        if len(waiting) == 100:
            for one in waiting[::3] + waiting[1::3] + waiting[2::3]:
                one.reset()
            waiting.clear()
    assert_serves(server)
    server.assert_idle()


@pytest.mark.parametrize("target", ["/hello.txt", f"/sizes/{LARGE}.bin", "/missing"])
@pytest.mark.parametrize("moment", ["with the request", "later"])
def test_half_close(server: Served, target: str, moment: str) -> None:
    """A client that ends its side still gets the whole reply (RFC 9112 9.6, TCP)."""
    with server.connect() as connection:
        connection.send(request(target))
        if moment == "later":
            time.sleep(0.05)
        connection.finish_sending()
        reply = connection.read_reply()
        assert connection.read_to_end() == b""
    if target == "/missing":
        assert reply.status == 404
    else:
        assert reply.body in (HELLO, content(target[1:], LARGE))


def test_half_close_after_pipelined_requests(server: Served) -> None:
    with server.connect() as connection:
        connection.send(request("/hello.txt") * 5 + LARGE_REQUEST)
        connection.finish_sending()
        for _ in range(5):
            assert connection.read_reply().body == HELLO
        assert len(connection.read_reply().body) == LARGE
        assert connection.read_to_end() == b""


def test_half_close_in_a_header(server: Served) -> None:
    """The request can never become whole: closed, with 400 or without a word."""
    with server.connect() as connection:
        connection.send(b"GET /hello.txt HTTP/1.1\r\nHost: loc")
        connection.finish_sending()
        assert connection.read_to_end()[:12] in (b"", b"HTTP/1.1 400")
    server.assert_idle()


@pytest.mark.parametrize("known", [0, 4, 40])
def test_half_close_right_behind_the_rest(server: Served, known: int) -> None:
    """Rest of the head and end may come while the server looks at the beginning: all is read."""
    asked = request("/hello.txt", "X-Filler: " + "x" * 100)
    for moment in range(200):
        with server.connect() as connection:
            connection.send(asked[:known])
            time.sleep(moment * 1e-6)
            connection.send(asked[known:])
            connection.finish_sending()
            assert connection.read_reply().status == 200, moment


def test_half_close_at_once(server: Served) -> None:
    with server.connect() as connection:
        connection.finish_sending()
        assert connection.read_to_end() == b""
    server.assert_idle()


def test_slow_reader(server: Served) -> None:
    """A small receive buffer that is emptied slowly stops nobody else and loses nothing."""
    one = server.make_socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.settimeout(60)
    one.connect(server.address)
    with one:
        one.sendall(request(f"/sizes/{LARGE}.bin", "Connection: close"))
        time.sleep(0.2)
        assert_serves(server)
        data = bytearray()
        while more := one.recv(3001):
            data += more
    assert data.endswith(content(f"sizes/{LARGE}.bin", LARGE))


def test_window_of_one_byte_reads(server: Served) -> None:
    """Reading byte by byte, the reply is the same."""
    one = server.make_socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    one.settimeout(60)
    one.connect(server.address)
    with one:
        one.sendall(request("/sizes/10240.bin", "Connection: close"))
        data = bytearray()
        while more := one.recv(1):
            data += more
    assert data.endswith(content("sizes/10240.bin", 10240))


def vanish(connection: Connection) -> None:
    """Drop the connection on this side without FIN or RST, as a client that lost power does."""
    connection.socket.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_ON)
    connection.socket.close()


@pytest.mark.parametrize("stage", STAGES)
def test_vanished_clients_are_given_up(
    tux_kind: str, start: Start, stage: Callable[[Connection], None]
) -> None:
    """Half-open connections end by a timeout; their requests do not stay."""
    with start(tux_kind, header_timeout=1, keepalive_timeout=1, output_timeout=1) as served:
        for _ in range(5):
            connection = served.connect()
            stage(connection)
            vanish(connection)
        served.assert_idle()
        assert_serves(served)


def test_slow_header_is_cut_off(kind: str, start: Start) -> None:
    """A byte now and then does not hold a connection for ever (slow-client attack)."""
    with start(kind, header_timeout=1) as served, served.connect() as connection:
        answer = drip(connection, b"GET /hello.txt HTTP/1.1\r\nHost: localhost\r\nX: ")
        assert answer[:12] in ({b"HTTP/1.1 408"} if served.is_tux else {b"", b"HTTP/1.1 408"})
        assert_serves(served)


def drip(connection: Connection, start_of_header: bytes) -> bytes:
    """Send a byte every 0.2 s for two minutes at most, since a busy guest's clock lags; what the
    server said before it closed."""
    connection.socket.settimeout(0.2)
    said = b""
    for step in range(600):
        try:
            piece = start_of_header[step : step + 1] or b"a"
            connection.socket.send(piece)
            if not (more := connection.socket.recv(4096)):
                return said
            said += more
        except TimeoutError:
            continue
        except (ConnectionResetError, BrokenPipeError):
            return said
    raise AssertionError("still open after two minutes")


def test_silent_connection_is_closed(tux_kind: str, start: Start) -> None:
    """One that never says a word is closed too."""
    with start(tux_kind, header_timeout=1) as served, served.connect() as connection:
        assert connection.read_to_end()[:12] in (b"", b"HTTP/1.1 408")
        served.assert_idle()


def test_idle_connection_is_closed_in_silence(kind: str, start: Start) -> None:
    with start(kind, keepalive_timeout=1) as served, served.connect() as connection:
        connection.send(request("/hello.txt"))
        assert connection.read_reply().body == HELLO
        assert connection.read_to_end() == b""


def test_timeouts_do_not_cut_a_slow_body(kind: str, start: Start) -> None:
    """A body that takes longer than the header's timeout is sent to its end."""
    with start(kind, header_timeout=1, keepalive_timeout=1) as served:
        one = served.make_socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.settimeout(60)
        one.connect(served.address)
        with one:
            one.sendall(request(f"/sizes/{LARGE}.bin", "Connection: close"))
            data = bytearray(one.recv(1000))
            for _ in range(6):
                time.sleep(0.4)
                data += one.recv(1000)
            while more := one.recv(1 << 16):
                data += more
        assert data.endswith(content(f"sizes/{LARGE}.bin", LARGE))


def test_many_slow_headers_stop_nobody(server: Served) -> None:
    """500 connections in the middle of a header; others are served."""
    sockets = open_many(server, 500 if server.name != "apache" else 50)
    for one in sockets:
        one.sendall(b"GET /hello.txt HTTP/1.1\r\nHost: l")
    assert_serves(server)
    for one in sockets:
        one.sendall(b"ocalhost\r\nConnection: close\r\n\r\n")
    for one in sockets:
        data = bytearray()
        while more := one.recv(4096):
            data += more
        assert data.endswith(HELLO)
    close_all(sockets)
    server.assert_idle()


def find_request(number: int, largest: int = 16 * 4096 + 1) -> tuple[str, int]:
    """What connection ``number`` of a crowd asks for: a file of up to ``largest`` bytes."""
    sizes = [size for size in SIZES if size <= largest]
    size = sizes[number % len(sizes)]
    return f"sizes/{size}.bin", size


def test_4096_at_once(kind: str, start: Start) -> None:
    """4096 connections, all open before the first asks: every body is right to the byte.

    With room for as many: where the backlog is full, TCP makes clients wait and try again.  And
    with time for as many: the first one must say nothing until the last one is open.
    """
    knobs = {"max_backlog": 16_384, "header_timeout": 600} if kind.startswith("tux") else {}
    with start(kind, **knobs) as server:
        fetch_crowd(server)


def fetch_crowd(server: Served) -> None:
    """Ask for files of all sizes at once, and compare every byte."""
    count = 4096 if server.name != "apache" else 256  # its pool here is 64 threads
    # An emulated network card takes a second for a megabyte.
    largest = 4097 if server.machine else 16 * 4096 + 1
    asked = [find_request(number, largest) for number in range(count)]
    answers = fetch_all(server, [request(f"/{n}", "Connection: close") for n, _ in asked])
    for (name, size), answer in zip(asked, answers, strict=True):
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert body == content(name, size)
    server.assert_idle()


def test_clients_in_threads(server: Served) -> None:
    """Keep-alive, pipelined and closing clients at the same time."""
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for step in range(20):
                name, size = find_request(seed * 31 + step)
                with server.connect() as connection:
                    connection.send(request(f"/{name}") * (1 + step % 3) + PROBE)
                    for _ in range(1 + step % 3):
                        assert connection.read_reply().body == content(name, size)
                    assert connection.read_reply().body == HELLO
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]


def test_port_exhaustion(server: Served) -> None:
    """Every port that a client has is in use, then free again and used at once: all are served.

    A port used again at once meets a connection in TIME_WAIT at the server, which closed first.
    """
    ports = range(10_000, 10_050)
    for _ in range(3):
        held = [bind_and_connect_again(server, port) for port in ports]
        with pytest.raises(OSError):
            bind_and_connect(server, ports[0])
        for one in held:
            one.sendall(PROBE)
        for one in held:
            data = bytearray()
            while more := one.recv(4096):
                data += more
            assert data.endswith(HELLO)
        close_all(held)
    server.assert_idle()


def bind_and_connect(served: Served, port: int) -> socket.socket:
    """A connection from a given port, even if an old one of the same name lingers."""
    one = served.make_socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.settimeout(30)
    try:
        one.bind((served.client_address, port))
        one.connect(served.address)
    except OSError:
        one.close()
        raise
    return one


def bind_and_connect_again(served: Served, port: int) -> socket.socket:
    """The same, as soon as the last acknowledgement of the old connection has come."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return bind_and_connect(served, port)
        except OSError:
            assert time.monotonic() < deadline, f"port {port} stays in use"
            time.sleep(0.05)


def test_linger_zero_after_reply(server: Served) -> None:
    """A client that resets instead of closing, as load generators do."""
    for _ in range(200):
        connection = server.connect()
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.send(request("/hello.txt"))
        assert connection.read_reply().body == HELLO
        connection.socket.close()
    server.assert_idle()


def test_urgent_data(tux: Served) -> None:
    """Out-of-band bytes neither crash nor desynchronise (nginx loses a wake-up and waits).

    The sockets of the process are not those of the kernel: nothing to see there.
    """
    if tux.name == "tux":
        pytest.skip("the process has sockets of its own")
    with tux.connect() as connection:
        connection.send(b"GET /hello.txt HTTP/1.1\r\nHost: local")
        connection.socket.send(b"!", socket.MSG_OOB)
        connection.send(b"host\r\nConnection: close\r\n\r\n")
        with suppress(ClosedError):
            assert connection.read_reply().status in {200, 400}
    assert_serves(tux)
