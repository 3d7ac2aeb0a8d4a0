# SPDX-License-Identifier: MIT
"""Files that change while they are sent: a client can tell that what it has is not the file."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.tux.conftest import Start
from tests.tux.documents import content
from tests.tux.servers import Served, request

PAGE = 4096
SIZE = 3 * PAGE + 4000


def read_what_comes(served: Served, path: Path, change_to: int, fields: tuple[str, ...]) -> bytes:
    """The body of ``path``, which gets another size once the first bytes of it are here."""
    with served.connect() as connection:
        connection.send(request(f"/{path.name}", *fields))
        answer = connection.socket.recv(1 << 16)
        os.truncate(path, change_to)
        answer += connection.read_to_end()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert f"Content-Length: {SIZE}\r\n".encode() in head + b"\r\n"
    return body


@pytest.mark.parametrize("fields", [(), ("Connection: close",)], ids=["kept", "closed"])
@pytest.mark.parametrize("size", [0, PAGE, 2 * PAGE + 1, SIZE - 3000])
def test_a_file_that_shrinks(start: Start, place: Path, size: int, fields: tuple[str, ...]) -> None:
    """The message is cut, and no byte of it is other than those the file had."""
    path = place / "shrink.bin"
    path.write_bytes(content("shrink.bin", SIZE))
    path.chmod(0o644)
    with start("tux", documentroot=place, max_output_bandwidth=2 * PAGE) as served:
        body = read_what_comes(served, path, size, fields)
        assert len(body) < SIZE
        assert body == content("shrink.bin", SIZE)[: len(body)]
        served.assert_idle()
        assert served.read_stat()["event.abort"] == 1


def test_at_the_last_byte(start: Start, place: Path) -> None:
    """All has been sent but one page's worth, and the file shrinks within that page."""
    path = place / "shrink.bin"
    path.write_bytes(content("shrink.bin", SIZE))
    path.chmod(0o644)
    with start("tux", documentroot=place, max_output_bandwidth=4 * PAGE) as served:
        with served.connect() as connection:
            connection.send(request("/shrink.bin"))
            body = b""
            while len(body) < 3 * PAGE:
                body += connection.socket.recv(1 << 16).rpartition(b"\r\n\r\n")[2]
            os.truncate(path, SIZE - 1)
            time.sleep(0.01)
            body += connection.read_to_end()
        assert len(body) < SIZE


def test_a_file_that_grows(start: Start, place: Path) -> None:
    """What was announced is sent, and no more."""
    path = place / "shrink.bin"
    path.write_bytes(content("shrink.bin", SIZE))
    path.chmod(0o644)
    with start("tux", documentroot=place, max_output_bandwidth=2 * PAGE) as served:
        body = read_what_comes(served, path, 10 * PAGE, ("Connection: close",))
        assert body == content("shrink.bin", SIZE)


def test_a_file_that_is_replaced(start: Start, place: Path) -> None:
    """By a rename, as it should be: who has begun with the old one gets it to its end."""
    path, fresh = place / "shrink.bin", place / "fresh.bin"
    for one in (path, fresh):
        one.write_bytes(content(one.name, SIZE))
        one.chmod(0o644)
    with start("tux", documentroot=place, max_output_bandwidth=2 * PAGE) as served:
        with served.connect() as connection:
            connection.send(request("/shrink.bin", "Connection: close"))
            answer = connection.socket.recv(1 << 16)
            fresh.rename(path)
            answer += connection.read_to_end()
        assert answer.endswith(b"\r\n\r\n" + content("shrink.bin", SIZE))
        assert served.get("/shrink.bin").body == content("fresh.bin", SIZE)
