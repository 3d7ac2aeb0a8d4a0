# SPDX-License-Identifier: MIT
"""The hidden tests: more stages, and a burst that is larger than the slab."""

from __future__ import annotations

from labs.scheduler.running import Trial
from labs.scheduler.world import Recipe

LONG = Trial(
    "hidden.long", "ten stages",
    Recipe(stages=10, connections=700, structures=200, buffers=80, allocates=3, frees=8,
           patience=1500, blocks=15, block_turns=150, burst=150, gap=1500),
    hidden=True,
)  # fmt: skip
FLOOD = Trial(
    "hidden.flood", "all connections at once",
    Recipe(stages=7, connections=1000, structures=90, buffers=60, allocates=2, frees=5,
           patience=500, blocks=20, block_turns=100, burst=1000, gap=1),
    hidden=True,
)  # fmt: skip
CASES = [*LONG.cases(), *FLOOD.cases()]
