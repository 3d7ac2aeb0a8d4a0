# SPDX-License-Identifier: MIT
"""redsocks of the gallery, as it is and rewritten: the same conversations, byte for byte.

Needs what `./invoke gallery --only redsocks` makes; all of it runs on the loopback interface.
"""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from ground import process
from ground.paths import find_outputs

FOLDER = find_outputs() / "gallery" / "redsocks"
PLAIN = FOLDER / "source" / "redsocks"
REWRITTEN = FOLDER / "redsocks" / "new" / "source" / "redsocks"
PATIENCE_S = 20.0
SETTLING_S = 0.3  # until the relay has begun
CONFIG = """\
base {{ log_debug = off; log_info = off; log = "file:{log}"; daemon = off; redirector = generic; }}
redsocks {{
	local_ip = 127.0.0.1; local_port = {port}; ip = 127.0.0.1; port = {proxy};
	type = {kind}; splice = {splice};
}}
"""
HELLO = b"".join(b"line %d of what a client says\n" % n for n in range(400))
# For each kind of proxy: after how many bytes it answers what.  With a proxy of HTTP the original
# does not get to the relay here, with libevent 2.1, so there is nothing to compare.
DIALOGUES = {
    "socks4": [(8, b"\0\x5a" + bytes(6))],
    "socks5": [(3, b"\5\0"), (10, b"\5\0\0\1" + bytes(6))],
}


def find_port() -> int:
    """A free port."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Proxy:
    """Answers as its dialogue says, then echoes; keeps all that it was told."""

    def __init__(self, dialogue: list[tuple[int, bytes]]):
        self.dialogue, self.told = dialogue, b""
        self.answered = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(PATIENCE_S)
        self.port = int(self.listener.getsockname()[1])
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(PATIENCE_S)
            for end, answer in self.dialogue:
                read = b""
                while len(read) < end:
                    read += connection.recv(65536)
                self.told += read
                connection.sendall(answer)
            self.answered.set()
            while data := connection.recv(65536):
                self.told += data
                connection.sendall(data)


def connect(port: int) -> socket.socket:
    """A connection, as soon as somebody listens; a probe would be relayed, too."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        except ConnectionRefusedError:
            assert time.monotonic() < end, "redsocks does not listen"
            time.sleep(0.05)


def converse(program: Path, folder: Path, kind: str, port: int, splice: str) -> tuple[bytes, bytes]:
    """What the proxy was told, and what the client got."""
    proxy = Proxy(DIALOGUES[kind])
    config = folder / "redsocks.conf"
    config.write_text(
        CONFIG.format(log=folder / "log", port=port, proxy=proxy.port, kind=kind, splice=splice)
    )
    with process.start([program, "-c", config]) as server:
        with connect(port) as client:
            assert proxy.answered.wait(PATIENCE_S)
            time.sleep(SETTLING_S)  # what comes sooner waits for what comes next
            client.sendall(HELLO)
            got = b""
            while len(got) < len(HELLO) and (data := client.recv(65536)):
                got += data
        proxy.thread.join(PATIENCE_S)
        assert server.poll() is None  # it is still there
    return proxy.told, got


@pytest.mark.parametrize("splice", ["false", "true"])
@pytest.mark.parametrize("kind", DIALOGUES)
def test_the_same_is_said(tmp_path: Path, kind: str, splice: str) -> None:
    if not PLAIN.is_file() or not REWRITTEN.is_file():
        pytest.skip("./invoke gallery --only redsocks has not run here")
    port = find_port()
    told, got = converse(PLAIN, tmp_path, kind, port, splice)
    assert got  # there is a conversation at all
    assert converse(REWRITTEN, tmp_path, kind, port, splice) == (told, got)
