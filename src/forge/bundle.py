# SPDX-License-Identifier: MIT
"""The offline bundle: sources with the stored runs, the container's image, provenance, digests.

Whoever has it needs a container engine and nothing else: no network, no build.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from forge.container import ARCHIVE
from forge.provenance import CONTAINER_SBOM, QEMU_SBOM, STATEMENT
from ground.checkout import find_commit, list_changes
from ground.errors import UsageError
from ground.files import digest_file, write_atomically
from ground.paths import PROJECT
from ground.process import run

NAME: Final = "tux-stingy"
SOURCES: Final = f"{NAME}.tar.gz"
IMAGE: Final = ARCHIVE
SUMS: Final = "SHA256SUMS"
GUIDE: Final = f"""\
Sources with the stored runs ({SOURCES}), and an image of all that runs them ({IMAGE}).
No network is needed, only podman, docker or apptainer.

    sha256sum --check {SUMS}
    tar -xf {SOURCES} && cd {NAME}
    ae/run replay --image ../{IMAGE}    # stored runs, judged and drawn again
    ae/run kick --image ../{IMAGE}      # every stage once, in minutes

{NAME}/ae/APPENDIX.md says what to expect, {NAME}/ae/FAQ.md what to do about an error.
"""


def write_bundle(
    target: Path, image: Path, provenance: Path, project: Path = PROJECT
) -> list[Path]:
    """Write the bundle of the commit that is checked out in ``project`` into the folder ``target``.

    ``image`` is the archive that was made of it, ``provenance`` the folder of the build's
    documents.  Raises UsageError if one of these is missing, if ``target`` has other files, or if
    the project has changes that no commit has: sources and image would not belong together.
    """
    documents = [provenance / name for name in (STATEMENT, QEMU_SBOM, CONTAINER_SBOM)]
    _refuse_missing([image, *documents])
    prepare_bundle(target, project)
    # Modes by rule: the user's own tar.umask would change the digest.
    archive = ["git", "-c", "tar.umask=0022", "archive", "--format=tar.gz", f"--prefix={NAME}/"]
    run([*archive, "--output", target.resolve() / SOURCES, "HEAD"], cwd=project)
    shutil.copyfile(image, target / IMAGE)
    for path in documents:
        shutil.copyfile(path, target / path.name)
    write_atomically(target / "README.txt", GUIDE.encode())
    files = sorted(target.iterdir())
    write_atomically(target / SUMS, format_sums(files).encode())
    return [*files, target / SUMS]


def prepare_bundle(target: Path, project: Path = PROJECT) -> None:
    """Make the folder ``target``.  Raises UsageError where `write_bundle` would, so that nobody
    learns of it after a build."""
    _refuse_changes(project)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} is not empty", hint="name another folder, or empty this one")
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{target} cannot be made: {error.strerror}", hint="name another folder"
        ) from None


def format_sums(files: Sequence[Path]) -> str:
    """Digests as ``sha256sum --check`` reads them."""
    return "".join(f"{digest_file(path)}  {path.name}\n" for path in files)


def _refuse_missing(paths: Sequence[Path]) -> None:
    for path in paths:
        if not path.is_file():
            raise UsageError(f"there is no {path}", hint="./invoke build.container makes it")


def _refuse_changes(project: Path) -> None:
    if find_commit(project) is None:
        raise UsageError(
            f"{project} is not a checkout", hint="clone the repository, or take a release's bundle"
        )
    if changed := list_changes(project):
        raise UsageError(
            f"{changed[0]} differs from the commit", hint="commit what belongs to the bundle"
        )
