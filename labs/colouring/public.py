# SPDX-License-Identifier: MIT
"""The tests that a hand-out contains."""

from __future__ import annotations

import json
from pathlib import Path

from labs.colouring.problems import SMALL, WIDE, make_crowded, make_heads, make_middles, make_pages
from labs.colouring.running import Trial, check_answers
from labs.grader.chance import PUBLISHED_SECRET
from labs.grader.marks import Case

CROWDED = (
    Trial("crowded-1", 8, "which sets are crowded? small cache", make_crowded, SMALL),
    Trial("crowded-2", 8, "which sets are crowded? wide cache", make_crowded, WIDE),
)
PLACED = (
    Trial("pages", 12, "objects of a page each", make_pages, SMALL),
    Trial("heads", 12, "objects with a hot head", make_heads, SMALL),
    Trial("middles", 12, "two kinds, hot in the middle", make_middles, SMALL),
)
CASES = [
    Case("answers", 5, "both functions answer in the right form", check_answers),
    *(trial.case(crowded=True) for trial in CROWDED),
    *(trial.case() for trial in PLACED),
]


def prepare(folder: Path, _seed: int, _secret: str) -> None:
    """The public problems as files."""
    problems = folder / "problems"
    problems.mkdir()
    for trial in (*CROWDED, *PLACED):
        text = json.dumps(trial.make(PUBLISHED_SECRET).describe())
        (problems / f"{trial.name}.json").write_text(text + "\n")
