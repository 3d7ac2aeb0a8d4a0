# SPDX-License-Identifier: MIT
"""TUX in a guest: one machine a session, its server configured anew for each test that asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from forge.pipeline import Pipeline
from forge.tree import Tree
from tests.tux.documents import MTIME
from tests.tux.machine import Boot, Machine, copy_tree, start_machine
from tests.tux.network import GUEST_ADDRESS, HOST_ADDRESSES, make_network
from tests.tux.servers import Served, parse_stat, wait_until_ready
from tests.tux.variants import Variant, find_module, find_session_variant

KNOBS = "/proc/sys/net/tux"
DOCUMENTS = "/srv/docs"
LOG = "/run/tux.log"
CHUNK = 60  # knobs a line
# What is under test.
VARIANT = find_session_variant()
# The archive has no times, and names of the host's directories mean nothing here.
SETUP = f"""\
find /srv -type f -exec touch -d @{MTIME} {{}} +
ln -sf /srv/outside.txt {DOCUMENTS}/escape.txt
mknod {DOCUMENTS}/null c 1 3
mknod {DOCUMENTS}/disk b 7 0
"""


@dataclass(frozen=True)
class Guest:
    """A guest with the module loaded, and the knobs as they are by default."""

    machine: Machine
    defaults: Mapping[str, str]

    def configure(self, knobs: Mapping[str, str]) -> None:
        """Start the server anew with its defaults and ``knobs``."""
        self.control(0)
        wanted = {**self.defaults, "documentroot": DOCUMENTS, "logfile": LOG, "threads": "1"}
        wanted |= {"clientport": "0", **knobs}
        del wanted["running"]
        lines = [f"echo '{value}' > {KNOBS}/{name}" for name, value in wanted.items()]
        for start in range(0, len(lines), CHUNK):
            self.machine.run(" && ".join(lines[start : start + CHUNK]))
        self.machine.run(f"rm -f {LOG} {LOG}old")
        self.control(1)

    def control(self, state: int) -> None:
        """0 stops the server, 1 starts it, 2 starts it anew."""
        self.machine.run(f"echo {state} > {KNOBS}/running")

    def read_stat(self) -> dict[str, int]:
        """/proc/net/tux/stat."""
        return parse_stat(self.machine.run("cat /proc/net/tux/stat"))

    def read_log(self, suffix: str = "") -> str:
        """The access log, or one that was renamed."""
        return self.machine.run(f"cat {LOG}{suffix} 2> /dev/null || true")

    def rename_log(self, suffix: str) -> None:
        """Rename the log as those who rotate it do."""
        self.machine.run(f"mv {LOG} {LOG}{suffix}")

    def reopen_log(self) -> None:
        """Tell TUX that the log was renamed."""
        self.machine.run(f"echo 1 > {KNOBS}/reopen_log")

    def read_clock(self) -> float:
        """The guest's time of day; an emulated machine that gets too little time falls behind."""
        return float(self.machine.run("date +%s"))

    def describe(self, root: Path) -> Served:
        """How tests reach the server."""
        network = self.machine.network
        return Served(
            name="tux-vm",
            address=(GUEST_ADDRESS, 80),
            root=root,
            make_socket=network.make_socket,
            prefix=network.prefix,
            read_log=self.read_log,
            rename_log=self.rename_log,
            reopen_log=self.reopen_log,
            read_stat=self.read_stat,
            control=self.control,
            now=self.read_clock,
            client_address=HOST_ADDRESSES[0],
            machine=self.machine,
        )


def lay_over(documents: Path) -> Tree:
    """What is put over the server's root: the documents, what lies beside them, the setup."""
    tree = Tree()
    copy_tree(documents, tree, DOCUMENTS.lstrip("/"))
    for name in ("outside.txt", "outside/index.html"):
        tree.add_file(f"srv/{name}", (documents.parent / name).read_bytes())
    tree.add_file("etc/tests/setup", SETUP.encode())
    return tree


def find_boot(flavour: str, documents: Path, variant: Variant = VARIANT) -> Boot:
    """The server's kernel of ``flavour`` with ``variant`` for it; builds what is missing."""
    pipeline = Pipeline()
    overlay = lay_over(documents)
    module = find_module(pipeline, variant, flavour)
    overlay.add_file(variant.path.lstrip("/"), module.read_bytes())
    is_64_bit = bool(flavour)  # as all that look for faults
    # With KASAN in it the kernel's own entry point does not work; a boot loader's does.
    kernel = "bzImage" if is_64_bit else "kernel"
    return Boot(
        kernel=pipeline.kernel("server", flavour) / kernel,
        root=pipeline.root("server") / "root.cpio",
        overlay=overlay,
        arguments=variant.arguments,
        is_64_bit=is_64_bit,
    )


def load_module(machine: Machine, variant: Variant = VARIANT) -> None:
    """Load TUX; a parameter that it does not know, or takes for another value, is an error."""
    machine.run(variant.load_line)
    for name, value in variant.parameters.items():
        assert machine.run(f"cat /sys/module/tux/parameters/{name}").strip() == value


def read_slabs(machine: Machine) -> dict[str, int]:
    """Objects in use by cache, once what is only waiting to be freed is gone."""
    machine.run("echo 0 > /proc/sys/net/ipv4/tcp_max_tw_buckets; sync; sleep 1")
    machine.run("echo 3 > /proc/sys/vm/drop_caches; sleep 1")
    # KASAN keeps freed objects back, to find late users; a cache that is shrunk gives them up.
    machine.run("for file in /sys/kernel/slab/*/shrink; do [ ! -e $file ] || echo 1 > $file; done")
    lines = machine.run("tail -n +3 /proc/slabinfo").splitlines()
    return {line.split()[0]: int(line.split()[1]) for line in lines}


@contextmanager
def start_guest(boot: Boot, place: Path, variant: Variant = VARIANT) -> Iterator[Guest]:
    """A guest with the module loaded and the server not yet running."""
    place.mkdir(exist_ok=True)
    with make_network() as network, start_machine(boot, place, network) as machine:
        load_module(machine, variant)
        listing = machine.run(f'cd {KNOBS} && for f in *; do echo "$f=$(cat $f)"; done')
        yield Guest(machine, dict(line.split("=", 1) for line in listing.splitlines()))


@contextmanager
def serve_in_guest(guest: Guest, root: Path, knobs: Mapping[str, str]) -> Iterator[Served]:
    """The server with ``knobs``; with its defaults again afterwards."""
    guest.configure(knobs)
    served = guest.describe(root)
    wait_until_ready(served, lambda: guest.machine.is_running)
    try:
        yield served
    finally:
        if guest.machine.is_running:
            guest.configure({})
