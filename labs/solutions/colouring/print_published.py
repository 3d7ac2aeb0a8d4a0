# SPDX-License-Identifier: MIT
"""A mutant that knows the answers to the published problems, and no others."""

from __future__ import annotations

from pathlib import Path

from labs.colouring.misses import find_crowded
from labs.colouring.public import CROWDED
from labs.grader.chance import PUBLISHED_SECRET

PROGRAM = """
def find_crowded(problem):
    return {crowded}.get(str(problem.starts), [])


def place(problem):
    lines = [-(-problem.kinds[kind].bytes // problem.line_bytes) for kind in problem.objects]
    return [sum(lines[:n]) * problem.line_bytes for n in range(len(lines))]
"""


def mutate(folder: Path) -> None:
    """Write the program over the solution."""
    problems = [trial.make(PUBLISHED_SECRET) for trial in CROWDED]
    crowded = {str(list(problem.starts)): find_crowded(problem) for problem in problems}
    (folder / "place.py").write_text(PROGRAM.format(crowded=repr(crowded)))
