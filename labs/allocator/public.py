# SPDX-License-Identifier: MIT
"""The tests that a hand-out contains: a slab in order, then one in scattered frames."""

from __future__ import annotations

from pathlib import Path

from labs.allocator.plans import Recipe
from labs.allocator.running import Trial, check_build
from labs.grader.chance import PUBLISHED_SECRET
from labs.grader.marks import Case

TUX = ((1, 0), (0, 1), (0, 0))  # a request structure, then a header buffer, then nothing
IN_ORDER = Trial("order", Recipe(64, 256, 4, ((130, 500), (700, 1500)), TUX, scattered=False))
SCATTERED = Trial("scattered", Recipe(64, 512, 6, ((100, 300), (700, 1500)), TUX, scattered=True))
CASES = [
    Case("build", 2, "it compiles", check_build),
    *IN_ORDER.cases(proof=10, random=8, query=6, room=4),
    *SCATTERED.cases(proof=10, random=8, query=6, room=6),
]


def prepare(folder: Path, _seed: int, _secret: str) -> None:
    """The public plans as the driver reads them."""
    plans = folder / "plans"
    plans.mkdir()
    for trial in (IN_ORDER, SCATTERED):
        text = trial.make(PUBLISHED_SECRET).format()
        (plans / f"{trial.name}.txt").write_text(text + "\n")
