# SPDX-License-Identifier: MIT
"""A private view of the host's Debian archive: apt's own client, state of our own.

The host's apt is neither changed nor asked to install anything.  Mirrors, keys and proxies
are those that the host has configured; the suites that we need besides are added to them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field

from ground.errors import ArtifactError
from ground.files import digest_file, write_atomically
from ground.process import ProcessError, run

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
APT_HELPER = ("/usr/lib/apt/apt-helper", "-oAPT::Sandbox::User=root")
ARCHIVE_VARIABLE = "ARTIFACT_ARCHIVE"
# Packages of Debian 12 run in the guests; QEMU comes from its backports, and netperf's source
# from the next release.  Security updates are left out on purpose: the machines never meet a
# network, and point releases keep the lock valid for months instead of days.
SUITES = (
    ("bookworm", "deb deb-src"),
    ("bookworm-backports", "deb deb-src"),
    ("trixie", "deb-src"),
)
URI = re.compile(r"^'(?P<uri>[^']+)' (?P<name>\S+) (?P<size>\d+) (?P<digest>\S*)$")


class ArchiveFile(BaseModel):
    """One file of the archive, found by its path below the archive's root and by its content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    package: str
    version: str
    path: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(gt=0)

    @property
    def name(self) -> str:
        """The file's name in the archive."""
        return Path(self.path).name


def find_mirror() -> str:
    """The archive's base URI.

    ARTIFACT_ARCHIVE names an archive mirror for exact rebuilds; without it, apt's own
    configuration is asked.
    """
    if chosen := os.environ.get(ARCHIVE_VARIABLE):
        return chosen.rstrip("/")
    layout = "$(CREATED_BY)|$(ORIGIN)|$(LABEL)|$(REPO_URI)"
    for line in run(["apt-get", "indextargets", "--format", layout]).stdout.splitlines():
        created, origin, label, uri = line.split("|", 3)
        if (created, origin, label) == ("Packages", "Debian", "Debian"):
            return uri.rstrip("/")
    raise ArtifactError(
        "no Debian mirror is configured, or its lists were never fetched",
        hint="correct /etc/apt/sources.list.d and run apt-get update",
    )


class Apt:
    """apt with lists and configuration of its own below ``directory``."""

    def __init__(self, directory: Path, architecture: str = "i386"):
        self.directory = directory / architecture
        self.architecture = architecture
        self.mirror = find_mirror()

    def update(self) -> None:
        """Fetch the indices of all suites; needs the mirror."""
        for name in ("lists/partial", "archives/partial", "etc"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        (self.directory / "status").touch()
        write_atomically(self.directory / "sources.list", self._format_sources().encode())
        pins = "".join(
            f"Package: *\nPin: release n={suite}\nPin-Priority: 100\n\n"
            for suite in ("bookworm-backports", "trixie")
        )
        write_atomically(self.directory / "preferences", pins.encode())
        self._run("apt-get", "update", "-qq")

    def find_source(self, package: str, suite: str) -> list[ArchiveFile]:
        """The upstream tarball of the source package that ``suite`` holds now.

        The packaging files beside it are not used: our changes are series of our own.
        """
        listing = self._print_uris("source", "--download-only", f"{package}/{suite}")
        version = next(
            Path(path).stem.split("_", 1)[1] for path, _, _ in listing if path.endswith(".dsc")
        )
        return [
            ArchiveFile(
                package=package,
                version=version,
                path=path,
                size=size,
                sha256=digest.removeprefix("SHA256:"),
            )
            for path, size, digest in listing
            if ".orig.tar." in path
        ]

    def find_packages(self, names: Sequence[str], *, alone: bool) -> list[ArchiveFile]:
        """The binary packages named (``NAME`` or ``NAME/SUITE``); unless ``alone``, with all
        that they depend on."""
        words = ("download",) if alone else ("install", "-y", "--no-install-recommends")
        listing = self._print_uris(*words, *names)
        wanted = {path: size for path, size, _ in listing}
        packages = sorted({Path(path).name.split("_", 1)[0] for path in wanted})
        records = self._run("apt-cache", "show", *packages).split("\n\n")
        found = {}
        for record in records:
            fields = dict(re.findall(r"^(\S+): (.*)$", record, re.MULTILINE))
            if (path := fields.get("Filename", "")) in wanted:
                found[path] = ArchiveFile(
                    package=fields["Package"],
                    version=fields["Version"],
                    path=path,
                    size=wanted[path],
                    sha256=fields["SHA256"],
                )
        if missing := wanted.keys() - found.keys():
            raise ArtifactError(f"the archive's index does not describe {', '.join(missing)}")
        return [found[path] for path in sorted(found)]

    def _print_uris(self, *words: str) -> list[tuple[str, int, str]]:
        """(path below the archive, size, digest as apt writes it) of each file apt would fetch."""
        listing = self._run("apt-get", words[0], "--print-uris", "-qq", *words[1:])
        files = []
        for line in listing.splitlines():
            if not (match := URI.match(line)):
                continue
            if not match["uri"].startswith(self.mirror + "/"):
                raise ArtifactError(f"apt names a file outside the mirror: {match['uri']}")
            path = unquote(match["uri"].removeprefix(self.mirror + "/"))
            files.append((path, int(match["size"]), match["digest"]))
        return files

    def _run(self, program: str, *words: str) -> str:
        settings = {
            "Dir::Etc::sourcelist": self.directory / "sources.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::Etc::preferences": self.directory / "preferences",
            "Dir::Etc::preferencesparts": "-",
            "Dir::State::lists": self.directory / "lists",
            "Dir::State::status": self.directory / "status",
            "Dir::Cache": self.directory,
            "Dir::Cache::archives": self.directory / "archives",
            "APT::Architecture": self.architecture,
            "APT::Architectures::": self.architecture,
            # An archive of the past is served with the dates of the past.
            "Acquire::Check-Valid-Until": str(ARCHIVE_VARIABLE not in os.environ).lower(),
            "APT::Update::Post-Invoke-Success": "",
            "APT::Get::List-Cleanup": "true",
        }
        options = [f"-o{key}={value}" for key, value in settings.items()]
        return run([program, *options, *words]).stdout

    def _format_sources(self) -> str:
        return "".join(
            f"{kind} [signed-by={KEYRING}] {self.mirror} {suite} main\n"
            for suite, kinds in SUITES
            for kind in kinds.split()
        )


def download(mirror: str, file: ArchiveFile, target: Path) -> bool:
    """Fetch ``file`` to ``target``; False if the mirror does not have that content any more."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    uri = f"{mirror}/{file.path}"
    try:
        # apt's own client: it knows the host's proxies and checks the digest.
        run([*APT_HELPER, "download-file", uri, partial, f"SHA256:{file.sha256}"])
    except ProcessError:
        partial.unlink(missing_ok=True)
        return False
    if digest_file(partial) != file.sha256:
        partial.unlink()
        return False
    partial.chmod(0o644)
    partial.replace(target)
    return True
