# SPDX-License-Identifier: MIT
"""Clients: h11, which checks every byte of the framing, and raw sockets, which check nothing."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import h11

PATIENCE_S = 60.0  # never a criterion: only so that a hanging server does not hang the tests


@dataclass(frozen=True)
class Response:
    """What a server said."""

    status: int
    headers: dict[str, str]
    body: bytes


def connect(port: int) -> socket.socket:
    """A connection to the server on ``port``."""
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)


class Client:
    """One connection with h11 as the judge of what comes back."""

    def __init__(self, port: int, read_size: int = 65536):
        self.socket = connect(port)
        self.protocol = h11.Connection(our_role=h11.CLIENT)
        self.read_size = read_size

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def request(
        self, target: str, method: str = "GET", headers: Sequence[tuple[str, str]] = ()
    ) -> Response:
        """Send a request and read the whole response; the connection is ready for the next."""
        request = h11.Request(
            method=method, target=target, headers=[("Host", "localhost"), *headers]
        )
        self.socket.sendall(self.protocol.send(request) + self.protocol.send(h11.EndOfMessage()))
        response = self._read_response()
        if self.protocol.our_state is h11.DONE and self.protocol.their_state is h11.DONE:
            self.protocol.start_next_cycle()
        return response

    @property
    def is_closing(self) -> bool:
        """Whether the server has said that this was the last response."""
        return self.protocol.their_state in {h11.MUST_CLOSE, h11.CLOSED}

    def _read_response(self) -> Response:
        head = None
        body = bytearray()
        while True:
            event = self.protocol.next_event()
            if event is h11.NEED_DATA:
                self.protocol.receive_data(self.socket.recv(self.read_size))
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None
                names = {name.decode(): value.decode() for name, value in head.headers}
                return Response(head.status_code, names, bytes(body))
            else:
                raise AssertionError(f"unexpected {event!r}")


def exchange_raw(port: int, pieces: Sequence[bytes], *, half_close: bool = False) -> bytes:
    """Send ``pieces`` one by one and return all that comes until the server closes."""
    received = bytearray()
    with connect(port) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(ConnectionError):
            for piece in pieces:
                sock.sendall(piece)
            if half_close:
                sock.shutdown(socket.SHUT_WR)
            while part := sock.recv(65536):
                received += part
    return bytes(received)


def parse_all(raw: bytes, methods: Sequence[str]) -> list[Response]:
    """The responses in ``raw`` to requests with ``methods``; all of it must be responses."""
    responses = []
    for method in methods:
        protocol = h11.Connection(our_role=h11.CLIENT)
        protocol.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
        protocol.send(h11.EndOfMessage())
        protocol.receive_data(raw)
        protocol.receive_data(b"")
        head = protocol.next_event()
        assert isinstance(head, h11.Response), head
        body = bytearray()
        while isinstance(event := protocol.next_event(), h11.Data):
            body += event.data
        assert isinstance(event, h11.EndOfMessage), event
        names = {name.decode(): value.decode() for name, value in head.headers}
        responses.append(Response(head.status_code, names, bytes(body)))
        raw = protocol.trailing_data[0]
    assert raw == b""
    return responses
