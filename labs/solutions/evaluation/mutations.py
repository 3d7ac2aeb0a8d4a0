# SPDX-License-Identifier: MIT
"""Wrong answers, made from the hand-out as students make them."""

from __future__ import annotations

import math
import tempfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from labs.catalogue import find_entry
from labs.evaluation.reports import FLAWS
from labs.handout import write_handout


def load_solution() -> Any:
    """solve.py beside this file."""
    spec = spec_from_file_location("solve", Path(__file__).with_name("solve.py"))
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SOLUTION = load_solution()


def tick_all(folder: Path) -> None:
    """Every flaw in every report."""
    answers = {n: (set(FLAWS), SOLUTION.find_ratio(*SOLUTION.read(folder, n))) for n in NAMES}
    SOLUTION.write(folder, answers)


def want_more_runs(folder: Path) -> None:
    """The only complaint is that there should be more runs."""
    answers = {n: ({"repeats"}, SOLUTION.find_ratio(*SOLUTION.read(folder, n))) for n in NAMES}
    SOLUTION.write(folder, answers)


def ignore_pairs(folder: Path) -> None:
    """The flaws are right; the interval is of two independent samples."""
    answers = {}
    for name in NAMES:
        text, rows = SOLUTION.read(folder, name)
        new, level = SOLUTION.find_claim(text)
        good = [r for r in rows if r["valid"] == "yes" and r["machine"] == "banias-1400"]
        good = [r for r in good if r["connections"] == level]
        sides = [
            [float(r["requests_per_s"]) for r in good if r["server"] == server]
            for server in (new, "tux")
        ]
        ratio = fmean(sides[0]) / fmean(sides[1])
        half = 2 * math.hypot(*(stdev(s) / math.sqrt(len(s)) for s in sides)) / fmean(sides[1])
        flaws = SOLUTION.find_flaws(text, rows)
        answers[name] = (flaws, (ratio, ratio - half, ratio + half))
    SOLUTION.write(folder, answers)


def repeat_the_claims(folder: Path) -> None:
    """No flaw at all, and an interval around the report's own number."""
    SOLUTION.write(folder, {name: (set(), (1.0, 0.9, 1.2)) for name in NAMES})


def answer_published(folder: Path) -> None:
    """The right answers to the reports of the published secret."""
    with tempfile.TemporaryDirectory() as name:
        published = Path(name) / "handout"
        write_handout(find_entry("evaluation"), published)
        SOLUTION.solve(published)
        (folder / "answers.toml").write_bytes((published / "answers.toml").read_bytes())


NAMES = SOLUTION.NAMES
