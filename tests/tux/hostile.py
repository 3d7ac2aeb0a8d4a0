# SPDX-License-Identifier: MIT
"""What honest clients still get while others attack: TUX as a process beside nginx.

``python -m tests.tux.hostile`` prints a table; `src/tux/SECURITY.md` has one.  Wall-clock numbers
of a loopback, on whatever machine this is: they tell standing from falling, not fast from slow.
"""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path

from ground import process
from ground.paths import PROJECT
from tests.tux.crowd import open_many
from tests.tux.documents import HELLO, write_documents
from tests.tux.servers import LOOPBACK, Served, request, start_nginx, start_tux

LARGE = request(f"/sizes/{3 * (1 << 20) + 7}.bin")
HEAD = b"GET /hello.txt HTTP/1.1\r\nHost: localhost\r\nX: "
PATIENCE_S = 60.0
TCP_REPAIR, REPAIR_ON = 19, 1
READY = "ready"

Attack = Callable[[Served], None]


def drip_heads(served: Served) -> None:
    """500 heads, to each of which a byte is added now and then."""
    sockets = open_many(served, 500)
    for one in sockets:
        one.sendall(HEAD)
    announce()
    while True:
        for index, one in enumerate(sockets):
            try:
                one.sendall(b"x")
            except OSError:
                one.close()
                [sockets[index]] = open_many(served, 1)
        time.sleep(0.2)


def drip_long_heads(served: Served) -> None:
    """50 heads of 16000 bytes that come byte by byte, as fast as one thread sends them."""
    announce()
    while True:
        sockets = open_many(served, 50)
        for one in sockets:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.sendall(HEAD + b"x" * 3000)
        with suppress(OSError):
            for _ in range(13_000):
                for one in sockets:
                    one.send(b"x")
        for one in sockets:
            one.close()


def read_nothing(served: Served) -> None:
    """300 clients that ask for 3 MiB each and read nothing."""
    _hold_readers(served, 300)
    announce()
    time.sleep(3600)


def read_by_bytes(served: Served) -> None:
    """100 clients with the smallest window, which take a byte at a time."""
    sockets = _hold_readers(served, 100)
    announce()
    for one in cycle(sockets):
        with suppress(OSError):
            one.recv(1)


def _hold_readers(served: Served, count: int) -> list[socket.socket]:
    sockets = []
    for _ in range(count):
        one = served.make_socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        one.settimeout(5)
        one.connect(served.address)
        one.sendall(LARGE)
        sockets.append(one)
    return sockets


def reset_at_once(served: Served) -> None:
    """As many connections as one thread makes, each reset in the midst of its reply or head."""
    announce()
    for data in cycle((b"", HEAD, LARGE, request("/hello.txt"))):
        with suppress(OSError):
            connection = served.connect()
            connection.send(data)
            connection.reset()


def vanish(served: Served) -> None:
    """500 clients that are gone without a word after they have asked."""
    for one in _hold_readers(served, 500):
        one.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_ON)
        one.close()
    announce()
    time.sleep(3600)


def stay_idle(served: Served) -> None:
    """8000 connections (nginx is set up for 8192) that had a reply and say nothing more."""
    sockets = open_many(served, 8000)
    for one in sockets:
        one.sendall(request("/hello.txt", method="HEAD"))
    for one in sockets:
        one.recv(4096)
    announce()
    time.sleep(3600)


def upload_for_ever(served: Served) -> None:
    """20 senders of bodies that nobody wants."""
    head = request("/hello.txt", "Content-Length: 99999999999", method="POST")

    def work() -> None:
        while True:
            with suppress(OSError), served.connect() as connection:
                connection.send(head)
                while True:
                    connection.send(b"x" * 65536)
                    time.sleep(0.01)

    for _ in range(20):
        threading.Thread(target=work, daemon=True).start()
    announce()
    time.sleep(3600)


