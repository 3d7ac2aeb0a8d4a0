# SPDX-License-Identifier: MIT
"""From nothing to verdicts: plan, estimate, sweep, statistics, figures, report."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue
from rich.markup import escape

from artifact.judge.reference import Comparison, compare, find_reference
from artifact.judge.results import MISSING, Results, count_outcomes, load_results
from artifact.judge.verdicts import Judgement, find_exit_code, judge
from artifact.paper.production import Production, produce_own
from artifact.report.crate import Deed, withdraw_crate, write_crate
from artifact.report.explorer import write_explorer
from artifact.report.illustration import Illustration
from artifact.report.page import TITLE, describe_verdicts, print_verdicts, write_report
from artifact.report.selection import list_illustrations, write_illustrations
from artifact.report.tables.analysis import list_analysis_illustrations, load_analysis
from artifact.runs.engines import LocalEngine, find_default_jobs
from artifact.runs.forecast import Forecast, describe_forecast, forecast
from artifact.runs.plan import Plan, load_plan, make_plan, record_plan
from artifact.runs.progress import Display, open_progress
from artifact.runs.runner import DiskFullError, Runner
from artifact.runs.searches import follow_searches
from artifact.runs.store import Outcome, Store
from artifact.runs.sweep import Engine, Tally, list_tasks, sweep
from artifact.runs.worker import Task
from artifact.study.claims.evidence import Verdict
from artifact.study.designs import Tier, find_designs
from artifact.study.loading import Study, load_study
from ground.errors import ArtifactError, ExitCode, UsageError
from ground.files import write_atomically
from ground.paths import find_outputs
from ground.terminal import complete_step, console

SPARE_BYTES = 200 << 20


@dataclass(frozen=True)
class Order:
    """What the user asked for; see `./invoke reproduce --help`.

    The files of its experiments are read when it is made, and not again.
    """

    tier: Tier = Tier.QUICK
    study: Study = field(default_factory=load_study)
    jobs: int = 0
    shard: tuple[int, int] | None = None
    cluster: str = ""
    replan: bool = False


@dataclass(frozen=True)
class ResultFolders:
    """Where results go: one store for all tiers, one folder for each tier."""

    root: Path

    @property
    def store(self) -> Store:
        """The run store."""
        return Store(self.root / "store")

    def find_folder(self, tier: Tier) -> Path:
        """Plan, data, figures and report of ``tier``."""
        return self.root / "results" / tier.value


@dataclass(frozen=True)
class Conclusion:
    """What came out, beside the committed reference if the tier has one, and with which exit code
    the command ends; ``paper`` if all experiments are in the plan."""

    results: Results
    judgements: tuple[Judgement, ...]
    report: Path
    code: ExitCode
    comparison: Comparison | None = None
    paper: Production | None = None

    def to_json(self) -> JsonValue:
        """For ``--json``."""
        return {
            "tier": self.results.plan.tier.value,
            "exit_code": int(self.code),
            "results": self.results.digest,
            "runs": {**count_outcomes(self.results)},
            "verdicts": [j.model_dump(mode="json") for j in self.judgements],
            "report": str(self.report),
            "paper": str(self.paper.pdf) if self.paper else None,
        }


def find_folders() -> ResultFolders:
    """The folders below the project's output folder."""
    return ResultFolders(find_outputs())


def parse_tier(text: str) -> Tier:
    """The tier named ``text``."""
    try:
        return Tier(text)
    except ValueError:
        raise UsageError(f"no tier {text!r}", hint="choose kick, quick or full") from None


def parse_shard(text: str) -> tuple[int, int] | None:
    """``"2/5"`` as a pair; empty is none."""
    if not text:
        return None
    index, slash, count = text.partition("/")
    numbers = slash and index.isdecimal() and count.isdecimal()
    if not numbers or not 1 <= int(index) <= int(count):
        raise UsageError(f"no shard {text!r}", hint="write --shard 1/N to N/N, such as 2/4")
    return int(index), int(count)


