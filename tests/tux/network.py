# SPDX-License-Identifier: MIT
"""Networks of their own: for one guest, a tap device in a network namespace; for this process, one
that it moves into.

User networking would end TCP in the emulator; here every RST and every half-close of a test
really reaches the guest.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

from ground import process

CLONE_NEWNET = 0x40000000
HOST_ADDRESSES = tuple(f"10.9.0.{n}" for n in range(1, 9))  # 8 times the ephemeral ports
GUEST_ADDRESS = "10.9.0.100"
PREFIX = 24
FORGED = ip_network("10.128.0.0/9")  # where nobody is; who sends from there hears no answer

_libc = ctypes.CDLL(None, use_errno=True)
_serial = itertools.count()


class Network:
    """A network namespace with a tap device ``tap0``; sockets can be made inside it."""

    def __init__(self, name: str):
        self.name = name
        self.prefix = ("ip", "netns", "exec", name)
        self._path = Path("/run/netns") / name

    def make_socket(self) -> socket.socket:
        """A TCP socket that lives in this network (whatever thread makes it)."""
        with self._entered():
            return socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    @contextmanager
    def without_address(self, address: str) -> Iterator[None]:
        """Inside this block nobody here has ``address``: packets to it get no answer."""
        change = ("ip", "-n", self.name, "addr")
        process.run([*change, "del", f"{address}/{PREFIX}", "dev", "tap0"])
        try:
            yield
        finally:
            process.run([*change, "add", f"{address}/{PREFIX}", "dev", "tap0"])

    @contextmanager
    def _entered(self) -> Iterator[None]:
        with Path("/proc/thread-self/ns/net").open("rb") as home, self._path.open("rb") as there:
            _set_namespace(there.fileno())
            try:
                yield
            finally:
                _set_namespace(home.fileno())


def _set_namespace(handle: int) -> None:
    _check(_libc.setns(handle, CLONE_NEWNET), "setns")


def _check(result: int, name: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def move_into_own_network() -> None:
    """From here on this process and its children have a loopback interface of their own, and a
    device behind which FORGED lies and on which nothing comes back.  Needs root."""
    _check(_libc.unshare(CLONE_NEWNET), "unshare")
    for line in (
        "link set lo up",
        "tuntap add dev sink mode tap",
        f"addr add {FORGED[1]}/{FORGED.prefixlen} dev sink",
        "link set sink up",
    ):
        process.run(["ip", *line.split()])
    # Else nothing on 127.0.0.1 would answer to them at all.
    Path("/proc/sys/net/ipv4/conf/sink/route_localnet").write_text("1")


@contextmanager
def make_network() -> Iterator[Network]:
    """A network for one guest; gone, with all that uses it, at the end.  Needs root."""
    name = f"tux-{os.getpid()}-{next(_serial)}"
    process.run(["ip", "netns", "add", name])
    try:
        inside = ("ip", "-n", name)
        process.run([*inside, "link", "set", "lo", "up"])
        process.run([*inside, "tuntap", "add", "dev", "tap0", "mode", "tap"])
        for address in HOST_ADDRESSES:
            process.run([*inside, "addr", "add", f"{address}/{PREFIX}", "dev", "tap0"])
        process.run([*inside, "link", "set", "tap0", "up"])
        yield Network(name)
    finally:
        process.run(["ip", "netns", "del", name])


def is_possible() -> bool:
    """Whether this process may make networks."""
    return os.geteuid() == 0 and os.access("/dev/net/tun", os.R_OK | os.W_OK)
