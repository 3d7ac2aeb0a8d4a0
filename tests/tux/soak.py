# SPDX-License-Identifier: MIT
"""A long, mixed load on TUX in a guest, in rounds: what is taken comes back.

In a round clients of every kind are at it at once, and in its middle the server is stopped and
started.  Then there is silence, in which nothing may be alive or hold memory, by the server's
ledger and by that of its allocator, and each cache of the kernel must hold what it held after the
first round.  ``python -m tests.tux.soak`` is `./invoke tux.soak`.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from checks.suite import find_variants
from ground.seeds import derive_bytes
from testbed.guest.slab import ACCOUNT, parse_slab_account
from tests.tux.crowd import ask_all, close_all, open_many
from tests.tux.documents import HELLO, content, write_documents
from tests.tux.guest import find_boot, read_slabs, serve_in_guest, start_guest
from tests.tux.machine import Machine
from tests.tux.servers import IDLE_S, Served, request
from tests.tux.variants import find_variant
from tests.tux.wire import ClosedError

CLIENTS = 6
SIZES = (0, 1, 1025, 4097, 65537)
LARGE = 3 * (1 << 20) + 7
SPIKE = 300
STOP, START, RESTART = 0, 1, 2
KNOBS = {"header_timeout": "2", "output_timeout": "2", "keepalive_timeout": "2"}
# What a round may leave behind: the kernel's own caches move a little.
GROWTH_MAX = 200  # objects of any one cache
MEMORY_MAX_KIB = 8192

Behaviour = Callable[[Served, random.Random], None]


class WrongBytesError(Exception):
    """A reply that a server must not give."""


def keep_alive(served: Served, choice: random.Random) -> None:
    """Requests one after the other, with pauses."""
    with served.connect() as connection:
        for size in choice.choices(SIZES, k=choice.randint(1, 30)):
            connection.send(request(f"/sizes/{size}.bin"))
            check(connection.read_reply().body, size)
            time.sleep(choice.expovariate(100))


def pipeline(served: Served, choice: random.Random) -> None:
    """Requests in one piece."""
    sizes = choice.choices(SIZES, k=choice.randint(2, 40))
    with served.connect() as connection:
        connection.send(b"".join(request(f"/sizes/{size}.bin") for size in sizes))
        for size in sizes:
            check(connection.read_reply().body, size)


def abort(served: Served, choice: random.Random) -> None:
    """A reset somewhere between the first byte of a head and the midst of a reply."""
    head = request(f"/sizes/{LARGE}.bin")
    connection = served.connect(receive_bytes=4096)
    connection.send(head[: choice.randint(0, len(head))])
    time.sleep(choice.expovariate(100))
    connection.reset()


def read_slowly(served: Served, choice: random.Random) -> None:
    """A small window, emptied bit by bit; some give up."""
    with served.connect(receive_bytes=4096) as connection:
        connection.send(request("/sizes/65537.bin", "Connection: close"))
        data = bytearray()
        while more := connection.socket.recv(3001):
            data += more
            if choice.random() < 0.02:
                return
            time.sleep(choice.expovariate(500))
    if not data.endswith(content("sizes/65537.bin", 65537)):
        raise WrongBytesError("of a slow reader")


def fall_silent(served: Served, choice: random.Random) -> None:
    """Half a head, or a reply that nobody reads, until the server has had enough."""
    data = choice.choice([b"GET /hel", request(f"/sizes/{LARGE}.bin")])
    with served.connect(receive_bytes=4096) as connection:
        connection.send(data)
        time.sleep(3)


def ask_in_vain(served: Served, choice: random.Random) -> None:
    """What is refused: nonsense, bodies, missing and closed files."""
    body = b"x" * choice.randint(0, 100_000)
    refused = [
        choice.randbytes(choice.randint(1, 2000)),
        request("/hello.txt", f"Content-Length: {len(body)}", method="POST") + body,
        request("/missing"),
        request("/forbidden.txt"),
        request("/hello.txt", host=None),
    ]
    with served.connect() as connection:
        connection.send(choice.choice(refused))
        connection.finish_sending()
        if HELLO in connection.read_to_end():
            raise WrongBytesError("of a request to be refused")


def come_in_crowds(served: Served, _: random.Random) -> None:
    """A spike: SPIKE connections that ask together."""
    try:
        sockets = open_many(served, SPIKE)
    except AssertionError:  # the server is stopped just now
        return
    try:
        ask = request("/hello.txt", "Connection: close")
        answers = ask_all(sockets, [ask] * SPIKE)
    finally:
        close_all(sockets)
    if any(answer and not answer.endswith(HELLO) for answer in answers):
        raise WrongBytesError("of a spike")


BEHAVIOURS: tuple[Behaviour, ...] = (
    *(keep_alive, pipeline, abort, read_slowly, fall_silent, ask_in_vain, come_in_crowds),
)


def check(body: bytes, size: int) -> None:
    """Raise WrongBytesError if ``body`` is not the document of ``size`` bytes."""
    if body != content(f"sizes/{size}.bin", size):
        raise WrongBytesError(f"{len(body)} bytes where {size} were due")


@dataclass(frozen=True)
class State:
    """What a guest has in use when nobody asks."""

    slabs: dict[str, int]
    available_kib: int

    def find_growth(self, before: State) -> dict[str, int]:
        """Objects more than ``before``, by cache; KiB less of memory."""
        grown = {name: n - before.slabs.get(name, 0) for name, n in self.slabs.items()}
        return {
            **{name: n for name, n in grown.items() if n > GROWTH_MAX},
            **(
                {"KiB of memory": less}
                if (less := before.available_kib - self.available_kib) > MEMORY_MAX_KIB
                else {}
            ),
        }


def read_state(machine: Machine) -> State:
    """What is in use, once what is only waiting to be freed is gone."""
    slabs = read_slabs(machine)
    memory = machine.run("grep MemAvailable /proc/meminfo")
    return State(slabs, int(memory.split()[1]))


def find_left(machine: Machine, counted: dict[str, int]) -> list[str]:
    """What the server has of requests that are over: by its own ledger, and by Stingy's."""
    left = [
        f"{name} is {value}"
        for name, value in counted.items()
        if value and name.endswith((".live", ".bytes"))
    ]
    if account := machine.run(f"cat {ACCOUNT} 2> /dev/null || true"):
        left += [
            f"{item.live} of {item.name} in the slabs"
            for item in parse_slab_account(account)
            if item.live
        ]
    return left


