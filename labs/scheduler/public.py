# SPDX-License-Identifier: MIT
"""The tests that a hand-out contains: a calm server, then one with slow clients and bursts."""

from __future__ import annotations

from pathlib import Path

from labs.grader.marks import Case
from labs.scheduler.running import Trial, check_build
from labs.scheduler.world import Recipe

CALM = Trial(
    "calm", "enough memory, quick clients",
    Recipe(stages=6, connections=800, structures=150, buffers=150, allocates=2, frees=4,
           patience=400, blocks=10, block_turns=50, burst=100, gap=500),
)  # fmt: skip
SCARCE = Trial(
    "scarce", "buffers are scarce, clients slow",
    Recipe(stages=6, connections=800, structures=120, buffers=50, allocates=2, frees=4,
           patience=600, blocks=25, block_turns=200, burst=200, gap=1000),
)  # fmt: skip
CASES = [Case("build", 4, "it compiles", check_build), *CALM.cases(), *SCARCE.cases()]


def prepare(_folder: Path, _seed: int, _secret: str) -> None:
    """Nothing: the server is simulated."""
