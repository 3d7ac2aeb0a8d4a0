# SPDX-License-Identifier: MIT
"""What the tasks of the artifact do: flags as the user gave them in, an exit code out."""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from rich.table import Table

from artifact.judge import reference
from artifact.judge.results import load_results
from artifact.judge.verdicts import judge
from artifact.kit.pages import find_stale_pages, write_kit
from artifact.paper.numbers import NAME as NUMBERS
from artifact.paper.pictures import draw_reference
from artifact.paper.production import describe_moves, list_figures, produce, read_numbers
from artifact.paper.stored import take_reference, take_results
from artifact.paper.typesetting import FOLDER as PAPER
from artifact.replay import find_archive, print_expected, replay
from artifact.report.citation import find_stale, write_metadata
from artifact.report.crate import withdraw_crate
from artifact.report.page import format_number
from artifact.reproduce import (
    Order,
    ResultFolders,
    announce,
    find_engine,
    find_folders,
    parse_tier,
    plan_order,
    redraw,
    reproduce,
    run_sweep,
)
from artifact.runs import archive
from artifact.runs.forecast import describe_forecast, forecast
from artifact.runs.plan import Plan, load_plan, record_plan
from artifact.runs.rehearsal import SyntheticRunner
from artifact.runs.runner import Runner
from artifact.runs.searches import expand_plan, follow_searches
from artifact.runs.store import DamageError
from artifact.runs.sweep import Engine
from artifact.study.loading import Study, load_study
from ground.checkout import describe_commit
from ground.errors import ExitCode, UsageError
from ground.terminal import console

REHEARSED_NOISE = 0.004  # seeds differ, and the smallest margin of a claim can be seen


def find_runner(*, rehearse: bool, build: bool = False) -> Runner:
    """The testbed's runner, after a build of what is missing if ``build``; or the synthetic one.

    Raises UsageError if nothing was built.
    """
    if rehearse:
        return SyntheticRunner(noise=REHEARSED_NOISE)
    # Neither is needed for a rehearsal or for drawing stored results again.
    from artifact.runs.testbed_runner import load_bench  # noqa: PLC0415
    from forge.pipeline import build as build_products  # noqa: PLC0415

    if build:
        build_products()
    return load_bench()


def choose_folders(*, rehearse: bool, out: str = "") -> ResultFolders:
    """Where results go, ``out`` or the project's output folder; a rehearsal has folders apart."""
    folders = ResultFolders(Path(out).resolve()) if out else find_folders()
    return ResultFolders(folders.root / "rehearsal") if rehearse else folders


def print_json(value: object) -> None:
    """``value`` on stdout; everything else that is said goes to stderr."""
    json.dump(value, sys.stdout, indent=1)
    sys.stdout.write("\n")


def run_reproduce(
    order: Order, *, rehearse: bool, build: bool, out: str, as_json: bool
) -> ExitCode:
    """`./invoke reproduce`."""
    folders = choose_folders(rehearse=rehearse, out=out)
    conclusion = reproduce(order, find_runner(rehearse=rehearse, build=build), folders)
    if conclusion is None:
        return ExitCode.HOLDS
    if as_json:
        print_json(conclusion.to_json())
    return conclusion.code


def run_redraw(tier: str, *, rehearse: bool, out: str, as_json: bool) -> ExitCode:
    """`./invoke figures`."""
    conclusion = redraw(parse_tier(tier), choose_folders(rehearse=rehearse, out=out))
    if as_json:
        print_json(conclusion.to_json())
    return conclusion.code


def run_estimate(order: Order, *, rehearse: bool, as_json: bool) -> ExitCode:
    """`./invoke estimate`."""
    plan = plan_order(order, find_runner(rehearse=rehearse))
    folders = choose_folders(rehearse=rehearse)
    found = forecast(plan, folders.store, find_engine(order))
    if as_json:
        print_json(
            {
                "tier": order.tier.value,
                "runs": len(plan.keys),
                "missing": len(found.run_s),
                "seconds": round(found.seconds),
                "first_figure_s": round(found.first_s),
                "bytes": found.bytes,
                "measured_runs": found.measured,
            }
        )
    else:
        console.print(describe_forecast(plan, found))
    return ExitCode.HOLDS