def settle(machine: Machine, before: State | None, patience_s: float) -> State:
    """What is in use once it is no more than ``before``, or when patience ends: TCP keeps what is
    left of a connection that was cut for a minute (tcp_fin_timeout)."""
    deadline = time.monotonic() + patience_s
    while True:
        state = read_state(machine)
        if not before or not state.find_growth(before) or time.monotonic() >= deadline:
            return state


@dataclass
class Crowd:
    """Clients that come again and again until they are told to stop."""

    served: Served
    seed: int
    round: int
    visits: int = 0
    wrong: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def work(self, number: int) -> None:
        """One client's visits; one that is cut or refused is none."""
        name = f"round {self.round}, client {number}"
        choice = random.Random(derive_bytes(self.seed, name, 16))
        while not self._stop.is_set():
            behaviour = choice.choice(BEHAVIOURS)
            try:
                behaviour(self.served, choice)
            except (OSError, ClosedError):
                time.sleep(0.01)
            except Exception as error:
                # h11 has no class of its own for a reply that ends early, which a stop may cause.
                if "incomplete" not in str(error) and "closed" not in str(error):
                    self.wrong.append(f"{behaviour.__name__}: {error!r}")
            self.visits += 1

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """They come during the block, and have gone behind it."""
        threads = [threading.Thread(target=self.work, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()


def soak(
    served: Served, *, minutes: float, round_s: float, seed: int, patience_s: float = IDLE_S
) -> list[str]:
    """Rounds of ``round_s`` for ``minutes``, at least two; what was wrong."""
    machine = served.machine
    assert machine is not None
    begun, begun_there = time.monotonic(), served.now()
    first: State | None = None
    number = 0
    while number < 2 or time.monotonic() - begun < 60 * minutes:
        number += 1
        crowd = Crowd(served, seed, number)
        with crowd.at_work():
            time.sleep(round_s / 2)
            served.control(STOP)
            served.control(START)
            time.sleep(round_s / 2)
        served.assert_idle()
        served.control(RESTART)  # which gives back what stock keeps on its free lists
        state = settle(machine, first, patience_s)
        grown = state.find_growth(first) if first else {}
        wrong = [*crowd.wrong, *machine.read_complaints()]
        wrong += [f"{name}: {n} more" for name, n in grown.items()]
        counted = served.read_stat()
        wrong += find_left(machine, counted)
        print(
            f"round {number}: {crowd.visits} visits, {counted['replies.2xx']} replies in all, "
            f"{served.now() - begun_there:.0f} s in the guest, "
            f"{(time.monotonic() - begun) / 60:.1f} of {minutes:g} min"
            + "".join(f"\n  wrong: {text}" for text in wrong),
            flush=True,
        )
        if wrong:
            return wrong
        first = first or state
    return []


def main(words: Sequence[str] | None = None) -> int:
    """Soak one variant; 0 if everything came back."""
    parser = argparse.ArgumentParser(prog="tests.tux.soak", description=__doc__)
    parser.add_argument("--variant", default="tux", choices=find_variants())
    parser.add_argument("--minutes", type=float, default=10.0, help="of this host")
    parser.add_argument("--round-s", type=float, default=60.0, help="seconds of load in a round")
    parser.add_argument("--checked", action="store_true", help="KASAN, lockdep and the others")
    parser.add_argument("--seed", type=int, default=2006)
    chosen = parser.parse_args(words)
    variant = find_variant(chosen.variant)
    with tempfile.TemporaryDirectory(prefix="tux-soak-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        place.chmod(0o755)
        documents = write_documents(place)
        boot = find_boot("debug" if chosen.checked else "", documents, variant)
        with (
            start_guest(boot, place / "guest", variant) as guest,
            serve_in_guest(guest, documents, KNOBS) as served,
        ):
            wrong = soak(served, minutes=chosen.minutes, round_s=chosen.round_s, seed=chosen.seed)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
