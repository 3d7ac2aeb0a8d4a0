# SPDX-License-Identifier: MIT
"""The commit that this project is at, and what differs from it."""

from __future__ import annotations

from pathlib import Path

from ground.paths import PROJECT
from ground.process import ProcessError, run


def find_commit(folder: Path = PROJECT) -> str | None:
    """The commit that is checked out in ``folder``; None outside of a repository, and where there
    is no git, as in the container."""
    try:
        return run(["git", "rev-parse", "HEAD"], cwd=folder).stdout.strip()
    except ProcessError:
        return None


def list_changes(folder: Path = PROJECT) -> list[str]:
    """Files in ``folder`` that differ from the commit, or that no commit has."""
    lines = run(["git", "status", "--porcelain"], cwd=folder).stdout.splitlines()
    return [line[3:] for line in lines]


def describe_commit(folder: Path = PROJECT) -> str:
    """The commit as results name it: marked if files differ from it, ``unknown`` if there is
    none."""
    commit = find_commit(folder)
    if commit is None:
        return "unknown"
    return f"{commit}-modified" if list_changes(folder) else commit
