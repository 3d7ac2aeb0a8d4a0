# SPDX-License-Identifier: MIT
"""The one random source: every random choice is derived from a seed and a name."""

from __future__ import annotations

import hashlib

import numpy as np


def derive_bytes(seed: int, name: str, length: int) -> bytes:
    """``length`` bytes that depend on ``seed`` and ``name`` alone."""
    return hashlib.shake_256(f"{seed}/{name}".encode()).digest(length)


def generator(seed: int, name: str) -> np.random.Generator:
    """A generator for the purpose ``name``, independent of those for other names."""
    return np.random.default_rng(int.from_bytes(derive_bytes(seed, name, 16), "little"))
