# SPDX-License-Identifier: MIT
"""A root file system in memory: read from a tar archive, pruned, written as a cpio archive.

Nothing of the builder's host gets in: owners, times, inode numbers and order are all decided
here.
"""

from __future__ import annotations

import io
import stat
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile

from forge.stage import SOURCE_DATE_EPOCH
from ground.errors import ArtifactError

LIBRARIES = ("usr/lib/i386-linux-gnu", "usr/lib")
MERGED = ("bin", "sbin", "lib")


@dataclass(frozen=True)
class Node:
    """One file: its mode with type bits, and its content, link target or device number."""

    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


class Tree:
    """Nodes by path without a leading slash; parents are made as needed."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def add(self, path: str, node: Node) -> None:
        """Put ``node`` at ``path``, replacing what was there."""
        for parent in reversed(PurePosixPath(path).parents):
            if str(parent) != ".":
                self.nodes.setdefault(str(parent), Node(stat.S_IFDIR | 0o755))
        self.nodes[path] = node

    def add_file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Put a regular file at ``path``."""
        self.add(path, Node(stat.S_IFREG | mode, data))

    def add_link(self, path: str, target: str) -> None:
        """Put a symbolic link at ``path``."""
        self.add(path, Node(stat.S_IFLNK | 0o777, target.encode()))

    def add_directory(self, path: str, mode: int = 0o755) -> None:
        """Put a directory at ``path``."""
        self.add(path, Node(stat.S_IFDIR | mode))

    def merge(self, other: Tree, paths: Iterable[str]) -> None:
        """Take ``paths`` from ``other``."""
        for path in paths:
            self.add(path, other.nodes[path])


def read_tar(path: Path) -> Tree:
    """The tree in a tar archive, with /bin, /sbin and /lib merged into /usr."""
    tree = Tree()
    with tarfile.open(path) as archive:
        for member in archive:
            name = merge_usr(member.name.removeprefix("./").strip("/"))
            if member.isdir() or not name:
                continue
            if member.issym():
                tree.add_link(name, member.linkname)
            elif member.isreg() or member.islnk():
                stream = archive.extractfile(member)
                assert stream is not None
                tree.add_file(name, stream.read(), member.mode & 0o777)
    return tree


def merge_usr(name: str) -> str:
    """The path of ``name`` where /bin, /sbin and /lib are links into /usr."""
    first = name.split("/", 1)[0]
    return f"usr/{name}" if first in MERGED and "/" in name else name


def find_closure(tree: Tree, wanted: Iterable[str]) -> list[str]:
    """``wanted`` and all that it needs of ``tree``: link targets, loaders, shared libraries."""
    found: dict[str, None] = {}
    queue = list(wanted)
    while queue:
        path = queue.pop()
        if path in found:
            continue
        if path not in tree.nodes:
            raise ArtifactError(
                f"the packages hold no file {path}",
                hint="correct `keep` in images/roots/*.toml",
            )
        found[path] = None
        node = tree.nodes[path]
        if stat.S_ISLNK(node.mode):
            queue.append(resolve_link(path, node.data.decode()))
        elif node.data.startswith(b"\x7fELF"):
            queue += find_needed(tree, node.data)
    return sorted(found)


def resolve_link(path: str, target: str) -> str:
    """The path that a link at ``path`` to ``target`` leads to."""
    parts: list[str] = [] if target.startswith("/") else path.split("/")[:-1]
    for part in target.strip("/").split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return merge_usr("/".join(parts))


def find_needed(tree: Tree, data: bytes) -> list[str]:
    """Paths of the interpreter and the libraries that an ELF image names."""
    try:
        image = ELFFile(io.BytesIO(data))
    except ELFError:
        return []
    needed = []
    for segment in image.iter_segments("PT_INTERP"):
        name = segment.data().rstrip(b"\0").decode()
        needed.append(merge_usr(name.lstrip("/")))
    for section in image.iter_sections():
        if isinstance(section, DynamicSection):
            for tag in section.iter_tags("DT_NEEDED"):
                needed.append(find_library(tree, tag.needed))  # type: ignore[attr-defined]
    return needed


def find_library(tree: Tree, name: str) -> str:
    """Where the dynamic loader finds the library ``name``."""
    for folder in LIBRARIES:
        if (path := f"{folder}/{name}") in tree.nodes:
            return path
    raise ArtifactError(f"no package of this root holds the library {name}")


def format_cpio(tree: Tree) -> bytes:
    """The tree as a cpio archive (newc): sorted, owned by root, one time for all."""
    archive = bytearray()
    for number, path in enumerate(sorted(tree.nodes), start=1):
        _append(archive, path, tree.nodes[path], number)
    _append(archive, "TRAILER!!!", Node(0), 0)
    archive += b"\0" * (-len(archive) % 512)
    return bytes(archive)


def _append(archive: bytearray, path: str, node: Node, number: int) -> None:
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(node.mode) else 1
    time = SOURCE_DATE_EPOCH if number else 0
    major, minor = node.device
    owner = (0, 0)
    devices = (0, 0, major, minor)
    fields = (number, node.mode, *owner, links, time, len(node.data), *devices, len(name), 0)
    archive += b"070701" + "".join(f"{value:08X}" for value in fields).encode() + name
    archive += b"\0" * (-len(archive) % 4)
    archive += node.data
    archive += b"\0" * (-len(archive) % 4)
