# SPDX-License-Identifier: MIT
"""The Python packages that stored runs need to be judged and drawn again, out of those that are
locked: neither tools for developing nor what builds images, which comes as sources alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ground.documents import read_toml
from ground.paths import PROJECT

LOCK: Final = PROJECT / "requirements.lock"
HEADER: Final = "# Of requirements.lock what replay needs; written by ./invoke kit --write.\n"
BUILDS_IMAGES: Final = frozenset({"python-packer"})
BLOCK: Final = re.compile(r"^(\S+?)==.*\n(?:[ \t]+.*\n)*", re.MULTILINE)


def format_replay_lock() -> str:
    """Those entries of requirements.lock that replay needs, as they stand there."""
    declared = read_toml(PROJECT / "pyproject.toml")["project"]["dependencies"]
    roots = {find_name(text) for text in declared} - BUILDS_IMAGES
    needed = find_closure(roots, lambda name: metadata.requires(name) or ())
    return HEADER + "".join(select_blocks(LOCK.read_text(), needed))


def find_name(requirement: str) -> str:
    """The name in a requirement such as ``typst==0.15.2``, as locks spell it."""
    return canonicalize_name(Requirement(requirement).name)


def find_closure(roots: Iterable[str], list_needs: Callable[[str], Iterable[str]]) -> set[str]:
    """``roots`` and all that they need without an extra, on any version of Python and any host.

    ``list_needs`` gives the requirements of a package; one that is not installed, since only other
    hosts want it, needs nothing that is known.
    """
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            needs = [Requirement(text) for text in list_needs(name)]
        except metadata.PackageNotFoundError:
            continue
        waiting += [canonicalize_name(n.name) for n in needs if not _wants_extra(n)]
    return found


def select_blocks(lock: str, names: set[str]) -> Sequence[str]:
    """Of a lock with hashes the entries of ``names``."""
    return [m[0] for m in BLOCK.finditer(lock) if canonicalize_name(m[1]) in names]


def _wants_extra(requirement: Requirement) -> bool:
    return requirement.marker is not None and "extra" in str(requirement.marker)
