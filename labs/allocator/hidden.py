# SPDX-License-Identifier: MIT
"""The hidden tests: more kinds, several objects in a stage, long lines, many calls."""

from __future__ import annotations

from labs.allocator.plans import Recipe
from labs.allocator.running import Trial

NEEDS = ((1, 0, 2), (0, 3, 0), (0, 0, 0), (1, 1, 0))
LARGE = Trial(
    "hidden.large",
    Recipe(64, 1024, 6, ((90, 200), (300, 500), (1000, 1800)), NEEDS, scattered=True),
    operations=20_000,
    hidden=True,
)
LONG = Trial(
    "hidden.long",
    Recipe(128, 256, 5, ((20, 120), (130, 250), (2000, 2200)), NEEDS, scattered=True),
    operations=20_000,
    hidden=True,
)
CASES = [
    *LARGE.cases(proof=6, random=8, query=4, room=4),
    *LONG.cases(proof=6, random=4, query=4, room=4),
]