def run_verify(order: Order, *, rehearse: bool, write: bool, repeat: bool) -> ExitCode:
    """`./invoke verify`: results of this machine against the committed digests.

    With ``repeat`` every run is done once more in a store of its own and compared with the
    first: bit-identity on this machine alone.
    """
    runner = find_runner(rehearse=rehearse)
    folders = choose_folders(rehearse=rehearse)
    plan = plan_order(order, runner)
    engine = find_engine(order)
    found = announce(plan, folders, engine)
    tally = run_sweep(plan, runner, engine, folders, found=found)
    if tally.unfinished:
        console.print(f"{len(tally.unfinished)} runs are unfinished; give the same command again")
        return ExitCode.INFRASTRUCTURE
    if repeat:
        return _repeat(plan, runner, engine, folders)
    if write:
        return write_reference(plan, order.study, folders, describe_commit())
    return compare_with_reference(plan, order.study, folders)


def run_reference(tier: str, *, write: bool, out: str, commit: str) -> ExitCode:
    """`./invoke reference`: stored results beside the committed ones, or in their place."""
    folders = choose_folders(rehearse=False, out=out)
    plan = load_plan(folders.find_folder(parse_tier(tier)) / "plan.json")
    study = load_study(plan.designs)
    if write:
        return write_reference(plan, study, folders, commit or describe_commit())
    return compare_with_reference(plan, study, folders)


def write_reference(plan: Plan, study: Study, folders: ResultFolders, commit: str) -> ExitCode:
    """Make the stored results of ``plan`` the reference of its tier.

    Raises UsageError if the plan is of a part of the tier: the reference would be of that part.
    """
    refuse_part(plan)
    results = load_results(plan, folders.store)
    folder = reference.find_folder(plan.tier)
    count = reference.write_reference(results, judge(study.claims, results), folder, commit)
    console.print(f"{count} runs written to {folder}", soft_wrap=True)
    return ExitCode.HOLDS


def refuse_part(plan: Plan) -> None:
    """Raise UsageError if ``plan`` lacks experiments of its tier."""
    asked = [design.id for design in load_study().designs if plan.tier in design.tier]
    if lacking := [name for name in asked if name not in plan.designs]:
        raise UsageError(
            f"the plan is that of a part of the {plan.tier.value} tier, without "
            + ", ".join(lacking[:3])
            + (f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""),
            hint=f"./invoke reproduce --tier {plan.tier.value}, which keeps what is stored",
        )


def compare_with_reference(plan: Plan, study: Study, folders: ResultFolders) -> ExitCode:
    """Print how runs and verdicts compare with the reference of the plan's tier."""
    results = load_results(plan, folders.store)
    known = reference.load_reference(reference.find_folder(plan.tier))
    found = reference.compare(results, judge(study.claims, results), known)
    _print_matches({label: match.value for label, match in found.matches.items()})
    _print_verdicts(found)
    if found.products:
        console.print(f"sources that differ from the reference's: {', '.join(found.products)}")
    console.print(found.describe())
    return reference.find_exit_code(found.matches)


def _print_verdicts(comparison: reference.Comparison) -> None:
    """A line for each verdict, here and there, that has a ratio in one of them."""
    table = Table("claim", "here", "reference", "ratios", box=None)
    for mine, other in comparison.verdicts:
        if other and (mine.value or other.value):
            sides = (f"{j.verdict} {format_number(j.value)}" for j in (mine, other))
            table.add_row(mine.id, *sides, reference.find_agreement(mine, other))
    if table.row_count:
        console.print(table)


