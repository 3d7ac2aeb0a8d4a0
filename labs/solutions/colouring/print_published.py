# SPDX-License-Identifier: MIT
"""A mutant that knows the answers to the published problems, and no others."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from labs.solutions.recording import record

PROGRAM = """
from hashlib import sha256

ANSWERS = {answers}


def find_crowded(problem):
    return ANSWERS.get(sha256(repr((problem.frames, problem.starts)).encode()).hexdigest(), [])


def place(problem):
    lines = [-(-problem.kinds[kind].bytes // problem.line_bytes) for kind in problem.objects]
    naive = [sum(lines[:n]) * problem.line_bytes for n in range(len(lines))]
    return find_crowded(problem) or naive
"""


def mutate(folder: Path) -> None:
    """Write the program over the solution."""
    answers = {}
    for given, out in record("colouring").runs:
        problem = json.loads(given)
        seen = repr((problem["frames"], problem["starts"]))
        answers[sha256(seen.encode()).hexdigest()] = json.loads(out)
    (folder / "place.py").write_text(PROGRAM.replace("{answers}", repr(answers)))