def plan_order(order: Order, runner: Runner) -> Plan:
    """The plan that ``order`` asks for.  Raises UsageError if the tier has no runs in it."""
    designs = order.study.designs
    plan = make_plan(order.tier, designs, runner.products, runner.notes)
    if not plan.runs and not plan.searches:
        raise UsageError(
            f"no runs of tier {order.tier} in {', '.join(design.id for design in designs)}",
            hint="choose another tier, or drop --only",
        )
    return plan


def reproduce(order: Order, runner: Runner, folders: ResultFolders) -> Conclusion | None:
    """Carry out ``order``; None if it was a shard, which draws no conclusion by itself."""
    plan = plan_order(order, runner)
    engine = find_engine(order)
    folder = folders.find_folder(order.tier)
    found = announce(plan, folders, engine)
    record_plan(plan, folder / "plan.json", replan=order.replan)
    part = plan.take_shard(*order.shard) if order.shard else plan

    def draw() -> None:
        conclude(plan, order.study, folders, quiet=True)
        console.print(f"  figures so far: {folder / 'figures'}")

    tally = run_sweep(part, runner, engine, folders, found=found, draw=draw)
    if order.shard:
        console.print(f"shard {order.shard[0]}/{order.shard[1]}: {len(tally.done)} runs are stored")
        _refuse_unfinished(tally)
        return None
    conclusion = conclude(plan, order.study, folders)
    _refuse_unfinished(tally)
    return conclusion


def announce(plan: Plan, folders: ResultFolders, engine: Engine) -> Forecast:
    """Say how long it will take; DiskFullError if the disk is known to be too small."""
    found = forecast(plan, folders.store, engine)
    console.print(f"[bold]{describe_forecast(plan, found)}[/]")
    for note in plan.notes:
        console.print(f"[yellow]{escape(note)}[/]", soft_wrap=True)
    folders.root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folders.root).free
    if found.run_s and free < found.bytes + SPARE_BYTES:
        raise DiskFullError(
            f"{folders.root} has {free / 1e6:.0f} MB free, the sweep needs about "
            f"{(found.bytes + SPARE_BYTES) / 1e6:.0f} MB",
            hint="free some space, or set ARTIFACT_OUT to a folder on a larger disk",
        )
    return found


def find_engine(order: Order) -> Engine:
    """The engine that ``order`` names."""
    if order.jobs < 0:
        raise UsageError(f"no --jobs {order.jobs}", hint="give a number of at least 1")
    if order.cluster:
        from artifact.runs.cluster import ClusterEngine  # noqa: PLC0415 - slow to import, rarely used

        return ClusterEngine.connect(order.cluster)
    return LocalEngine(order.jobs or find_default_jobs())


def run_sweep(
    plan: Plan,
    runner: Runner,
    engine: Engine,
    folders: ResultFolders,
    *,
    found: Forecast,
    draw: Callable[[], None] = lambda: None,
) -> Tally:
    """Perform what is missing of ``plan``, and what its searches want by what is stored; ``draw``
    is called whenever there is a new curve to be seen."""
    folders.store.gc()

    def find_further() -> list[Task]:
        return list_tasks(follow_searches(plan, folders.store).pending, folders.store.root)

    with open_progress() as progress:
        display = Display(progress, found.run_s, len(plan.keys), list_milestones(plan), draw)
        tasks = list_tasks(plan.runs, folders.store.root)
        return sweep(tasks, runner, engine, display, find_further)


def list_milestones(plan: Plan) -> list[frozenset[str]]:
    """Sets of runs after which there is something new to draw: the first seed of a server, all of
    an experiment."""
    groups: dict[tuple[str, str], set[str]] = {}
    for run in plan.runs:
        groups.setdefault((run.design, ""), set()).add(run.key)
        if run.seed == 1:
            groups.setdefault((run.design, run.server), set()).add(run.key)
    return sorted({frozenset(keys) for keys in groups.values()}, key=sorted)