def _repeat(plan: Plan, runner: Runner, engine: Engine, folders: ResultFolders) -> ExitCode:
    folders.root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folders.root, prefix="repeat.") as name:
        again = ResultFolders(Path(name))
        found = announce(plan, again, engine)
        run_sweep(plan, runner, engine, again, found=found)
        plan = expand_plan(plan, follow_searches(plan, folders.store))
        verdict = {}
        for run in plan.runs:
            first, second = folders.store.load(run.key), again.store.load(run.key)
            same = first is not None and second is not None and first.digest == second.digest
            verdict[run.label] = "same" if same else "different"
    _print_matches(verdict)
    return ExitCode.HOLDS if set(verdict.values()) == {"same"} else ExitCode.DOES_NOT_HOLD


def _print_matches(matches: dict[str, str]) -> None:
    table = Table("run", "result", box=None)
    for label, match in matches.items():
        table.add_row(label, match)
    console.print(table)
    counts = Counter(matches.values())
    console.print(", ".join(f"{count} {match}" for match, count in sorted(counts.items())))


def run_paper(
    tier: str, folders: ResultFolders, *, own: bool, draft: bool, record: bool, as_json: bool
) -> ExitCode:
    """`./invoke paper`: on the committed results of ``tier``, or with ``own`` on those in
    ``folders``.

    ``record`` makes its numbers those that the next paper is compared with.
    """
    chosen = parse_tier(tier)
    if own:
        folder = folders.find_folder(chosen)
        plan = load_plan(folder / "plan.json")
        results = load_results(plan, folders.store)
        judgements = judge(load_study(plan.designs).claims, results)
        numbers = read_numbers(take_results(results, judgements))
        figures, target = folder / "figures", folder
        withdraw_crate(folder)  # the paper is written among what it describes
    else:
        committed, target = reference.find_folder(chosen), folders.root / "paper"
        numbers = read_numbers(take_reference(committed))
        figures = draw_reference(committed, list_figures(), target / "figures")
    if record:
        if numbers.synthetic:
            raise UsageError("synthetic numbers are no record", hint="leave --rehearse out")
        numbers.write(PAPER / NUMBERS)
    made = produce(numbers, figures, target, draft=draft)
    for problem in made.problems:
        console.print(f"  {problem}", soft_wrap=True, markup=False)
    console.print(made.describe(), soft_wrap=True, markup=False)
    if moves := describe_moves(numbers):
        console.print(moves, soft_wrap=True, markup=False)
    if as_json:
        print_json(numbers.model_dump(mode="json", exclude_defaults=True))
    return ExitCode.INCONCLUSIVE if made.problems else ExitCode.HOLDS


def run_check(*, rehearse: bool) -> ExitCode:
    """`./invoke results.check`: every byte of the store."""
    store = choose_folders(rehearse=rehearse).store
    damaged = 0
    keys = store.find_keys()
    for key in keys:
        try:
            store.load(key)
        except DamageError as error:
            damaged += 1
            console.print(f"[red]damaged[/] {error.message}", soft_wrap=True)
    console.print(f"{len(keys)} entries, {damaged} damaged")
    if damaged:
        console.print("the next sweep sets damaged entries aside and runs them again")
    return ExitCode.DOES_NOT_HOLD if damaged else ExitCode.HOLDS


def run_list(tier: str, *, rehearse: bool, as_json: bool) -> ExitCode:
    """`./invoke results.list`: how each run of the recorded plan ended."""
    folders = choose_folders(rehearse=rehearse)
    plan = load_plan(folders.find_folder(parse_tier(tier)) / "plan.json")
    results = load_results(plan, folders.store)
    rows = results.runs
    if as_json:
        print_json(rows.to_dicts())
        return ExitCode.HOLDS
    table = Table("run", "outcome", "zone", "requests/s", "L2 data", "L2 instr.", box=None)
    table.columns[0].overflow = "fold"
    labels = {run.key: run.label for run in results.plan.runs}
    for row in rows.iter_rows(named=True):
        numbers = (row["throughput"], row["l2_data"], row["l2_fetch"])
        table.add_row(
            labels[row["key"]],
            row["outcome"],
            row["zone"],
            *("-" if n is None else f"{n:,.1f}" for n in numbers),
        )
    console.print(table)
    return ExitCode.HOLDS


