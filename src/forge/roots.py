# SPDX-License-Identifier: MIT
"""The guests' root file systems: an uncompressed cpio archive each, unpacked at every boot."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forge.debian import ArchiveFile
from forge.sbom import Component, format_sbom
from forge.stage import SOURCE_DATE_EPOCH, Built, Stage, Workshop
from forge.tree import Node, Tree, find_closure, format_cpio, merge_usr, read_tar
from ground.documents import Strict, load_document, read_toml
from ground.files import digest_file, digest_tree
from ground.paths import PROJECT
from ground.process import run
from ground.seeds import derive_bytes

ROOTS = PROJECT / "images" / "roots"
GUEST = PROJECT / "images" / "guest"
SERVERS = PROJECT / "images" / "servers"
OVERLAY = SERVERS / "overlay"
DEFAULT_SERVER = "nginx"
# Documents: 64 small files as in the paper's workload, and three other sizes.
DOCUMENTS = {f"f{number}": 1024 for number in range(64)} | {
    "100b": 100,
    "10k": 10 * 1024,
    "100k": 100 * 1024,
}
PASSWD = """\
root:x:0:0:root:/root:/bin/sh
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
GROUP = "root:x:0:\nadm:x:4:\nwww-data:x:33:\nnogroup:x:65534:\n"
ETC = {
    "passwd": PASSWD,
    "group": GROUP,
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "protocols": "ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\n",
    "services": "http 80/tcp\n",
    "mime.types": "text/html html\n",
}


class RootDescription(Strict):
    """images/roots/NAME.toml: what the root of a machine holds."""

    hostname: str
    keep: tuple[str, ...]
    programs: tuple[str, ...]
    guest: tuple[str, ...]
    documents: bool = False
    servers: bool = False


@dataclass(frozen=True)
class RootRecipe:
    """One root: the packages (resolved, and where they lie), the guests' programs, the kernel's
    modules by the path that they get."""

    machine: str
    packages: Sequence[tuple[ArchiveFile, Path]]
    wanted: Sequence[str]
    programs: Built
    modules: Mapping[str, Path] = field(default_factory=dict)

    def stage(self) -> Stage:
        """The stage that makes ``root.cpio`` and ``sbom.spdx.json``."""
        inputs = {
            "packages": " ".join(sorted(file.sha256 for file, _ in self.packages)),
            "wanted": " ".join(self.wanted),
            "programs": self.programs.digest,
            "description": digest_file(ROOTS / f"{self.machine}.toml"),
            "guest": digest_tree(GUEST),
        }
        if self.modules:
            inputs["modules"] = " ".join(
                f"{name}={digest_file(path)}" for name, path in sorted(self.modules.items())
            )
        if self.describe().servers:
            inputs["servers"] = digest_tree(SERVERS)
        return Stage(
            name=f"root-{self.machine}",
            title=f"Building the {self.machine}'s root",
            recipe=1,
            inputs=inputs,
            build=self.build,
        )

    def describe(self) -> RootDescription:
        """What images/roots says."""
        return load_document(RootDescription, ROOTS / f"{self.machine}.toml")

    def build(self, workshop: Workshop) -> None:
        """Unpack the packages, keep what is asked for, add what is ours."""
        description = self.describe()
        packages = read_tar(unpack_packages(workshop, self.packages, self.wanted))
        kept = find_closure(packages, description.keep)
        tree = compose_base(description)
        tree.merge(packages, kept)
        for name in description.programs:
            needs = Tree()
            needs.nodes.update(packages.nodes)
            path = f"usr/bin/{name}"
            needs.add_file(path, (self.programs / name).read_bytes(), 0o755)
            tree.merge(needs, find_closure(needs, [path]))
        add_guest(tree, description, self.programs)
        for path, module in sorted(self.modules.items()):
            tree.add_file(path, module.read_bytes())
        if description.servers:
            add_servers(tree)
        add_applets(workshop, tree, packages.nodes["usr/bin/busybox"].data)
        (workshop.output / "root.cpio").write_bytes(format_cpio(tree))
        components = find_components(self.packages, set(tree.nodes))
        text = format_sbom(f"root-{self.machine}", components, SOURCE_DATE_EPOCH)
        (workshop.output / "sbom.spdx.json").write_text(text)


