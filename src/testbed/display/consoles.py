# SPDX-License-Identifier: MIT
"""Both machines' consoles on one terminal, to look around in; host time, no measurements."""

from __future__ import annotations

import os
import select
import socket
import sys
import tempfile
import termios
import time
import tty
from contextlib import ExitStack
from pathlib import Path

from ground import process
from ground.errors import UsageError
from ground.terminal import console
from testbed.machines.command_line import Boot, find_mac, quote_option

SWITCH = b"\x1d"  # Ctrl-]
QUIT = b"\x1c"  # Ctrl-\
CONNECT_S = 20.0
BACKLOG = 16_384  # bytes kept of the console that is not shown
MACHINES = ("server", "client")


def run_shell(server: Boot, client: Boot, memory_mib: int = 512) -> None:
    """Boot both machines, joined NIC to NIC, and connect the terminal to their consoles.

    Ctrl-] switches between server and client, Ctrl-\\ ends both.  Raises UsageError when there
    is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError("the shell needs a terminal", hint="run it without a pipe")
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="testbed-shell-")))
        machines = []
        for index, boot in enumerate((server, client)):
            argv = finalize_interactive(boot, MACHINES[index], place, memory_mib)
            log = place / f"{MACHINES[index]}.log"
            machines.append(stack.enter_context(process.start(argv, log=log)))
        consoles = [stack.enter_context(_connect(place / f"{name}.sock")) for name in MACHINES]
        console.print("Ctrl-] switches between server and client, Ctrl-\\ ends both")
        _join_terminal(consoles)


def finalize_interactive(boot: Boot, name: str, place: Path, memory_mib: int) -> list[str]:
    """A machine in host time with its console on a socket; no job, so that it gives a shell."""
    side = MACHINES.index(name)
    wire = place / "wire.sock"
    netdev = f"stream,id=n0,addr.type=unix,addr.path={quote_option(wire)}"
    return [
        *(str(boot.qemu), "-L", str(boot.firmware), "-nodefaults", "-no-user-config"),
        *("-M", "pc,usb=off", "-accel", "tcg", "-cpu", "pentium3", "-m", str(memory_mib)),
        *("-display", "none", "-monitor", "none", "-no-reboot"),
        *("-kernel", str(boot.kernel), "-initrd", str(boot.root)),
        *("-append", "console=ttyS0 quiet panic=-1 nolapic noapic no_timer_check"),
        *("-chardev", f"socket,id=tty,path={quote_option(place / name)}.sock,server=on,wait=off"),
        *("-serial", "chardev:tty"),
        *("-netdev", netdev + (",server=on" if side == 0 else ",server=off,reconnect-ms=200")),
        *("-device", f"e1000,netdev=n0,mac={find_mac(1, side)},romfile="),
    ]


def _connect(path: Path) -> socket.socket:
    """Connect to a console as soon as its machine listens."""
    deadline = time.monotonic() + CONNECT_S
    while True:
        client = socket.socket(socket.AF_UNIX)
        try:
            client.connect(str(path))
        except OSError as error:
            client.close()
            if time.monotonic() > deadline:
                log = path.with_suffix(".log")
                text = log.read_text() if log.exists() else str(error)
                raise process.ProcessError(f"{path.stem} does not start: {text}") from None
            time.sleep(0.05)
        else:
            return client


def _join_terminal(consoles: list[socket.socket]) -> None:
    """Copy bytes between the terminal and the chosen console until a key or both machines end.

    What the other console says meanwhile is kept (its last bytes) and shown at the switch.
    """
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    chosen = 0
    missed = dict.fromkeys(consoles, b"")
    try:
        tty.setraw(terminal)
        while missed:
            readable, _, _ = select.select([terminal, *missed], [], [])
            if terminal in readable:
                typed = os.read(terminal, 4096)
                if not typed or QUIT in typed:
                    return
                if SWITCH in typed:
                    chosen = 1 - chosen
                    heading = f"\r\n[{MACHINES[chosen]}]\r\n".encode()
                    os.write(1, heading + missed.get(consoles[chosen], b""))
                    missed |= {consoles[chosen]: b""} if consoles[chosen] in missed else {}
                elif consoles[chosen] in missed:
                    consoles[chosen].sendall(typed)
            for source in [console for console in missed if console in readable]:
                data = source.recv(65536)
                if not data:
                    del missed[source]
                elif source is consoles[chosen]:
                    os.write(1, data)
                else:
                    missed[source] = (missed[source] + data)[-BACKLOG:]
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
