# SPDX-License-Identifier: MIT
"""Takes a submission: the files that a lab asks for, plain and small, and nothing else."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labs.grader.errors import USAGE as USAGE_CODE
from labs.grader.errors import GraderError, RefusalError


@dataclass(frozen=True)
class Wanted:
    """A file of a submission; a name ending in / is a folder of small files."""

    name: str
    max_bytes: int = 200_000
    max_files: int = 1


def take(source: Path, wanted: Sequence[Wanted], target: Path) -> None:
    """Copy what is wanted from ``source`` to ``target``; RefusalError if that cannot be."""
    if not source.is_dir():
        raise GraderError(
            f"{source} is not a folder", hint="give the folder of the submission", code=USAGE_CODE
        )
    for one in wanted:
        if one.name.endswith("/"):
            _take_folder(source / one.name, one, target / one.name)
        else:
            _copy(source / one.name, one, target / one.name, one.name)


def _take_folder(source: Path, wanted: Wanted, target: Path) -> None:
    if source.is_symlink():
        raise RefusalError(f"{wanted.name} is a symbolic link; submit the folder itself")
    target.mkdir()
    if not source.is_dir():
        return
    names = sorted(path.name for path in source.iterdir())
    if len(names) > wanted.max_files:
        raise RefusalError(
            f"{wanted.name} has {len(names)} files; at most {wanted.max_files} are taken"
        )
    for name in names:
        _copy(source / name, wanted, target / name, f"{wanted.name}{name}")


def _copy(source: Path, wanted: Wanted, target: Path, name: str) -> None:
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise RefusalError(f"{name} is missing; submit it under exactly this name") from None
    except OSError:
        raise RefusalError(
            f"{name} cannot be read: submit a plain file, no symbolic link"
        ) from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(descriptor)
        raise RefusalError(f"{name} is not a plain file; submit it as one")
    with os.fdopen(descriptor, "rb") as stream:
        if found.st_size > wanted.max_bytes:
            raise RefusalError(
                f"{name} has {found.st_size} bytes; at most {wanted.max_bytes} are taken"
            )
        target.write_bytes(stream.read(wanted.max_bytes))
