# SPDX-License-Identifier: MIT
"""A guest under the distribution's QEMU, with commands run in it and its console watched.

Commands go in on the serial console, one line each; what they print comes back through the debug
port as frames (images/guest/emit.c), so that kernel messages never mix with it.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from forge.tree import Node, Tree, format_cpio
from ground import process
from ground.seeds import derive_bytes
from testbed.outputs.emissions import HEADER
from tests.tux.network import GUEST_ADDRESS, PREFIX, Network

BOOT_S = 600.0
COMMAND_S = 120.0
POLL_S = 0.02
KERNEL_ARGUMENTS = "console=ttyS0 panic=-1 oops=panic no_timer_check loglevel=7"
ONE_PROCESSOR = "nolapic noapic"
COMPLAINT = re.compile(
    r"BUG:|WARNING:|\bOops|general protection fault|Kernel panic|Call Trace|KASAN|UBSAN|"
    r"INFO: (?:possible|suspicious|task|trying|lockdep)|possible (?:recursive|circular)|"
    r"suspicious RCU|sleeping function|scheduling while atomic|kmemleak: \d+ new|"
    r"unreferenced object|refcount_t|Objects remaining|list_(?:add|del) corruption|"
    r"soft lockup|hung_task|Bad page|Out of memory|page allocation failure|"
    r"unable to handle|kernel BUG|segfault|still has locks|leaked"
)
# The loop that runs in the guest: a line in, a frame out that is named by number and status.
JOB = f"""\
stty -echo
ip addr add {GUEST_ADDRESS}/{PREFIX} dev eth0
ip link set eth0 up
[ -d /sys/kernel/debug ] && mount -t debugfs debugfs /sys/kernel/debug
[ -e /etc/tests/setup ] && . /etc/tests/setup
emit r0.0 < /dev/null
n=0
while read -r line; do
  n=$((n + 1))
  (eval "$line") > /run/reply 2>&1 < /dev/null
  emit "r$n.$?" < /run/reply
done
"""


class GuestError(AssertionError):
    """The guest has ended, does not answer, or a command in it failed."""


@dataclass(frozen=True)
class Boot:
    """What a machine boots: a kernel and a root, and files laid over the root."""

    kernel: Path
    root: Path
    overlay: Tree
    memory_mib: int = 1024
    arguments: str = ""
    disk: Path | None = None
    is_64_bit: bool = False
    processors: int = 1


class Machine:
    """A running guest."""

    def __init__(self, directory: Path, child: subprocess.Popen[bytes], network: Network):
        self.directory = directory
        self.network = network
        self._child = child
        self._frames = 0  # bytes of frames.bin that were read
        self._sent = 0
        self._seen = 0  # bytes of the console that were judged
        self._line = _connect(directory / "console.sock", child)
        # The log has what the console says; but a socket that nobody empties takes 278 characters
        # (one buffer each), and QEMU drops the rest.
        threading.Thread(target=self._drain, daemon=True).start()

    @property
    def is_running(self) -> bool:
        """Whether QEMU still runs."""
        return self._child.poll() is None

    @property
    def console(self) -> str:
        """All that the console said."""
        return (self.directory / "console.txt").read_text(errors="replace")

    def wait_until_booted(self) -> None:
        """Wait for the first frame of the guest's loop."""
        self._read_frame(0, BOOT_S)

    def run(self, command: str, *, timeout_s: float = COMMAND_S, check: bool = True) -> str:
        """Run one shell line in the guest and return what it printed.

        Raises GuestError when it fails (with ``check``), takes too long, or the guest ends.
        """
        assert "\n" not in command
        assert len(command) < 4000, "longer than a line of the terminal"
        self._sent += 1
        self._line.sendall(command.encode() + b"\n")
        status, output = self._read_frame(self._sent, timeout_s)
        if check and status:
            raise GuestError(f"`{command}` ended with {status} in the guest: {output[-2000:]}")
        return output

    def read_complaints(self) -> list[str]:
        """What the kernel complained of since the last call (or boot)."""
        text = self.console
        fresh, self._seen = text[self._seen :], len(text)
        return [line for line in fresh.splitlines() if COMPLAINT.search(line)]

    def _drain(self) -> None:
        with suppress(OSError):
            while self._line.recv(4096):
                pass

    def _read_frame(self, number: int, timeout_s: float) -> tuple[int, str]:
        deadline = time.monotonic() + timeout_s
        while True:
            frame = self._find_frame()
            if frame is not None:
                name, body = frame
                count, status = name[1:].split(".")
                if int(count) < number:
                    continue  # of a command that was given up
                return int(status), body.decode(errors="replace")
            if not self.is_running:
                raise GuestError(f"the guest has ended: {self.console[-3000:]}")
            if time.monotonic() > deadline:
                raise GuestError(f"no answer in {timeout_s:.0f} s: {self.console[-3000:]}")
            time.sleep(POLL_S)

    def _find_frame(self) -> tuple[str, bytes] | None:
        path = self.directory / "frames.bin"
        if not path.exists():
            return None
        with path.open("rb") as stream:
            stream.seek(self._frames)
            data = stream.read()
        match = HEADER.match(data)
        if match is None:
            return None
        end = match.end() + int(match[2])
        if len(data) < end + 1:
            return None
        self._frames += end + 1
        return match[1].decode(), data[match.end() : end]