def conclude(
    plan: Plan, study: Study, folders: ResultFolders, *, quiet: bool = False
) -> Conclusion:
    """Judge, draw and report what the store holds of ``plan``, which was recorded; ``study`` has
    its designs.

    Raises UsageError in the end, unless ``quiet``, if figures are missing for want of a build.
    """
    folder = folders.find_folder(plan.tier)
    results = load_results(plan, folders.store)
    judgements = tuple(judge(study.claims, results))
    figures, problem = find_illustrations(plan, study)
    withdraw_crate(folder)
    files = write_illustrations(results, figures, study.claims, judgements, folder)
    verdicts = folder / "verdicts.json"
    text = json.dumps([j.model_dump(mode="json") for j in judgements], indent=1)
    write_atomically(verdicts, text.encode() + b"\n")
    known = find_reference(plan)
    comparison = compare(results, judgements, known) if known else None
    explorer = write_explorer(results, folder, title=TITLE)
    report = write_report(results, study, figures, judgements, folder, comparison=comparison)
    paper = None
    if not quiet and set(plan.designs) == set(find_designs()):  # of a part there is no paper
        paper = produce_own(results, judgements, folder)
    made = paper.files if paper else ()
    describe_files(results, judgements, folder, [*files, verdicts, report, explorer, *made])
    code = find_conclusion_code(results, judgements)
    conclusion = Conclusion(results, judgements, report, code, comparison, paper)
    if not quiet:
        print_conclusion(conclusion)
        if problem:
            raise problem
    return conclusion


def describe_files(
    results: Results, judgements: Sequence[Judgement], folder: Path, files: Sequence[Path]
) -> None:
    """Write the metadata of ``files`` and of the plan that lies beside them."""
    plan = results.plan
    write_crate(
        folder,
        [*files, folder / "plan.json"],
        Deed(
            command=f"./invoke reproduce --tier {plan.tier}",
            plan="plan.json",
            digest=results.digest,
            outcome=describe_verdicts(judgements),
        ),
        name=f"{TITLE}, {plan.tier} tier",
    )


def find_illustrations(plan: Plan, study: Study) -> tuple[list[Illustration], UsageError | None]:
    """All figures of ``plan``: those of the analysis, then those of the designs.  If there is no
    build to take the former from, why (all others are drawn nevertheless)."""
    measured = list_illustrations(study)
    try:
        analysis = load_analysis(plan)
    except UsageError as problem:
        return measured, problem
    if analysis is None:
        return measured, None
    return [*list_analysis_illustrations(analysis, plan.tier.value), *measured], None


def find_conclusion_code(results: Results, judgements: Sequence[Judgement]) -> ExitCode:
    """The exit code of the verdicts.  Where the tier judges nothing the runs themselves count,
    so that the kick tier cannot pass on broken ones."""
    counts = count_outcomes(results)
    if counts.get(MISSING):
        return ExitCode.INFRASTRUCTURE
    if counts.get(Outcome.SUBJECT_FAILED):
        return ExitCode.DOES_NOT_HOLD
    judged = any(j.verdict is not Verdict.NOT_JUDGED for j in judgements)
    if not judged and counts.get(Outcome.INVALID):
        return ExitCode.INCONCLUSIVE
    return find_exit_code(judgements)


def print_conclusion(conclusion: Conclusion) -> None:
    """Verdict table, how the runs ended, where the report is."""
    print_verdicts(conclusion.judgements, console)
    counts = count_outcomes(conclusion.results)
    runs = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    console.print(f"runs: {runs}; results {conclusion.results.digest[:16]}")
    if conclusion.comparison:
        console.print(conclusion.comparison.describe(), soft_wrap=True)
    console.print(f"report: {conclusion.report}", soft_wrap=True)
    if conclusion.paper:
        console.print(conclusion.paper.describe(), soft_wrap=True, markup=False)


def _refuse_unfinished(tally: Tally) -> None:
    if tally.unfinished:
        why = next(iter(tally.unfinished.values()))
        raise ArtifactError(
            f"{len(tally.unfinished)} runs are unfinished, since the infrastructure failed: {why}",
            hint="read the messages above, then give the same command again",
        )


def redraw(tier: Tier, folders: ResultFolders) -> Conclusion:
    """Figures and report again, from the stored results."""
    with complete_step(f"Figures and report of the {tier} tier"):
        plan = load_plan(folders.find_folder(tier) / "plan.json")
        return conclude(plan, load_study(plan.designs), folders)
