# SPDX-License-Identifier: MIT
"""Streams of requests, well-formed and mutated, and what a strict parser (h11) sees in them."""

from __future__ import annotations

from dataclasses import dataclass

import h11
from hypothesis import assume
from hypothesis import strategies as st

from tests.tux.documents import LAST_MODIFIED

TARGETS = (
    *("/hello.txt", "/sizes/0.bin", "/sizes/1.bin", "/sizes/1025.bin", "/sizes/4097.bin"),
    *("/missing", "/dir", "/dir/", "/", "/forbidden.txt", "/with%20space.txt", "/hello.txt?q=1"),
    *("/%2e%2e/x", "/a%00", "/%zz", "http://localhost/hello.txt", "/noindex/"),
)
FIELDS = (
    *("Connection: keep-alive", "Connection: close", "Connection: foo", "Accept: */*"),
    *("Range: bytes=0-9", "Range: bytes=-1", "Range: bytes=9999999-", "Range: lines=1-2"),
    *(f"If-Modified-Since: {LAST_MODIFIED}", "If-None-Match: *", 'If-None-Match: "a", W/"b"'),
    *(f"If-Range: {LAST_MODIFIED}", "User-Agent: a b (c)", "Referer: http://x/", "X-A:", "x-b:\tc"),
    *("Content-Length: 0", "Expect: 100-continue", "Cookie: a=b; c=d", "ACCEPT-LANGUAGE: de"),
)
ODD_FIELDS = (
    *("Content-Length: 5", "Content-Length: 5, 5", "Content-Length: -1", "Content-Length: 0x1"),
    *("Transfer-Encoding: chunked", "Transfer-Encoding: identity", "Transfer-Encoding: x, chunked"),
    *("Transfer-Encoding : chunked", "Host: other", "X A: b", ": b", "nonsense", " folded", "\tf"),
    *("X: a\rb", "X: a\nb", "X: a\0b", "X: \x7f", "X\x01: a", "Upgrade: h2c", "TE: trailers"),
)
METHODS = ("GET", "GET", "GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE", "FROB", "get")
VERSIONS = ("HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2")
ODD_VERSIONS = ("HTTP/2.0", "HTTP/1.", "HTTP/0.9", "http/1.1", "HTTP/1.1 ", "", "HTTP/1.1x")
NOISE = (b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b"\xff", b"%", b"\r\n\r\n", b"0", b",")


@st.composite
def well_formed(draw: st.DrawFn) -> bytes:
    """A GET or HEAD as clients send them."""
    method = draw(st.sampled_from(("GET", "GET", "GET", "HEAD")))
    lines = [f"{method} {draw(st.sampled_from(TARGETS))} {draw(st.sampled_from(VERSIONS))}"]
    fields = draw(st.lists(st.sampled_from(FIELDS), max_size=5, unique_by=_name))
    fields.insert(draw(st.integers(0, len(fields))), "Host: localhost")
    # By RFC 9110 14.2 a range of nothing is 416 and HEAD has none; nginx and Apache differ.
    has_range = any(f.startswith("Range") for f in fields)
    assume(not (has_range and (method == "HEAD" or "/sizes/0.bin" in lines[0])))
    return "\r\n".join([*lines, *fields, "", ""]).encode("latin-1")


@st.composite
def odd(draw: st.DrawFn) -> bytes:
    """A request with parts that are wrong, or right and rare."""
    version = draw(st.sampled_from(VERSIONS + ODD_VERSIONS))
    lines = [f"{draw(st.sampled_from(METHODS))} {draw(st.sampled_from(TARGETS))} {version}"]
    lines += draw(st.lists(st.sampled_from(FIELDS + ODD_FIELDS), max_size=5))
    if draw(st.booleans()):
        lines.insert(1, "Host: localhost")
    end = draw(st.sampled_from(("\r\n", "\r\n", "\r\n", "\n")))
    body = draw(st.sampled_from(("", "", "hello", "5\r\nhello\r\n0\r\n\r\n")))
    return (end.join([*lines, "", ""]) + body).encode("latin-1")


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A request with some bytes inserted, removed, or doubled."""
    data = draw(st.one_of(well_formed(), odd()))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 4)))
        noise = draw(st.one_of(st.just(b""), st.sampled_from(NOISE), st.binary(max_size=3)))
        data = data[:start] + noise + draw(st.sampled_from((b"", data[start:end]))) + data[end:]
    return data


def streams(requests: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    """Up to four requests, one behind the other."""
    return st.lists(requests, min_size=1, max_size=4)


def _name(field: str) -> str:
    return field.split(":", 1)[0].lower()


@dataclass(frozen=True)
class Seen:
    """One request as h11 sees it."""

    method: str
    target: str


@dataclass(frozen=True)
class Reading:
    """What h11 sees in a stream: whole requests, and what else (wrong or cut off) follows.

    ``headed`` is a last request whose head is right and whose content is wrong or cut off.
    """

    requests: tuple[Seen, ...]
    rest: bytes
    headed: Seen | None = None


def read_strictly(stream: bytes) -> Reading:
    """Read ``stream`` to its end as a server would, ignoring who asks for close."""
    found: list[Seen] = []
    while stream:
        if stream.startswith(b"\r\n"):  # RFC 9112 2.2: an empty line before a request is ignored
            stream = stream[2:]
            continue
        seen = None
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 16)
        try:
            parser.receive_data(stream)
            head = parser.next_event()
            if not isinstance(head, h11.Request):
                return Reading(tuple(found), stream)
            seen = Seen(head.method.decode("latin-1"), head.target.decode("latin-1"))
            while not isinstance(event := parser.next_event(), h11.EndOfMessage):
                if not isinstance(event, h11.Data):
                    return Reading(tuple(found), stream, seen)
        except h11.RemoteProtocolError:
            return Reading(tuple(found), stream, seen)
        found.append(seen)
        stream = parser.trailing_data[0]
    return Reading(tuple(found), b"")