ATTACKS: dict[str, Attack] = {
    "drip-heads": drip_heads,
    "drip-long-heads": drip_long_heads,
    "read-nothing": read_nothing,
    "read-by-bytes": read_by_bytes,
    "reset-at-once": reset_at_once,
    "vanish": vanish,
    "stay-idle": stay_idle,
    "upload-for-ever": upload_for_ever,
}


def announce() -> None:
    """The attack is under way."""
    sys.stdout.write(READY + "\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class Service:
    """What one honest client got, asking again and again on new connections."""

    replies: int
    failures: int
    took_s: tuple[float, ...]

    @property
    def middle_ms(self) -> float:
        """The median of the times from connect() to the last byte."""
        return 1000 * sorted(self.took_s)[len(self.took_s) // 2] if self.took_s else float("nan")

    @property
    def worst_ms(self) -> float:
        """The longest of them."""
        return 1000 * max(self.took_s, default=float("nan"))


def be_honest(served: Served, seconds: float) -> Service:
    """Ask one after the other for ``seconds``; a reply that is not right is a failure."""
    took, failures = [], 0
    end = time.monotonic() + seconds
    while (begun := time.monotonic()) < end:
        try:
            right = served.get("/hello.txt", "Connection: close").body == HELLO
        except OSError:
            right = False
        failures += not right
        if right:
            took.append(time.monotonic() - begun)
    return Service(len(took), failures, tuple(took))


@contextmanager
def under_attack(served: Served, name: str, log: Path) -> Iterator[None]:
    """``name`` goes on during the block, in a process of its own."""
    argv = [sys.executable, "-m", "tests.tux.hostile", "--attack", name]
    argv += ["--port", str(served.address[1])]
    with process.start(argv, cwd=PROJECT, log=log) as child:
        deadline = time.monotonic() + PATIENCE_S
        while READY not in log.read_text():
            assert child.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"{name} does not begin"
            time.sleep(0.05)
        yield
        assert child.poll() is None, log.read_text()


def measure(
    place: Path, seconds: float, names: Sequence[str]
) -> Iterator[tuple[str, str, Service]]:
    """For no attack and each of ``names``: what each server gives, started anew each time."""
    documents = write_documents(place)
    starts = {"tux": partial(start_tux, sanitize=""), "nginx": start_nginx}
    for name in ("none", *names):
        for kind, start in starts.items():
            folder = place / f"{kind}-{name}"
            folder.mkdir()
            folder.chmod(0o755)
            with ExitStack() as stack:
                served = stack.enter_context(start(folder, documents, {}))
                if name != "none":
                    stack.enter_context(under_attack(served, name, folder / "attack"))
                yield name, kind, be_honest(served, seconds)


def print_table(rows: Iterator[tuple[str, str, Service]]) -> None:
    """One line for each attack and server, in Markdown."""
    print("| attack | server | replies | failures | median, ms | longest, ms |")
    print("|---|---|---|---|---|---|")
    for name, kind, found in rows:
        print(
            f"| {name} | {kind} | {found.replies} | {found.failures} "
            f"| {found.middle_ms:.2f} | {found.worst_ms:.0f} |",
            flush=True,
        )


def main() -> None:
    """Attack, or measure what attacks do."""
    parser = argparse.ArgumentParser(prog="tests.tux.hostile", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each line of the table")
    parser.add_argument("--only", action="append", choices=sorted(ATTACKS), default=[])
    parser.add_argument("--attack", choices=sorted(ATTACKS), help="attack the server at --port")
    parser.add_argument("--port", type=int, default=80)
    chosen = parser.parse_args()
    if chosen.attack:
        ATTACKS[chosen.attack](Served("attacked", (LOOPBACK, chosen.port), Path()))
        return
    with tempfile.TemporaryDirectory(prefix="tux-hostile-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        place.chmod(0o755)
        print_table(measure(place, chosen.seconds, chosen.only or [*ATTACKS]))


if __name__ == "__main__":
    main()
