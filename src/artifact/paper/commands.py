# SPDX-License-Identifier: MIT
"""What `./invoke paper` does."""

from __future__ import annotations

import json
import sys

from artifact.paper.numbers import NAME
from artifact.paper.pictures import draw_reference
from artifact.paper.production import describe_moves, list_figures, produce, read_numbers
from artifact.paper.stored import take_reference, take_results
from artifact.paper.typesetting import FOLDER
from artifact.plan import load_plan
from artifact.reference import find_folder
from artifact.reproduce import Places, judge_plan, parse_tier
from artifact.results import load_results
from ground.voice import ExitCode, UsageError, console


def run_paper(
    tier: str, places: Places, *, own: bool, draft: bool, record: bool, as_json: bool
) -> ExitCode:
    """The paper on the committed results of ``tier``, or with ``own`` on those in ``places``.

    ``record`` makes its numbers those that the next paper is compared with.
    """
    chosen = parse_tier(tier)
    if own:
        folder = places.find_folder(chosen)
        results = load_results(load_plan(folder / "plan.json"), places.store)
        numbers = read_numbers(take_results(results, judge_plan(results)))
        figures, target = folder / "figures", folder
    else:
        reference, target = find_folder(chosen), places.root / "paper"
        numbers = read_numbers(take_reference(reference))
        figures = draw_reference(reference, list_figures(), target / "figures")
    if record:
        if numbers.synthetic:
            raise UsageError("synthetic numbers are no record", hint="leave --rehearse out")
        numbers.write(FOLDER / NAME)
    made = produce(numbers, figures, target, draft=draft)
    for problem in made.problems:
        console.print(f"  {problem}", soft_wrap=True, markup=False)
    console.print(made.describe(), soft_wrap=True, markup=False)
    if moves := describe_moves(numbers):
        console.print(moves, soft_wrap=True, markup=False)
    if as_json:
        json.dump(numbers.model_dump(mode="json", exclude_defaults=True), sys.stdout, indent=1)
        sys.stdout.write("\n")
    return ExitCode.INCONCLUSIVE if made.problems else ExitCode.HOLDS