def finalize_argv(boot: Boot, directory: Path, network: Network) -> list[str]:
    """QEMU's command line: KVM where it works, the console on a socket."""
    if can_use_kvm():
        processor = ("-accel", "kvm", "-cpu", "host")
    else:
        model = "qemu64" if boot.is_64_bit else "pentium3"
        processor = ("-accel", "tcg", "-cpu", model)
    emulator = "qemu-system-x86_64" if boot.is_64_bit else "qemu-system-i386"
    arguments = (KERNEL_ARGUMENTS, ONE_PROCESSOR if boot.processors == 1 else "", boot.arguments)
    disk = ("-drive", f"file={boot.disk},format=raw,if=virtio,cache=unsafe") if boot.disk else ()
    return [
        *(*network.prefix, emulator, "-nodefaults", "-no-user-config"),
        *("-M", "pc,usb=off,hpet=off", *processor, "-m", str(boot.memory_mib)),
        # The BIOS names one processor a socket to kernels without ACPI.
        *("-smp", f"{boot.processors},sockets={boot.processors}"),
        *("-display", "none", "-monitor", "none", "-no-reboot"),
        *("-kernel", str(boot.kernel), "-initrd", str(directory / "root.cpio")),
        *("-append", " ".join(filter(None, arguments))),
        *("-chardev", f"socket,id=tty,path={directory}/console.sock,server=on,wait=off,"
          f"logfile={directory}/console.txt"),
        *("-serial", "chardev:tty"),
        *("-chardev", f"file,id=frames,path={directory}/frames.bin"),
        *("-device", "isa-debugcon,iobase=0xe9,chardev=frames"),
        *("-fw_cfg", f"name=opt/testbed/job,file={directory}/job.sh"),
        *("-fw_cfg", f"name=opt/testbed/entropy,file={directory}/entropy.bin"),
        *("-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no"),
        *("-device", "e1000,netdev=n0,romfile="),
        *disk,
    ]  # fmt: skip


def can_use_kvm() -> bool:
    """Whether the processor itself virtualises: /dev/kvm alone may run no 32-bit guest."""
    flags = set(re.findall(r"\b(?:vmx|svm)\b", Path("/proc/cpuinfo").read_text()))
    return bool(flags) and os.access("/dev/kvm", os.R_OK | os.W_OK)


@contextmanager
def start_machine(boot: Boot, directory: Path, network: Network) -> Iterator[Machine]:
    """A guest that has booted; it is gone with this block, whatever happens."""
    (directory / "job.sh").write_text(JOB)
    (directory / "entropy.bin").write_bytes(derive_bytes(2006, "entropy", 64))
    # The kernel unpacks archives that follow each other; later files win.
    root = boot.root.read_bytes()
    (directory / "root.cpio").write_bytes(root + format_cpio(boot.overlay))
    argv = finalize_argv(boot, directory, network)
    with process.start(argv, log=directory / "qemu.log") as child:
        machine = Machine(directory, child, network)
        machine.wait_until_booted()
        yield machine


def copy_tree(source: Path, tree: Tree, place: str) -> None:
    """Put all below the directory ``source`` into ``tree`` below ``place``: files, directories,
    links and FIFOs with their modes (times are the archive's)."""
    for path in sorted(source.rglob("*")):
        name = f"{place}/{path.relative_to(source)}"
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            tree.add_link(name, str(path.readlink()))
        else:
            tree.add(name, Node(mode, path.read_bytes() if stat.S_ISREG(mode) else b""))


def _connect(path: Path, child: subprocess.Popen[bytes]) -> socket.socket:
    """Connect to the console as soon as QEMU listens."""
    deadline = time.monotonic() + BOOT_S
    while True:
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(str(path))
        except OSError:
            line.close()
            if child.poll() is not None or time.monotonic() > deadline:
                log = (path.parent / "qemu.log").read_text(errors="replace")
                raise GuestError(f"QEMU does not start: {log}") from None
            time.sleep(POLL_S)
        else:
            return line
