# SPDX-License-Identifier: MIT
"""What everything is built from: the lock, the pool of fetched files, and where they differ.

``images/sources.toml`` says what is wanted, ``images/sources.lock.toml`` which version and
content of it is meant.  A file that the mirror still has is taken as locked.  Where the mirror
has moved on, the group (all files of one root, say) is resolved anew, as a whole, since its
parts fit together; the differences go into the manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forge.debian import Apt, ArchiveFile, download, find_mirror
from ground.documents import Strict, check_document, read_toml
from ground.errors import ArtifactError
from ground.files import write_atomically
from ground.paths import PROJECT
from ground.terminal import console

WANTED = PROJECT / "images" / "sources.toml"
LOCK = PROJECT / "images" / "sources.lock.toml"
LOCK_HEADER = (
    "# SPDX-" + "License-Identifier: MIT\n"  # apart, or it reads as the licence of this module
    "# Every source by content. Written by `./invoke {command}`; do not edit.\n"
)


class Wanted(Strict):
    """One group of sources: a source package of a suite, or binary packages."""

    source: str = ""
    suite: str = ""
    packages: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    alone: bool = False
    architecture: str = "i386"


class LockedGroup(Strict):
    """One group of the lock."""

    files: tuple[ArchiveFile, ...]


@dataclass
class Sources:
    """Access to all sources; ``differences`` collects where they are not as locked."""

    cache: Path
    update_lock: bool = False
    wanted: Mapping[str, Wanted] = field(default_factory=lambda: read_wanted(WANTED))
    lock_file: Path = LOCK
    command: str = "build --update-lock"  # what writes the lock
    differences: list[str] = field(default_factory=list)
    _apts: dict[str, Apt] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lock = read_lock(self.lock_file) if self.lock_file.is_file() else {}

    def resolve(self, group: str) -> tuple[ArchiveFile, ...]:
        """The files of ``group``: those of the lock, or, failing that, the mirror's own."""
        locked = () if self.update_lock else self.lock.get(group, ())
        if locked and self._fetch_all(locked):
            return locked
        found = self._find(group)
        if not self.update_lock:
            changes = describe_differences(group, self.lock.get(group, ()), found)
            for change in changes:
                console.print(f"[yellow]not as locked:[/] {change}")
            self.differences += changes
        self.lock[group] = found
        if not self._fetch_all(found):
            raise ArtifactError(
                f"the mirror does not serve what its index names for {group!r}",
                hint="try again later, or set ARTIFACT_ARCHIVE to an archive mirror",
            )
        return found

    def find_file(self, file: ArchiveFile) -> Path:
        """Where a resolved file lies on this host."""
        return self.cache / "pool" / file.sha256 / file.name

    def write_lock(self) -> None:
        """Make what was resolved the lock."""
        write_atomically(self.lock_file, format_lock(self.lock, self.command).encode())

    def _fetch_all(self, files: tuple[ArchiveFile, ...]) -> bool:
        missing = [file for file in files if not self.find_file(file).is_file()]
        if not missing:
            return True
        mirror = find_mirror()
        return all(download(mirror, file, self.find_file(file)) for file in missing)

    def _find(self, group: str) -> tuple[ArchiveFile, ...]:
        wanted = self.wanted[group]
        apt = self._apts.get(wanted.architecture)
        if apt is None:
            apt = Apt(self.cache / "apt", wanted.architecture)
            apt.update()
            self._apts[wanted.architecture] = apt
        if wanted.source:
            return tuple(apt.find_source(wanted.source, wanted.suite))
        words = (*wanted.packages, *(f"{name}-" for name in wanted.without))
        return tuple(apt.find_packages(words, alone=wanted.alone))


def describe_differences(
    group: str, locked: tuple[ArchiveFile, ...], found: tuple[ArchiveFile, ...]
) -> list[str]:
    """One line for each file of ``found`` or ``locked`` that the other does not have."""
    before = {file.package: file for file in locked}
    after = {file.package: file for file in found}
    lines = []
    for name in sorted(before | after):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        old_text = old.version if old else "absent"
        new_text = new.version if new else "absent"
        if old and new and old.version == new.version:
            new_text += " with other content"
        lines.append(f"{group}: {name} {old_text} -> {new_text}")
    return lines


def read_wanted(path: Path) -> dict[str, Wanted]:
    """What a file of groups asks for."""
    tables = read_toml(path)
    return {name: check_document(Wanted, table, path, (name,)) for name, table in tables.items()}


def read_lock(path: Path) -> dict[str, tuple[ArchiveFile, ...]]:
    """The lock as written by ``format_lock``."""
    return {
        group: check_document(LockedGroup, table, path, (group,)).files
        for group, table in read_toml(path).items()
    }


def format_lock(
    lock: Mapping[str, tuple[ArchiveFile, ...]], command: str = "build --update-lock"
) -> str:
    """The lock as TOML, sorted, one file a line."""
    lines = [LOCK_HEADER.format(command=command)]
    for group in sorted(lock):
        lines.append(f"[{group}]\nfiles = [")
        for file in sorted(lock[group], key=lambda file: file.path):
            values = file.model_dump()
            pairs = ", ".join(
                f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}"
                for key, value in values.items()
            )
            lines.append(f"  {{ {pairs} }},")
        lines.append("]\n")
    return "\n".join(lines)