def run_export(path: Path, tier: str, *, rehearse: bool, out: str) -> ExitCode:
    """`./invoke results.export`: what is stored of the recorded plan of ``tier``, as one file."""
    folders = choose_folders(rehearse=rehearse, out=out)
    plan = load_plan(folders.find_folder(parse_tier(tier)) / archive.PLAN)
    done = archive.export_runs(plan, folders.store, path)
    missing = f", {done.missing} are missing" if done.missing else ""
    console.print(f"{done.runs} runs in {path} ({done.bytes / 1e6:.1f} MB){missing}")
    return ExitCode.HOLDS


def run_import(path: Path, *, rehearse: bool, out: str) -> ExitCode:
    """`./invoke results.import`: the runs of a file into the store, and its plan beside them
    unless another one is recorded."""
    folders = choose_folders(rehearse=rehearse, out=out)
    done = archive.import_runs(path, folders.store)
    console.print(f"{done.new} runs are new, {done.known} were here")
    tier = done.plan.tier
    try:
        record_plan(done.plan, folders.find_folder(tier) / archive.PLAN)
    except UsageError:
        console.print(f"the plan of the {tier} tier that is recorded here is another: it stays")
    else:
        console.print(f"next: ./invoke figures --tier {tier}, or go on with reproduce")
    return ExitCode.HOLDS


def run_gc(*, rehearse: bool) -> ExitCode:
    """`./invoke results.gc`: drop what no recorded plan refers to."""
    folders = choose_folders(rehearse=rehearse)
    keep: set[str] = set()
    for path in sorted((folders.root / "results").glob("*/plan.json")):
        plan = load_plan(path)
        keep |= set(expand_plan(plan, follow_searches(plan, folders.store)).keys)
    removed = folders.store.gc(keep)
    console.print(f"{removed} directories removed, {len(folders.store.find_keys())} entries kept")
    return ExitCode.HOLDS


def run_metadata(*, write: bool) -> ExitCode:
    """`./invoke metadata`: what archives want to be told, from CITATION.cff."""
    if write:
        for path in write_metadata():
            console.print(f"written: {path}", soft_wrap=True)
        return ExitCode.HOLDS
    stale = find_stale()
    for name in stale:
        console.print(f"{name} is not what CITATION.cff says: ./invoke metadata --write")
    return ExitCode.DOES_NOT_HOLD if stale else ExitCode.HOLDS


def run_replay(tier: str, *, file: str, rehearse: bool, out: str, as_json: bool) -> ExitCode:
    """`./invoke replay`: stored runs, judged and drawn; expected beside got."""
    conclusion = replay(find_archive(tier, file), choose_folders(rehearse=rehearse, out=out))
    if as_json:
        print_json(conclusion.to_json())
    return print_expected(conclusion.comparison)


def run_expect(tier: str, *, out: str) -> ExitCode:
    """`./invoke expect`: what is stored of a tier beside what was to be expected."""
    folders = choose_folders(rehearse=False, out=out)
    plan = load_plan(folders.find_folder(parse_tier(tier)) / archive.PLAN)
    results = load_results(plan, folders.store)
    known = reference.find_reference(plan)
    if not known:
        return print_expected(None)
    judgements = judge(load_study(plan.designs).claims, results)
    return print_expected(reference.compare(results, judgements, known))


def run_kit(*, write: bool) -> ExitCode:
    """`./invoke kit`: the generated pages, in ae and docs."""
    stale = write_kit() if write else find_stale_pages()
    for name in stale:
        console.print(f"written: {name}" if write else f"{name} is stale: ./invoke kit --write")
    return ExitCode.DOES_NOT_HOLD if stale and not write else ExitCode.HOLDS
