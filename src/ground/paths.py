# SPDX-License-Identifier: MIT
"""Where things live: the project's root, its outputs, the user's build cache."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def find_cache() -> Path:
    """The build cache: ARTIFACT_CACHE, or ``tux-stingy`` in the user's cache directory."""
    if chosen := os.environ.get("ARTIFACT_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "tux-stingy"


def find_outputs() -> Path:
    """Where results, figures and the build manifest go: ARTIFACT_OUT, or ``out``."""
    return Path(os.environ.get("ARTIFACT_OUT") or PROJECT / "out")
