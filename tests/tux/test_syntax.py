# SPDX-License-Identifier: MIT
"""Generated streams of requests: accepted and framed as h11, nginx and Apache do."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import HealthCheck, given, settings

from tests.tux.servers import Served
from tests.tux.syntax import Reading, Seen, mutated, odd, read_strictly, streams, well_formed
from tests.tux.wire import ClosedError, Reply

FAST = settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LONG = settings(FAST, max_examples=20_000, derandomize=False)


def read_document(served: Served, target: str) -> bytes:
    """What ``target`` names below the document root, by RFC 3986 and the file system alone.

    RFC 9112 3.2.2: a server accepts the absolute form, whatever its host, and serves what it has
    there.  Empty segments lead nowhere else.
    """
    path = re.sub(r"^http://[^/?]*", "", target, flags=re.IGNORECASE).partition("?")[0]
    name = os.fsdecode(unquote_to_bytes(path.encode("latin-1"))).lstrip("/")
    place = served.root / name
    return (place / "index.html" if place.is_dir() else place).read_bytes()


def send_stream(served: Served, stream: bytes, reading: Reading) -> list[Reply]:
    """All replies to ``stream``, whose sender then half-closes; fails on bytes that are none."""
    replies: list[Reply] = []
    with served.connect() as connection:
        connection.send(stream)
        connection.finish_sending()
        try:
            for request in reading.requests:
                replies.append(connection.read_reply(request.method))
        except ClosedError:
            assert connection.read_to_end() == b""
            return replies
        return [*replies, *read_last(connection.read_to_end())]


def read_last(data: bytes) -> list[Reply]:
    """What came behind the last whole request: a refusal, or nothing; more replies than one are
    counted, but not told apart.

    Whether it has content is open, since what it refuses may or may not have been a HEAD.  To
    what it takes for HTTP/0.9 nginx sends content alone.
    """
    if not data or not data.startswith(b"HTTP/"):
        return []
    head, _, rest = data.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    match = re.fullmatch(r"HTTP/(1\.[01]) (\d{3}) .*", status)
    assert match, f"no reply: {data!r}"
    pairs = (line.partition(":") for line in lines)
    fields = tuple((name.lower(), value.strip()) for name, _, value in pairs)
    return [Reply(match[1], int(match[2]), fields, rest)] * (1 + rest.count(b"HTTP/1."))


def check_content(served: Served, reply: Reply, seen: Seen) -> None:
    """A GET that succeeds has its document, and no other."""
    if reply.status == 200 and seen.method == "GET":
        assert reply.body == read_document(served, seen.target), f"not {seen.target}"


def check_framing(served: Served, replies: Sequence[Reply], reading: Reading) -> None:
    """Each reply belongs to one request of ``reading``, in order; none is answered twice.

    A server may stop early.  Behind the last whole request at most one refusal may come, or the
    reply to a request of which only the content is wrong or cut off: a server need not wait for
    what it ignores, and what follows is never taken for a request.
    """
    assert replies or not reading.requests, "a whole request got no reply"
    for index, reply in enumerate(replies):
        if index >= len(reading.requests):
            assert index == len(reading.requests), "more replies than requests"
            assert reading.rest, "a reply to nothing"
            if reading.headed:
                check_content(served, reply, reading.headed)
                continue
            assert reply.status >= 400, "what a strict parser refuses was served"
            assert reply.says_close
            continue
        check_content(served, reply, reading.requests[index])
    assert not any(reply.says_close for reply in replies[:-1]), "a reply after the last one"


def check_stream(served: Served, requests: Sequence[bytes]) -> list[Reply]:
    """Send the stream and check its framing."""
    stream = b"".join(requests)
    reading = read_strictly(stream)
    replies = send_stream(served, stream, reading)
    check_framing(served, replies, reading)
    return replies


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Content-Length: 5\r\nX: y"]
)
def test_a_get_whose_content_is_cut_off_has_at_most_its_own_reply(
    tux: Served, framing: bytes
) -> None:
    check_stream(tux, [b"GET /hello.txt HTTP/1.1\r\nHost: localhost\r\n%b\r\n\r\n" % framing])


@FAST
@given(requests=streams(well_formed()))
def test_well_formed_as_nginx(
    tux: Served, oracles: dict[str, Served], requests: list[bytes]
) -> None:
    """The same statuses, one by one, and as many of them."""
    replies = check_stream(tux, requests)
    stream = b"".join(requests)
    expected = send_stream(oracles["nginx"], stream, read_strictly(stream))
    statuses = [reply.status for reply in expected]
    if statuses and statuses[-1] == 400:  # after which nginx closes
        replies = replies[: len(statuses)]
    assert [reply.status for reply in replies] == statuses


@FAST
@given(requests=streams(odd()))
def test_odd(tux: Served, requests: list[bytes]) -> None:
    check_stream(tux, requests)


@FAST
@given(requests=streams(mutated()))
def test_mutated(tux: Served, requests: list[bytes]) -> None:
    check_stream(tux, requests)


@FAST
@given(requests=streams(well_formed()))
def test_the_oracles_pass_too(oracles: dict[str, Served], requests: list[bytes]) -> None:
    """The check itself holds for the packaged servers."""
    for served in oracles.values():
        check_stream(served, requests)


def is_refused_by_all(oracles: dict[str, Served], data: bytes) -> bool:
    """Whether both packaged servers call ``data`` malformed."""
    return all(
        [reply.status for reply in send_stream(served, data, read_strictly(data))][:1] == [400]
        for served in oracles.values()
    )


@FAST
@given(data=mutated())
def test_what_both_oracles_refuse_is_refused(
    tux: Served, oracles: dict[str, Served], data: bytes
) -> None:
    if is_refused_by_all(oracles, data):
        replies = send_stream(tux, data, read_strictly(data))
        assert not replies or replies[0].status >= 400


@pytest.mark.deep
@LONG
@given(requests=streams(mutated()))
def test_mutated_at_length(tux: Served, requests: list[bytes]) -> None:
    check_stream(tux, requests)


@pytest.mark.deep
@LONG
@given(requests=streams(odd()))
def test_odd_at_length(tux: Served, requests: list[bytes]) -> None:
    check_stream(tux, requests)
