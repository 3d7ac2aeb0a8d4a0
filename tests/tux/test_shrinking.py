# SPDX-License-Identifier: MIT
"""Files that change while they are sent: a client can tell that what it has is not the file."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ground import process
from tests.tux.conftest import Start
from tests.tux.documents import content
from tests.tux.servers import Served, request

PAGE = 4096
SIZE = 3 * PAGE + 4000


@pytest.fixture
def path(place: Path) -> Path:
    """A file of SIZE bytes, in a document root of its own."""
    file = place / "shrink.bin"
    file.write_bytes(content("shrink.bin", SIZE))
    file.chmod(0o666)
    return file


def read_what_comes(
    served: Served,
    path: Path,
    change_to: int,
    fields: tuple[str, ...] = (),
    *,
    version: str = "1.1",
    due: int = SIZE,
) -> bytes:
    """The body of ``path``, which gets another size once the first bytes of it are here."""
    with served.connect() as connection:
        connection.send(request(f"/{path.name}", *fields, version=version))
        answer = connection.socket.recv(1 << 16)
        os.truncate(path, change_to)
        answer += connection.read_to_end()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert f"Content-Length: {due}\r\n".encode() in head + b"\r\n"
    return body


@pytest.mark.parametrize("fields", [(), ("Connection: close",)], ids=["kept", "closed"])
@pytest.mark.parametrize("size", [0, PAGE, 2 * PAGE + 1, SIZE - 3000])
def test_a_file_that_shrinks(start: Start, path: Path, size: int, fields: tuple[str, ...]) -> None:
    """The message is cut, and no byte of it is other than those the file had."""
    with start("tux", documentroot=path.parent, max_output_bandwidth=2 * PAGE) as served:
        body = read_what_comes(served, path, size, fields)
        assert len(body) < SIZE
        assert body == content("shrink.bin", SIZE)[: len(body)]
        served.assert_idle()
        assert served.read_stat()["event.abort"] == 1


@pytest.mark.parametrize("misses", [0, 2])
@pytest.mark.parametrize(
    ("first", "end", "version", "field"),
    [
        (0, SIZE, "1.0", "Connection: close"),
        (0, SIZE, "1.0", "Connection: keep-alive"),
        (5000, SIZE, "1.1", "Range: bytes=5000-"),
        (SIZE - 9000, SIZE, "1.1", "Range: bytes=-9000"),
        (1, SIZE - 1, "1.1", f"Range: bytes=1-{SIZE - 2}"),
    ],
    ids=str,
)
def test_in_other_requests(
    start: Start, path: Path, *, first: int, end: int, version: str, field: str, misses: int
) -> None:
    """Parts, the older version, and pages that a helper reads are cut alike."""
    knobs = {"max_output_bandwidth": 2 * PAGE, "miss_lookups": misses}
    with start("tux", documentroot=path.parent, **knobs) as served:
        body = read_what_comes(served, path, end - 1, (field,), version=version, due=end - first)
        assert len(body) < end - first
        assert body == content("shrink.bin", SIZE)[first:][: len(body)]
        served.assert_idle()


def test_a_part_that_is_there_still(start: Start, path: Path) -> None:
    """Is sent whole, though what follows it is gone."""
    with start("tux", documentroot=path.parent, max_output_bandwidth=PAGE) as served:
        fields = "Range: bytes=0-9999", "Connection: close"
        body = read_what_comes(served, path, 10_000, fields, due=10_000)
        assert body == content("shrink.bin", SIZE)[:10_000]


def test_between_the_look_and_the_send(start: Start, path: Path) -> None:
    """The last page is found to be there, and is none when it is sent: its end does not go out."""
    source = Path(__file__).with_name("shrink_before_read.c")
    library = path.with_name("shrink.so")
    process.run(
        [
            *("gcc", "-shared", "-fPIC", f'-DNAME="{path}"', f"-DOFFSET={3 * PAGE}"),
            *(f"-DSIZE={SIZE - 1}", "-o", library, source),
        ]
    )
    with start("tux", documentroot=path.parent, preload=library) as served:
        with served.connect() as connection:
            connection.send(request("/shrink.bin", "Connection: close"))
            body = connection.read_to_end().partition(b"\r\n\r\n")[2]
        assert path.stat().st_size == SIZE - 1
        assert len(body) < SIZE
        assert body == content("shrink.bin", SIZE)[: len(body)]


def test_at_the_last_byte(start: Start, path: Path) -> None:
    """All has been sent but one page's worth, and the file shrinks within that page."""
    with start("tux", documentroot=path.parent, max_output_bandwidth=4 * PAGE) as served:
        with served.connect() as connection:
            connection.send(request("/shrink.bin"))
            body = b""
            while len(body) < 3 * PAGE:
                body += connection.socket.recv(1 << 16).rpartition(b"\r\n\r\n")[2]
            os.truncate(path, SIZE - 1)
            time.sleep(0.01)
            body += connection.read_to_end()
        assert len(body) < SIZE


def test_a_file_that_grows(start: Start, path: Path) -> None:
    """What was announced is sent, and no more."""
    with start("tux", documentroot=path.parent, max_output_bandwidth=2 * PAGE) as served:
        body = read_what_comes(served, path, 10 * PAGE, ("Connection: close",))
        assert body == content("shrink.bin", SIZE)


def test_a_file_that_is_replaced(start: Start, path: Path) -> None:
    """By a rename, as it should be: who has begun with the old one gets it to its end."""
    fresh = path.with_name("fresh.bin")
    fresh.write_bytes(content("fresh.bin", SIZE))
    fresh.chmod(0o644)
    with start("tux", documentroot=path.parent, max_output_bandwidth=2 * PAGE) as served:
        with served.connect() as connection:
            connection.send(request("/shrink.bin", "Connection: close"))
            answer = connection.socket.recv(1 << 16)
            fresh.rename(path)
            answer += connection.read_to_end()
        assert answer.endswith(b"\r\n\r\n" + content("shrink.bin", SIZE))
        assert served.get("/shrink.bin").body == content("fresh.bin", SIZE)
