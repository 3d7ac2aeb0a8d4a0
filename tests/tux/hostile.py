# SPDX-License-Identifier: MIT
"""What honest clients still get while others attack: TUX as a process, or as a module in a guest,
beside nginx.

``python -m tests.tux.hostile`` prints a table; `src/tux/SECURITY.md` has one.  Wall-clock numbers
of whatever machine this is: they tell standing from falling, not fast from slow.
"""

from __future__ import annotations

import argparse
import random
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, cycle
from pathlib import Path

from checks.suite import find_variants
from ground import process
from ground.paths import PROJECT
from tests.tux.crowd import open_many
from tests.tux.documents import HELLO, write_documents
from tests.tux.guest import DOCUMENTS, find_boot, serve_in_guest, start_guest
from tests.tux.machine import Machine
from tests.tux.network import FORGED, HOST_ADDRESSES, is_possible, move_into_own_network
from tests.tux.servers import LOOPBACK, Served, request, start_nginx, start_tux
from tests.tux.variants import find_variant

LARGE = request(f"/sizes/{3 * (1 << 20) + 7}.bin")
HEAD = b"GET /hello.txt HTTP/1.1\r\nHost: localhost\r\nX: "
PATIENCE_S = 60.0
SYNS_A_SECOND = 5000
TCP_REPAIR, REPAIR_ON = 19, 1
READY = "ready"

NONE = "none"
NEIGHBOUR_PORT = 8080
NEIGHBOUR = (
    "daemon on; pid /run/n.pid; error_log /run/n.err; worker_rlimit_nofile 20000; "
    "events { worker_connections 16384; } http { access_log off; "
    "client_body_temp_path /run/n1; proxy_temp_path /run/n2; fastcgi_temp_path /run/n3; "
    "uwsgi_temp_path /run/n4; scgi_temp_path /run/n5; "
    f"server {{ listen {NEIGHBOUR_PORT}; root {DOCUMENTS}; }} }}"
)

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


def flood_syns(served: Served) -> None:
    """SYNs from addresses of which none ever answers: the queue of handshakes is full at once."""
    choice = random.Random(2006)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        announce()
        begun = time.monotonic()
        for number in count():
            source = FORGED[choice.randrange(1, FORGED.num_addresses - 1)].packed
            raw.sendto(make_syn(source, choice, served.address), (served.address[0], 0))
            time.sleep(max(0.0, begun + number / SYNS_A_SECOND - time.monotonic()))


def make_syn(source: bytes, choice: random.Random, to: tuple[str, int]) -> bytes:
    """A SYN with its IP header; the kernel fills in the latter's checksum."""
    destination = socket.inet_aton(to[0])
    ports = choice.randrange(1024, 65536), to[1]
    tcp = struct.pack("!HHLLBBHHH", *ports, choice.getrandbits(32), 0, 5 << 4, 2, 65535, 0, 0)
    pseudo = source + destination + struct.pack("!HH", socket.IPPROTO_TCP, len(tcp))
    total = sum(struct.unpack("!16H", pseudo + tcp))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    tcp = tcp[:16] + struct.pack("!H", ~total & 0xFFFF) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 4 << 4 | 5, 0, 20 + len(tcp), 0, 0, 64, socket.IPPROTO_TCP, 0)
    return ip + source + destination + tcp


def stay_idle(served: Served) -> None:
    """10,000 connections, all that TUX keeps, that had a reply and say nothing more."""
    sockets = open_many(served, 10_000)
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
    "flood-syns": flood_syns,
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


Row = tuple[str, str, Service]


@contextmanager
def under_attack(served: Served, name: str, log: Path) -> Iterator[None]:
    """``name`` goes on during the block, in a process of its own."""
    argv = [sys.executable, "-m", "tests.tux.hostile", "--attack", name]
    argv += ["--address", served.address[0], "--port", str(served.address[1])]
    with process.start([*served.prefix, *argv], cwd=PROJECT, log=log) as child:
        deadline = time.monotonic() + PATIENCE_S
        while READY not in log.read_text():
            assert child.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"{name} does not begin"
            time.sleep(0.05)
        yield
        assert child.poll() is None, log.read_text()


def measure(served: Served, name: str, log: Path, seconds: float) -> Service:
    """What ``served`` gives under the attack ``name``, or ``none``."""
    with under_attack(served, name, log) if name != NONE else nullcontext():
        return be_honest(served, seconds)


def measure_processes(
    place: Path, documents: Path, seconds: float, names: Sequence[str]
) -> Iterator[Row]:
    """TUX as a process and nginx, each started anew for each of ``names``."""
    starts = {"tux": partial(start_tux, sanitize=""), "nginx": start_nginx}
    for name in names:
        for kind, start in starts.items():
            folder = place / f"{kind}-{name}"
            folder.mkdir()
            folder.chmod(0o755)
            with start(folder, documents, {}) as served:
                yield name, kind, measure(served, name, folder / "attack", seconds)


def start_neighbour(machine: Machine) -> None:
    """nginx in a guest, for as long as the guest is there."""
    machine.run(f"echo '{NEIGHBOUR}' > /run/n.conf && nginx -e /run/n.err -c /run/n.conf")


def measure_guest(
    place: Path, documents: Path, seconds: float, names: Sequence[str], variant: str
) -> Iterator[Row]:
    """``variant`` in a guest, and nginx in the same one."""
    found = find_variant(variant)
    boot = find_boot("", documents, found)
    with start_guest(boot, place / variant, found) as guest:
        guest.machine.run(f"ip route add {FORGED} via {HOST_ADDRESSES[0]}")
        start_neighbour(guest.machine)
        with serve_in_guest(guest, documents, {}) as served:
            nginx = replace(served, name="nginx", address=(served.address[0], NEIGHBOUR_PORT))
            for name in names:
                for kind, one in ((variant, served), (f"nginx beside {variant}", nginx)):
                    yield name, kind, measure(one, name, place / "attack", seconds)


def print_table(rows: Iterable[Row]) -> None:
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
    parser.add_argument("--guest", action="append", choices=find_variants(), default=[],
                        help="this variant as a module, not TUX as a process")  # fmt: skip
    parser.add_argument("--attack", choices=sorted(ATTACKS), help="attack --port of --address")
    parser.add_argument("--address", default=LOOPBACK)
    parser.add_argument("--port", type=int, default=80)
    chosen = parser.parse_args()
    if chosen.attack:
        ATTACKS[chosen.attack](Served("attacked", (chosen.address, chosen.port), Path()))
        return
    if not is_possible():
        parser.error("a network of one's own needs root and /dev/net/tun")
    if not chosen.guest:
        move_into_own_network()
    with tempfile.TemporaryDirectory(prefix="tux-hostile-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        place.chmod(0o755)
        documents, names = write_documents(place), [NONE, *(chosen.only or ATTACKS)]
        if chosen.guest:
            for variant in chosen.guest:
                print_table(measure_guest(place, documents, chosen.seconds, names, variant))
        else:
            print_table(measure_processes(place, documents, chosen.seconds, names))


if __name__ == "__main__":
    main()
