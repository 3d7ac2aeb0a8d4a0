# SPDX-License-Identifier: MIT
"""A raw-socket HTTP client that hides nothing: bytes go out as given, replies are parsed by h11."""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import h11

TIMEOUT_S = 40.0  # longer than Apache waits for the rest of a head
IMF_FIXDATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d "
    r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT"
)
ENTITY_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e]*"')
SINGLETONS = {
    *("date", "etag", "last-modified", "content-length", "content-type", "content-range"),
    *("location", "age", "expires", "server"),
}
NO_BODY = {204, 304}

MakeSocket = Callable[[], socket.socket]


@dataclass(frozen=True)
class Reply:
    """One final response: status, fields by lower-case name, body."""

    version: str
    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)

    def get(self, name: str) -> str | None:
        """The one value of the field ``name``, or None."""
        values = [value for key, value in self.fields if key == name]
        assert len(values) <= 1, f"{name} appears {len(values)} times"
        return values[0] if values else None

    @property
    def says_close(self) -> bool:
        """Whether the server announced that it closes."""
        return "close" in (self.get("connection") or "").lower()


class ClosedError(Exception):
    """The peer closed (or reset) before a whole reply had come."""


class Connection:
    """One TCP connection to a server.

    Without ``receive_bytes`` the host takes in what nobody reads, on some hosts 32 MB of it. Who
    wants a server to wait says how much.
    """

    def __init__(
        self, make_socket: MakeSocket, address: tuple[str, int], receive_bytes: int | None = None
    ):
        self.socket = make_socket()
        self.socket.settimeout(TIMEOUT_S)
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.connect(address)
        self._unread = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send all of ``data``."""
        self.socket.sendall(data)

    def send_pieces(self, pieces: Iterable[bytes]) -> None:
        """Send each piece in a segment of its own."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            self.socket.sendall(piece)

    def finish_sending(self) -> None:
        """Half-close: nothing more will be sent, the reply is still wanted."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def read_reply(self, method: str = "GET") -> Reply:
        """The next final response to a request with ``method``; raises ClosedError."""
        parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 16)
        parser.send(h11.Request(method="HEAD" if method == "HEAD" else "GET",
                                target="/", headers=[("Host", "h")]))  # fmt: skip
        parser.send(h11.EndOfMessage())
        if self._unread:
            parser.receive_data(self._unread)
        head: h11.Response | None = None
        body = bytearray()
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                data = self._receive()
                if not data and head is None:
                    raise ClosedError(f"closed after {bytes(parser.trailing_data[0])!r}")
                parser.receive_data(data)
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                break
            elif isinstance(event, h11.ConnectionClosed):
                raise ClosedError("closed instead of a reply")
        assert head is not None
        self._unread = bytes(parser.trailing_data[0])
        fields = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in head.headers)
        reply = Reply(head.http_version.decode(), head.status_code, fields, bytes(body))
        check_reply(reply, method)
        return reply

    def read_to_end(self) -> bytes:
        """All that comes until the peer closes; a reset counts as an end."""
        data = bytearray(self._unread)
        self._unread = b""
        while more := self._receive():
            data += more
        return bytes(data)

    def is_closed_cleanly(self) -> bool:
        """Wait for the end: true if it is FIN with nothing before it, false if RST."""
        if self._unread:
            return False
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return False

    def _receive(self) -> bytes:
        try:
            return self.socket.recv(1 << 16)
        except (ConnectionResetError, BrokenPipeError):
            return b""


def check_reply(reply: Reply, method: str) -> None:
    """What holds for every final response of any server (RFC 9110, 9112)."""
    for name in SINGLETONS:
        reply.get(name)  # RFC 9110 5.3: at most once
    date = reply.get("date")
    if reply.status < 500:  # RFC 9110 6.6.1: an origin server with a clock MUST send Date
        assert date is not None and IMF_FIXDATE.fullmatch(date), f"Date: {date}"
    for name in ("last-modified", "date"):
        if value := reply.get(name):
            assert IMF_FIXDATE.fullmatch(value), f"{name}: {value}"
            parsedate_to_datetime(value)
    if tag := reply.get("etag"):
        assert ENTITY_TAG.fullmatch(tag), tag
    if reply.status == 206:
        kind = reply.get("content-type") or ""
        ranged = reply.get("content-range") or kind.startswith("multipart/byteranges")
        assert ranged, "RFC 9110 15.3.7: 206 MUST have Content-Range or be multipart"
    if reply.status in {301, 302, 307, 308}:
        assert reply.get("location")
    if reply.status in NO_BODY:
        assert reply.body == b""
        assert reply.get("transfer-encoding") is None
    if method == "HEAD":
        assert reply.body == b""
