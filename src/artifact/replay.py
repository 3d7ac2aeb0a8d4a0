# SPDX-License-Identifier: MIT
"""Replay: stored runs are judged and drawn again, without machines, on any processor; and what
came out stands beside what was to be expected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from artifact.judge.reference import Agreement, Comparison, Match, find_agreement, find_folder
from artifact.judge.verdicts import Judgement
from artifact.report.page import format_estimate
from artifact.reproduce import Conclusion, ResultFolders, conclude, parse_tier, print_conclusion
from artifact.runs.archive import PLAN, import_runs
from artifact.runs.plan import Plan, record_plan
from artifact.study.designs import Tier
from artifact.study.loading import load_study
from ground.errors import ExitCode, UsageError
from ground.terminal import complete_step, console

ARCHIVE = "runs.tar.xz"


def find_archive(tier: str, name: str) -> Path:
    """The file ``name``, or the stored runs that are committed for ``tier``; without either, those
    of the fullest tier that has some.  Raises UsageError if there are none."""
    path = Path(name) if name else _find_committed(tier)
    if not path.is_file():
        raise UsageError(
            f"there are no stored runs at {path}",
            hint="name the file of an export (./invoke results.export): --archive FILE",
        )
    return path


def _find_committed(tier: str) -> Path:
    tiers = [parse_tier(tier)] if tier else [*reversed(Tier)]
    paths = [find_folder(one) / ARCHIVE for one in tiers]
    return next((path for path in paths if path.is_file()), paths[0])


def replay(path: Path, folders: ResultFolders) -> Conclusion:
    """Take the runs of the archive ``path`` into the store of ``folders``, judge and draw them.

    What only a build can draw (Figures 2 to 5) is left out where there is none.
    """
    with complete_step(f"Taking in {path.name}"):
        plan = import_runs(path, folders.store).plan
        record_plan(plan, folders.find_folder(plan.tier) / PLAN, replan=True)
    return draw(plan, folders)


def draw(plan: Plan, folders: ResultFolders) -> Conclusion:
    """Judge and draw what is stored of ``plan``, and print it."""
    with complete_step(f"Verdicts, figures and report of the {plan.tier} tier"):
        conclusion = conclude(plan, load_study(plan.designs), folders, quiet=True)
    print_conclusion(conclusion)
    return conclusion


def print_expected(comparison: Comparison | None, out: Console = console) -> ExitCode:
    """Expected beside got, a line a verdict, and how a reviewer should read it.

    0: every verdict is the expected one, or its interval overlaps the expected one; 1: one is
    apart, or the same sources gave other bytes; 3: there is nothing to compare with.
    """
    if comparison is None:
        out.print("expected: no reference results of this tier belong to these runs")
        return ExitCode.INCONCLUSIVE
    pairs = [(mine, other) for mine, other in comparison.verdicts if other]
    table = Table("claim", "expected", "got", "", box=None)
    for mine, other in pairs:
        if mine.value is not None or other.value is not None:
            table.add_row(mine.id, describe(other), describe(mine), find_tolerance(mine, other))
    if table.row_count:
        out.print(table)
    if comparison.products:
        out.print(f"built from other sources than the reference: {', '.join(comparison.products)}",
                  soft_wrap=True)  # fmt: skip
    out.print(comparison.describe(), soft_wrap=True)
    return find_expectation_code(pairs, comparison)


def find_expectation_code(
    pairs: Sequence[tuple[Judgement, Judgement]], comparison: Comparison
) -> ExitCode:
    """The exit code of `print_expected`."""
    matches = set(comparison.matches.values())
    apart = any(not _is_expected(mine, other) for mine, other in pairs)
    if apart or Match.DIFFERENT in matches:
        return ExitCode.DOES_NOT_HOLD
    compared = [mine for mine, _ in pairs if mine.value is not None]
    return ExitCode.HOLDS if compared or Match.SAME in matches else ExitCode.INCONCLUSIVE


def find_tolerance(mine: Judgement, other: Judgement) -> str:
    """How far ``mine`` is from what was expected, in a word or two."""
    if _is_expected(mine, other):
        same = (mine.verdict, mine.value) == (other.verdict, other.value)
        return "same" if same else "within tolerance"
    return "NOT EXPECTED"


def _is_expected(mine: Judgement, other: Judgement) -> bool:
    """The same verdict, or intervals that have a ratio in common."""
    overlaps = find_agreement(mine, other) in {Agreement.SAME, Agreement.OVERLAPS}
    return mine.verdict == other.verdict or overlaps


def describe(judgement: Judgement) -> str:
    """Verdict, ratio and interval in a line."""
    if judgement.value is None:
        return judgement.verdict.value
    return f"{judgement.verdict.value} {format_estimate(judgement)}"
