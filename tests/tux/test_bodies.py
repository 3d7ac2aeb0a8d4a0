# SPDX-License-Identifier: MIT
"""Bodies that nobody wants: their senders hear why, within bounds (RFC 9112 9.6)."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tux.conftest import Start
from tests.tux.documents import HELLO
from tests.tux.servers import Served, request
from tests.tux.wire import ClosedError

BODY = 10 << 20


def upload(served: Served, method: str, target: str = "/upload", *, chunked: bool) -> int:
    """The status that Python's own client hears; it writes the whole body before it reads."""
    client = http.client.HTTPConnection(*served.address, timeout=60)
    client.sock = served.connect().socket
    piece = b"x" * (1 << 16)
    pieces: Iterator[bytes] = (piece for _ in range(BODY // len(piece)))
    if chunked:
        client.request(method, target, body=pieces, encode_chunked=True)
    else:
        client.request(method, target, body=pieces, headers={"Content-Length": str(BODY)})
    status = client.getresponse().status
    client.close()
    return status


@pytest.mark.parametrize("method", ["POST", "PUT", "FROB", "GET"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body(tux: Served, method: str, chunked: bool) -> None:
    """10 MiB at full speed."""
    status = upload(tux, method, "/hello.txt", chunked=chunked)
    assert status == {"FROB": 501, "GET": 200}.get(method, 405)
    tux.assert_idle()


CHUNKED = ("-H", "Transfer-Encoding: chunked")
AT_ONCE = ("-H", "Expect:")  # by default curl waits a second for 100 (Continue)
UPLOADS = {
    "put": ("-T", "{}"),
    "put at once": ("-T", "{}", *AT_ONCE),
    "put at a bounded rate": ("-T", "{}", *AT_ONCE, "--limit-rate", "8M"),
    "put in chunks": ("-T", "{}", *CHUNKED),
    "put in chunks at once": ("-T", "{}", *CHUNKED, *AT_ONCE),
    "put in HTTP/1.0": ("-0", "-T", "{}"),
    "post": ("--data-binary", "@{}"),
    "a form": ("-F", "file=@{}", *AT_ONCE),
    "a method of no body": ("-X", "DELETE", "--data-binary", "@{}", *AT_ONCE),
}


@pytest.mark.parametrize("form", UPLOADS)
def test_what_curl_uploads(server: Served, form: str, tmp_path: Path) -> None:
    """It writes, and listens meanwhile: whatever it does, no error but a status comes of it."""
    file = tmp_path / "body"
    file.write_bytes(b"x" * BODY)
    words = [word.format(file) for word in UPLOADS[form]]
    result = server.curl("-o", "/dev/null", "-w", "%{http_code}", *words, server.url("/hello.txt"))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout in ({"405"} if server.is_tux else {"200", "405", "413"})


def test_the_oracle_reads_on_as_well(running: Callable[[str], Served]) -> None:
    assert upload(running("nginx"), "POST", chunked=False) == 413


def test_a_slow_body(tux_kind: str, start: Start) -> None:
    """Longer than the silence that is borne, but never silent so long."""
    with start(tux_kind, linger_timeout=1) as served, served.connect() as connection:
        connection.send(request("/upload", "Content-Length: 2000000", method="POST"))
        for _ in range(10):
            connection.send(b"x" * 1000)
            time.sleep(0.2)
        connection.send(b"x" * (2_000_000 - 10_000))
        assert connection.read_reply().status == 405
        assert connection.read_to_end() == b""
        served.assert_idle()


def count_sent(served: Served, *, pause_s: float, limit_s: float) -> tuple[int, float]:
    """What a client that never ends can send after a refusal: bytes, and for how long."""
    with served.connect() as connection:
        connection.send(request("/upload", "Content-Length: 9999999999", method="POST"))
        assert connection.read_reply().status == 405
        begun, sent = time.monotonic(), 0
        while time.monotonic() - begun < limit_s:
            try:
                connection.send(b"x" * 1000)
            except (ConnectionError, ClosedError):
                break
            sent += 1000
            time.sleep(pause_s)
        return sent, time.monotonic() - begun


@pytest.mark.parametrize(
    "knobs",
    [
        {"linger_timeout": 0},
        {"linger_time": 0},
        {"linger_time": 1, "linger_timeout": 60},
        {"max_linger": 20_000, "linger_time": 600, "linger_timeout": 60},
    ],
    ids=str,
)
def test_patience_has_bounds(tux_kind: str, start: Start, knobs: dict[str, int]) -> None:
    with start(tux_kind, **knobs) as served:
        sent, took = count_sent(served, pause_s=0.01, limit_s=30)
        assert took < 30
        if "max_linger" in knobs:
            assert sent >= 20_000
        served.assert_idle()
        assert served.get("/hello.txt").body == HELLO


def test_silence_ends_it(tux_kind: str, start: Start) -> None:
    with start(tux_kind, linger_timeout=1, linger_time=600) as served, served.connect() as one:
        one.send(request("/upload", "Content-Length: 1000", method="POST"))
        assert one.read_reply().status == 405
        served.assert_idle()  # though this side is still open


def test_a_body_with_the_head_of_a_get(server: Served) -> None:
    """It is discarded, whatever it holds, and the reply is heard."""
    smuggled = request("/hello.txt") * 100
    with server.connect() as connection:
        fields = f"Content-Length: {len(smuggled)}", "Connection: close"
        connection.send(request("/hello.txt", *fields) + smuggled)
        assert connection.read_reply().body == HELLO
        assert connection.read_to_end() == b""
