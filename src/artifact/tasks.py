# SPDX-License-Identifier: MIT
"""Tasks of the study: sweeps, verdicts, figures, the paper, the reviewer's kit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoke.context import Context
from invoke.tasks import task

from ground.errors import ExitCode
from ground.terminal import report_errors

if TYPE_CHECKING:
    from artifact.reproduce import Order

TIER = "kick (minutes), quick (about an hour on 2 cores) or full"
REHEARSE = "use synthetic measurements instead of machines (kept apart, marked as such)"
JOBS = "runs at once (0: two for each three cores, rounded up)"
ONLY = "experiments, separated by commas (default: all)"
OUT = "folder of the run store and the results (default: out)"
VERDICTS = "print the verdicts as JSON on stdout"
REDRAW = {
    "tier": TIER,
    "rehearse": REHEARSE,
    "out": OUT,
    "json": VERDICTS,
}
ARCHIVE = {"rehearse": REHEARSE, "out": OUT}


def _make_order(
    tier: str, jobs: int, cluster: str, only: str, shard: str = "", replan: bool = False
) -> Order:
    from artifact.reproduce import Order, parse_shard, parse_tier
    from artifact.study.loading import load_study

    study = load_study([name for name in only.split(",") if name])
    return Order(parse_tier(tier), study, jobs, parse_shard(shard), cluster, replan)


@task(
    help={
        "tier": TIER,
        "jobs": JOBS,
        "shard": "do part i of N and stop, as in 2/5; all parts share one store",
        "cluster": "address of a Dask scheduler whose workers offer the resource vm",
        "only": ONLY,
        "replan": "accept that the plan differs from the recorded one",
        "build": "build what is missing first (--no-build: use the last build as it is)",
        "rehearse": REHEARSE,
        "out": OUT,
        "json": VERDICTS,
    }
)
@report_errors
def reproduce(
    _: Context,
    tier: str = "quick",
    jobs: int = 0,
    shard: str = "",
    cluster: str = "",
    only: str = "",
    replan: bool = False,
    build: bool = True,
    rehearse: bool = False,
    out: str = "",
    json: bool = False,
) -> ExitCode:
    """Build, run, judge, draw: ends with the verdict table and the path of the report.

    Example: ./invoke reproduce --tier kick
    Exit codes: 0 holds, 1 does not, 2 usage, 3 inconclusive, 4 infrastructure.
    """
    from artifact.cli import run_reproduce

    order = _make_order(tier, jobs, cluster, only, shard, replan)
    return run_reproduce(order, rehearse=rehearse, build=build, out=out, as_json=json)


@task(help=REDRAW)
@report_errors
def figures(
    _: Context, tier: str = "quick", rehearse: bool = False, out: str = "", json: bool = False
) -> ExitCode:
    """Judge stored results again; draw figures, tables and report, print the verdicts.

    Figures 2 to 5 are drawn from the last build's analysis.
    Example: ./invoke figures --tier full
    """
    from artifact.cli import run_redraw

    return run_redraw(tier, rehearse=rehearse, out=out, as_json=json)


@task(
    help={
        "tier": "full, quick or kick",
        "own": "the results of this machine (default: the committed ones)",
        "draft": "make a draft, marked as one, where values are missing or sentences disagree",
        "record": "make the numbers those that the next paper is compared with",
        "rehearse": "the synthetic results of a rehearsal; gives a draft at most",
        "out": OUT,
        "json": "print the numbers as JSON on stdout",
    }
)
@report_errors
def paper(
    _: Context,
    tier: str = "full",
    own: bool = False,
    draft: bool = False,
    record: bool = False,
    rehearse: bool = False,
    out: str = "",
    json: bool = False,
) -> ExitCode:
    """Make the paper from stored results; refuse what they do not support.

    Example: ./invoke paper --draft
    Exit codes: 0 the paper, 1 refused, 2 usage, 3 a draft.
    """
    from artifact.cli import choose_folders, run_paper

    folders = choose_folders(rehearse=rehearse, out=out)
    return run_paper(tier, folders, own=own or rehearse, draft=draft, record=record, as_json=json)


@task(
    help={
        "tier": TIER,
        "jobs": JOBS,
        "cluster": "address of a Dask scheduler",
        "only": ONLY,
        "rehearse": REHEARSE,
        "json": "print the estimate as JSON on stdout",
    }
)
@report_errors
def estimate(
    _: Context,
    tier: str = "quick",
    jobs: int = 0,
    cluster: str = "",
    only: str = "",
    rehearse: bool = False,
    json: bool = False,
) -> ExitCode:
    """Say how long a tier will take here and how much disk it needs.

    Example: ./invoke estimate --tier full
    """
    from artifact.cli import run_estimate

    order = _make_order(tier, jobs, cluster, only)
    return run_estimate(order, rehearse=rehearse, as_json=json)


@task(
    help={
        "tier": TIER,
        "jobs": JOBS,
        "only": ONLY,
        "write": "record the results as the reference instead of comparing",
        "repeat": "do every run twice on this machine and compare the two",
        "rehearse": REHEARSE,
    }
)
@report_errors
def verify(
    _: Context,
    tier: str = "kick",
    jobs: int = 0,
    only: str = "",
    write: bool = False,
    repeat: bool = False,
    rehearse: bool = False,
) -> ExitCode:
    """Compare results of this machine, byte for byte, with the committed reference digests.

    Example: ./invoke verify
    Exit codes: 0 all the same, 1 the same inputs gave other bytes, 3 built from other sources.
    """
    from artifact.cli import run_verify

    order = _make_order(tier, jobs, "", only)
    return run_verify(order, rehearse=rehearse, write=write, repeat=repeat)


@task(
    help={
        "tier": TIER,
        "write": "make the stored results the reference",
        "commit": "the commit that made them, if it is not the one that is checked out",
        "out": OUT,
    }
)
@report_errors
def reference(
    _: Context, tier: str = "quick", write: bool = False, commit: str = "", out: str = ""
) -> ExitCode:
    """Compare stored results, runs and verdicts, with the committed reference; or write that.

    Example: ./invoke reference --tier quick
    Exit codes: 0 the same bytes, 1 the same sources gave other bytes, 3 other sources.
    """
    from artifact.cli import run_reference

    return run_reference(tier, write=write, out=out, commit=commit)


@task(name="check", help={"rehearse": REHEARSE})
@report_errors
def results_check(_: Context, rehearse: bool = False) -> ExitCode:
    """Check every byte of the run store. Example: ./invoke results.check"""
    from artifact.cli import run_check

    return run_check(rehearse=rehearse)


@task(name="list", help={"tier": TIER, "rehearse": REHEARSE, "json": "print JSON on stdout"})
@report_errors
def results_list(
    _: Context, tier: str = "quick", rehearse: bool = False, json: bool = False
) -> ExitCode:
    """Show how each run of a tier ended. Example: ./invoke results.list --tier kick"""
    from artifact.cli import run_list

    return run_list(tier, rehearse=rehearse, as_json=json)


@task(name="export", positional=["file"], help=ARCHIVE | {"file": "is written", "tier": TIER})
@report_errors
def results_export(
    _: Context, file: str, tier: str = "quick", rehearse: bool = False, out: str = ""
) -> ExitCode:
    """Put the plan and the stored runs of a tier into one file, for another machine.

    Example: ./invoke results.export full.tar.xz --tier full
    """
    from pathlib import Path

    from artifact.cli import run_export

    return run_export(Path(file), tier, rehearse=rehearse, out=out)


@task(name="import", positional=["file"], help=ARCHIVE | {"file": "what an export wrote"})
@report_errors
def results_import(_: Context, file: str, rehearse: bool = False, out: str = "") -> ExitCode:
    """Take the runs of an export into the store; then figures and report need no machine.

    Example: ./invoke results.import full.tar.xz
    """
    from pathlib import Path

    from artifact.cli import run_import

    return run_import(Path(file), rehearse=rehearse, out=out)


@task(name="gc", help={"rehearse": REHEARSE})
@report_errors
def results_gc(_: Context, rehearse: bool = False) -> ExitCode:
    """Remove results that no recorded plan refers to. Example: ./invoke results.gc"""
    from artifact.cli import run_gc

    return run_gc(rehearse=rehearse)


@task(
    help={
        "tier": "whose committed runs (default: the fullest tier that has some)",
        "archive": "file of an export (default: the one that is committed for the tier)",
        "rehearse": REHEARSE,
        "out": OUT,
        "json": VERDICTS,
    }
)
@report_errors
def replay(
    _: Context,
    tier: str = "",
    archive: str = "",
    rehearse: bool = False,
    out: str = "",
    json: bool = False,
) -> ExitCode:
    """Judge and draw stored runs without a machine, on any processor, beside what is expected.

    Example: ./invoke replay --archive full.tar.xz
    Exit codes: 0 as expected, 1 a verdict is not, 2 usage, 3 nothing to compare with.
    """
    from artifact.cli import run_replay

    return run_replay(tier, file=archive, rehearse=rehearse, out=out, as_json=json)


@task(help={"tier": TIER, "out": OUT})
@report_errors
def expect(_: Context, tier: str = "quick", out: str = "") -> ExitCode:
    """Print expected verdicts beside those of the stored runs. Example: ./invoke expect

    Exit codes: 0 as expected, 1 a verdict is not, 3 nothing to compare with.
    """
    from artifact.cli import run_expect

    return run_expect(tier, out=out)


@task(help={"write": "write the pages instead of comparing them"})
@report_errors
def kit(_: Context, write: bool = False) -> ExitCode:
    """Compare generated pages (ae, docs) with their sources. Example: ./invoke kit --write

    Exit codes: 0 they agree, 1 they do not.
    """
    from artifact.cli import run_kit

    return run_kit(write=write)


@task(help={"write": "write the files instead of comparing them"})
@report_errors
def metadata(_: Context, write: bool = False) -> ExitCode:
    """Compare .zenodo.json and codemeta.json with CITATION.cff. Example: ./invoke metadata --write

    Exit codes: 0 they agree, 1 they do not.
    """
    from artifact.cli import run_metadata

    return run_metadata(write=write)
