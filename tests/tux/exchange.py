# SPDX-License-Identifier: MIT
"""All that the suite says to a server, as streams of bytes, and all that a server says to it."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.tux import cases
from tests.tux.conversation import PROBE
from tests.tux.crowd import ask_all, close_all, open_many
from tests.tux.documents import ODD_NAMES, SIZES, TYPED
from tests.tux.servers import Served, request

CORPUS = Path(__file__).with_name("corpus") / "parse"
LARGEST = 17 * 4096 + 5  # an emulated network card takes a second for a megabyte
# The one part of a reply that no request decides: what the guest's clock shows.
DATE = re.compile(rb"\r\nDate: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n")


def find_streams() -> dict[str, bytes]:
    """Everything that is sent on one connection, by a name; a half-close follows."""
    alone = {str(case): case.request for case in cases.ALL}
    followed = {f"{name}, and another": data + PROBE for name, data in alone.items()}
    smuggling = {name: data + PROBE for name, data in cases.SMUGGLING.items()}
    corpus = {path.name: path.read_bytes() for path in sorted(CORPUS.iterdir()) if path.is_file()}
    return alone | followed | smuggling | corpus | _ask_for_documents() | _ask_at_limits()


def _ask_for_documents() -> dict[str, bytes]:
    """GET and HEAD of every document, pipelined too; names that lead out of the root."""
    sizes = [f"/sizes/{size}.bin" for size in SIZES if size <= LARGEST]
    # Names without a percent sign, question mark or number sign stand for themselves.
    odd = [f"/{name}" for name in ODD_NAMES if name.isascii() and not set(name) & set("%?# ")]
    targets = [*sizes, *(f"/{name}" for name in TYPED), *odd, *cases.TRAVERSAL_TARGETS]
    found = {}
    for target in dict.fromkeys(targets):
        found[f"GET {target}"] = request(target)
        found[f"HEAD and GET {target}"] = request(target, method="HEAD") + request(target)
    found["all sizes, pipelined"] = b"".join(request(target) for target in sizes) + PROBE
    return found


def _ask_at_limits() -> dict[str, bytes]:
    """Heads and request lines around the longest that is taken."""
    bare = len(request("/hello.txt", "X-Filler: "))
    heads = {
        f"a head of {length} bytes": request("/hello.txt", "X-Filler: " + "x" * (length - bare))
        for length in (2998, 2999, 3000, 3001, 3002, 4096, 16_384, 16_385)
    }
    lines = {
        f"a target of {length} bytes": request("/" + "x" * length)
        for length in (255, 256, 2900, 2990, 3000, 3001, 5000, 20_000)
    }
    return heads | lines


def exchange(served: Served, streams: Mapping[str, bytes]) -> dict[str, bytes]:
    """What the server says to each of ``streams``, sent one after the other."""
    return {name: _hear(served, data) for name, data in streams.items()}


def exchange_at_once(served: Served, streams: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same, each on a connection of its own, all of them open before the first is sent."""
    sockets = open_many(served, len(streams))
    answers = ask_all(sockets, list(streams.values()), finish=True)
    close_all(sockets)
    return dict(zip(streams, map(hide_date, answers), strict=True))


def hide_date(answer: bytes) -> bytes:
    """``answer`` with nothing in its Date fields, if they have the form that they must have."""
    return DATE.sub(b"\r\nDate: \r\n", answer)


def _hear(served: Served, data: bytes) -> bytes:
    with served.connect() as connection:
        with suppress(ConnectionError):  # it may have refused what came before
            connection.send(data)
            connection.socket.shutdown(socket.SHUT_WR)
        return hide_date(connection.read_to_end())


def find_differences(expected: Mapping[str, bytes], found: Mapping[str, bytes]) -> dict[str, str]:
    """Which streams were answered otherwise, with the beginning of both answers."""
    assert expected.keys() == found.keys()
    return {
        name: f"{expected[name][:300]!r} became {found[name][:300]!r}"
        for name in expected
        if expected[name] != found[name]
    }
