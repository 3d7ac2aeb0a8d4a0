# SPDX-License-Identifier: MIT
"""A server's folder: its sources, built as its build system wants, with the commands recorded."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from checks.gallery.servers import LOCK, Server, load_servers
from forge.debian import ArchiveFile
from forge.sources import Sources
from ground import process
from ground.errors import ArtifactError
from ground.files import write_atomically
from ground.paths import PROJECT, find_cache, find_outputs

COMMANDS = "compile_commands.json"
BUILD_LIMIT_S = 1800.0
OWN_CODE = {"PYTHONPATH": str(PROJECT / "src")}  # the commands run as this checkout has them


@dataclass(frozen=True)
class Workshop:
    """The folder of one server below ``out/gallery``."""

    name: str
    server: Server
    folder: Path

    @property
    def source(self) -> Path:
        """The unpacked and built tree, which the annotation files name as their root."""
        return self.folder / "source"


def open_sources(*, update_lock: bool) -> Sources:
    """The gallery's sources, with their own lock."""
    return Sources(
        find_cache(),
        update_lock,
        {name: server.wanted for name, server in load_servers().items()},
        LOCK,
        "gallery --update-lock",
    )


def open_workshop(name: str, server: Server) -> Workshop:
    """The folder of one server; it need not be there yet."""
    return Workshop(name, server, find_outputs() / "gallery" / name)


def find_tarball(sources: Sources, name: str) -> tuple[ArchiveFile, Path]:
    """The upstream tarball, fetched."""
    files = [one for one in sources.resolve(name) if not one.name.endswith(".asc")]
    return files[0], sources.find_file(files[0])


def prepare(workshop: Workshop, tarball: Path, digest: str) -> None:
    """Unpack, configure and build, unless that tarball was built by these lines before."""
    check_headers(workshop.server)
    stamp = workshop.folder / "built"
    want = "\n".join([digest, *workshop.server.build])
    if stamp.is_file() and stamp.read_text() == want:
        return
    shutil.rmtree(workshop.source, ignore_errors=True)
    workshop.source.mkdir(parents=True)
    process.run(["tar", "xf", tarball, "-C", workshop.source, "--strip-components=1"])
    record(workshop)
    write_atomically(stamp, want.encode())


def check_headers(server: Server) -> None:
    """Raise ArtifactError if a library that the server is built with is not there."""
    missing = [one for one in server.headers if not Path("/usr/include", one).exists()]
    if missing:
        raise ArtifactError(
            f"{server.source} is built with {', '.join(missing)}, which is not there",
            hint=f"apt-get install {' '.join(server.packages)}",
        )


def record(workshop: Workshop) -> None:
    """Build under `memwalk record`."""
    log = workshop.folder / "build.log"
    log.unlink(missing_ok=True)
    lines = "set -e\n" + "\n".join(workshop.server.build)
    process.run(
        [
            *(process.find_own_program("memwalk"), "record", "--root", workshop.source),
            *("--", "sh", "-c", lines),
        ],
        cwd=workshop.source, env=OWN_CODE, log=log, timeout_s=BUILD_LIMIT_S,
    )  # fmt: skip


def list_compiled(workshop: Workshop) -> list[Path]:
    """The files that the build compiled."""
    entries = json.loads((workshop.source / COMMANDS).read_bytes())
    return [Path(one["directory"], one["file"]) for one in entries]


def count_lines(files: list[Path]) -> int:
    """How many lines they have together."""
    return sum(len(file.read_bytes().splitlines()) for file in files)
