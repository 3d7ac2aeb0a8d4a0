# SPDX-License-Identifier: MIT
"""Many connections at once from one thread."""

from __future__ import annotations

import errno
import os
import resource
import selectors
import socket
import time
from collections.abc import Sequence
from contextlib import suppress

from tests.tux.servers import Served

SILENCE_S = 120.0  # longer than TCP waits before it sends again
AT_A_TIME = 50  # handshakes; more would overflow short queues


def raise_descriptor_limit() -> int:
    """Allow this process as many descriptors as it may have; returns that number."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def open_many(served: Served, count: int) -> list[socket.socket]:
    """``count`` established connections, all open at once."""
    raise_descriptor_limit()
    sockets: list[socket.socket] = []
    while len(sockets) < count:
        sockets += _open_together(served, min(AT_A_TIME, count - len(sockets)))
    return sockets


def _open_together(served: Served, count: int) -> list[socket.socket]:
    """A few connections whose handshakes overlap: a server may let each SYN wait."""
    sockets = [served.make_socket() for _ in range(count)]
    with selectors.DefaultSelector() as selector:
        for one in sockets:
            one.setblocking(False)
            begun = one.connect_ex(served.address)
            assert begun in {0, errno.EINPROGRESS}, os.strerror(begun)
            selector.register(one, selectors.EVENT_WRITE)
        while selector.get_map():
            ready = selector.select(SILENCE_S)
            assert ready, f"{len(selector.get_map())} connections are not answered"
            for key, _ in ready:
                selector.unregister(key.fileobj)
    for one in sockets:
        error = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        assert not error, os.strerror(error)
        one.settimeout(60)
    return sockets


def fetch_all(served: Served, requests: Sequence[bytes]) -> list[bytes]:
    """Every byte of the answers to ``requests``: each on a connection of its own, all of them
    connected before the first one asks.  Requests must ask for close."""
    sockets = open_many(served, len(requests))
    answers = ask_all(sockets, requests)
    close_all(sockets)
    return answers


def ask_all(
    sockets: Sequence[socket.socket], requests: Sequence[bytes], *, finish: bool = False
) -> list[bytes]:
    """Every byte that comes back on each of ``sockets`` up to its end (or reset), after one of
    ``requests`` each; with ``finish`` all of them half-close behind it."""
    answers = [bytearray() for _ in requests]
    with selectors.DefaultSelector() as selector:
        for index, one in enumerate(sockets):
            one.setblocking(False)
            selector.register(one, selectors.EVENT_READ, index)
        for one, data in zip(sockets, requests, strict=True):
            with suppress(ConnectionError):  # the peer may have refused what came before
                assert one.send(data) == len(data)
                if finish:
                    one.shutdown(socket.SHUT_WR)
        heard = time.monotonic()
        while selector.get_map():
            silence = time.monotonic() - heard
            assert silence < SILENCE_S, f"{len(selector.get_map())} connections are stuck"
            for key, _ in selector.select(1.0):
                data = receive(key.fileobj)  # type: ignore[arg-type]
                answers[key.data] += data
                heard = time.monotonic()
                if not data:
                    selector.unregister(key.fileobj)
    return [bytes(answer) for answer in answers]


def receive(one: socket.socket) -> bytes:
    """What has come; nothing at the end, or after a reset."""
    try:
        return one.recv(1 << 16)
    except ConnectionResetError:
        return b""


def close_all(sockets: Sequence[socket.socket]) -> None:
    """Close them, whatever state they are in."""
    for one in sockets:
        with suppress(OSError):
            one.close()