def unpack_packages(
    workshop: Workshop,
    packages: Sequence[tuple[ArchiveFile, Path]],
    wanted: Sequence[str],
    architecture: str = "i386",
) -> Path:
    """All packages extracted into one tar archive, from a repository made of just them."""
    pool = workshop.scratch / "pool"
    pool.mkdir()
    for file, path in packages:
        (pool / file.name).symlink_to(path)
    index = run(["dpkg-scanpackages", "--multiversion", "."], cwd=pool).stdout
    (pool / "Packages").write_text(index)
    archive = workshop.scratch / "root.tar"
    workshop.run(
        [
            *("mmdebstrap", "--variant=extract", f"--architectures={architecture}"),
            f"--include={','.join(wanted)}",
            *("bookworm", archive, f"deb [trusted=yes] copy://{pool} ./"),
        ]
    )
    return archive


def compose_base(description: RootDescription) -> Tree:
    """Directories, links, accounts and /dev/console."""
    tree = Tree()
    for name in ("bin", "sbin", "lib"):
        tree.add_directory(f"usr/{name}")
        tree.add_link(name, f"usr/{name}")
    for name in ("dev", "proc", "sys", "run", "root", "var/log", "var/lib", "var/www", "srv"):
        tree.add_directory(name)
    tree.add_directory("tmp", 0o1777)
    tree.add_link("var/run", "/run")
    tree.add("dev/console", Node(stat.S_IFCHR | 0o600, device=(5, 1)))
    for name, text in ETC.items():
        tree.add_file(f"etc/{name}", text.encode())
    tree.add_file("etc/hostname", f"{description.hostname}\n".encode())
    tree.add_file("etc/hosts", f"127.0.0.1 localhost {description.hostname}\n".encode())
    return tree


def add_applets(workshop: Workshop, tree: Tree, busybox: bytes) -> None:
    """busybox under all of its names, where no other program has that name."""
    program = workshop.scratch / "busybox"
    program.write_bytes(busybox)
    program.chmod(0o755)
    for applet in run([program, "--list"]).stdout.split():
        if f"usr/bin/{applet}" not in tree.nodes:
            tree.add_link(f"usr/bin/{applet}", "busybox")


def add_guest(tree: Tree, description: RootDescription, programs: Built) -> None:
    """/init and our own programs."""
    tree.add_file("init", (GUEST / "init").read_bytes(), 0o755)
    tree.add_file("usr/bin/guest", (programs / "guest").read_bytes(), 0o755)
    for name in description.guest:
        tree.add_link(f"usr/bin/{name}", "guest")
    script = (GUEST / f"standalone.{description.hostname}").read_text()
    if description.servers:
        script = script.replace("@DEFAULT_SERVER@", format_start(DEFAULT_SERVER))
    tree.add_file("etc/guest/standalone", script.encode())
    tree.add_file("etc/guest/udhcpc", (GUEST / "udhcpc").read_bytes(), 0o755)


def format_start(server: str) -> str:
    """The shell lines that start ``server``."""
    table = read_toml(SERVERS / f"{server}.toml")
    return "\n".join([*table.get("prepare", ()), table["start"]])


def add_servers(tree: Tree) -> None:
    """Configurations, documents, and what the user laid over them."""
    for path in sorted(SERVERS.glob("*.conf")):
        tree.add_file(f"etc/servers/{path.name}", path.read_bytes())
    for name, size in DOCUMENTS.items():
        tree.add_file(f"srv/www/{name}", derive_bytes(0, f"document/{name}", size))
    for path in sorted(OVERLAY.rglob("*")):
        if path.is_file():
            name = merge_usr(path.relative_to(OVERLAY).as_posix())
            tree.add_file(name, path.read_bytes(), path.stat().st_mode & 0o777)


def find_components(
    packages: Sequence[tuple[ArchiveFile, Path]], kept: set[str]
) -> list[Component]:
    """Every package with a file in the root, and how many files of it are there."""
    components = []
    for file, path in packages:
        listing = run(["dpkg-deb", "--contents", path]).stdout.splitlines()
        names = {
            merge_usr(line.split(maxsplit=5)[5].split(" -> ")[0].removeprefix("./"))
            for line in listing
            if not line.startswith("d")
        }
        if present := names & kept:
            components.append(
                Component(file.package, file.version, file.sha256, file.path, len(present))
            )
    return components
