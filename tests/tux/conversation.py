# SPDX-License-Identifier: MIT
"""What came of a request: the reply, and whether the connection still works after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.tux.documents import HELLO
from tests.tux.servers import Served, request
from tests.tux.wire import ClosedError, Connection, Reply

PROBE = request("/hello.txt", "Connection: close")
COMPARED = ("content-type", "content-length", "content-range", "last-modified")


@dataclass(frozen=True)
class Outcome:
    """The reply to one request (None: closed without one), and whether the connection stayed."""

    reply: Reply | None
    persists: bool

    @property
    def status(self) -> int | None:
        """The reply's status."""
        return self.reply.status if self.reply else None

    def aspects(self) -> Mapping[str, object]:
        """What is compared between servers."""
        if self.reply is None:
            return {"status": None}
        reply = self.reply
        found: dict[str, object] = {"status": reply.status}
        if reply.status < 400:  # whether a connection outlives an error is the server's affair
            found["persists"] = self.persists
        if location := reply.get("location"):
            url = urlsplit(location)
            found["location"] = url.path + ("?" + url.query if url.query else "")
        if reply.status in {200, 206}:
            found |= {name: reply.get(name) for name in COMPARED}
            found["body"] = reply.body
        return found


def converse(served: Served, data: bytes, method: str = "GET") -> Outcome:
    """Send ``data`` on a new connection, read the reply, then ask for a known file.

    After any request the connection either is closed or answers the next request, once.
    """
    with served.connect() as connection:
        connection.send(data)
        try:
            reply = connection.read_reply(method)
        except ClosedError:
            return Outcome(None, persists=False)
        return Outcome(reply, persists=still_answers(connection))


def still_answers(connection: Connection) -> bool:
    """Whether the connection answers one more request, correctly and only once."""
    try:
        connection.send(PROBE)
        reply = connection.read_reply()
    except (ClosedError, BrokenPipeError, ConnectionResetError):
        return False
    assert (reply.status, reply.body) == (200, HELLO), f"out of step: {reply}"
    assert connection.read_to_end() == b"", "something follows the last reply"
    return True
