# SPDX-License-Identifier: MIT
"""Where things live: the project's root, its outputs, the user's build cache."""

from __future__ import annotations

import os
from pathlib import Path

from ground.errors import UsageError

PROJECT = Path(__file__).resolve().parents[2]


def find_cache() -> Path:
    """The build cache: ARTIFACT_CACHE, or ``tux-stingy`` in the user's cache directory.

    It is absolute, since builds run in folders of their own.  Raises UsageError if the user has
    no home.
    """
    if chosen := os.environ.get("ARTIFACT_CACHE"):
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or find_home() / ".cache"
    return (Path(base) / "tux-stingy").absolute()


def find_home() -> Path:
    """The user's home.  Raises UsageError if there is none, as for a user id without a name."""
    try:
        return Path.home()
    except RuntimeError:
        raise UsageError(
            "you have no home, and so no build cache", hint="set ARTIFACT_CACHE to a folder"
        ) from None


def find_outputs() -> Path:
    """Where results, figures and the build manifest go: ARTIFACT_OUT, or ``out``."""
    return Path(os.environ.get("ARTIFACT_OUT") or PROJECT / "out").absolute()
