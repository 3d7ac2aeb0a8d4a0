# SPDX-License-Identifier: MIT
"""Tasks of the teaching labs."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from ground.errors import ExitCode
from ground.terminal import report_errors

LAB = "name or number of a lab (labs.list shows them)"
SEED = "the student's own, for labs whose task differs from one student to the next"


@task(name="list")
@report_errors
def labs_list(_: Context) -> ExitCode:
    """Show the teaching labs and what grading each takes. Example: ./invoke labs.list"""
    from labs.commands import run_list

    return run_list()


@task(
    name="start",
    positional=["name", "folder"],
    help={
        "name": LAB,
        "folder": "is made; or an empty one",
        "seed": SEED,
        "secret": "of the course, where the task itself depends on it (lab evaluation)",
    },
)
@report_errors
def labs_start(_: Context, name: str, folder: str, seed: int = 0, secret: str = "") -> ExitCode:
    """Copy a lab's hand-out: text, stubs, a check with the public tests.

    Example: ./invoke labs.start cache out/cache
    """
    from pathlib import Path

    from labs.commands import run_start

    return run_start(name, Path(folder), seed=seed, secret=secret)


@task(
    name="grade",
    positional=["name", "folder"],
    help={
        "name": LAB,
        "folder": "the submission",
        "format": "terminal, json, gradescope, autolab or junit",
        "secret": "of the course: hidden inputs derive from it (default: a published one)",
        "seed": SEED,
        "only": "tests whose name begins so, and their parents",
        "results": "write there, after each test, instead of to stdout",
    },
)
@report_errors
def labs_grade(
    _: Context,
    name: str,
    folder: str,
    format: str = "terminal",
    secret: str = "",
    seed: int = 0,
    only: str = "",
    results: str = "",
) -> ExitCode:
    """Grade a submission with public and hidden tests.

    Example: ./invoke labs.grade cache out/cache --format gradescope
    Exit codes: 0 all points, 1 not all, 2 usage, 4 the grader could not go on.
    """
    from pathlib import Path

    from labs.commands import run_grade

    return run_grade(
        name, Path(folder), form=format, secret=secret, seed=seed, only=only, results=results
    )


@task(
    name="pack",
    positional=["name"],
    help={
        "name": LAB,
        "platform": "gradescope, autolab or plain",
        "out": "the zip (default: NAME-PLATFORM.zip)",
        "secret": "of the course (default: one is made and printed)",
        "roster": "CSV of e-mail addresses and seeds, for labs with a seed for each student",
    },
)
@report_errors
def labs_pack(
    _: Context,
    name: str,
    platform: str = "gradescope",
    out: str = "",
    secret: str = "",
    roster: str = "",
) -> ExitCode:
    """Pack a lab's grader for a platform, with its setup script; without the solution.

    Example: ./invoke labs.pack cache --platform gradescope --out out/cache.zip
    """
    from labs.commands import run_pack

    return run_pack(name, platform=platform, out=out, secret=secret, roster=roster)


@task(
    name="tryout",
    positional=["name", "folder"],
    help={
        "name": LAB,
        "folder": "the submission",
        "secret": "of the course, as for labs.grade (default: a published one)",
    },
)
@report_errors
def labs_tryout(_: Context, name: str, folder: str, secret: str = "") -> ExitCode:
    """Run a packed grader by Gradescope's rules in a fresh Debian root (as root; minutes).

    Example: ./invoke labs.tryout cache out/cache
    Exit codes: 0 its results.json is valid and the same as graded here, 1 it is not the same,
    2 usage, 4 it does not run or its results.json is not valid.
    """
    from pathlib import Path

    from labs.commands import run_tryout

    return run_tryout(name, Path(folder), secret=secret)


@task(
    name="data",
    help={
        "runs": "of the tier whose runs the labs shall have",
        "course": "measurement.json of a run with a spike, for lab 7",
    },
)
@report_errors
def labs_data(
    _: Context, runs: str = "results/reference/full/runs.csv", course: str = ""
) -> ExitCode:
    """Make the tables and figures of labs 6 and 7 from stored runs.

    Example: ./invoke labs.data --runs results/reference/full/runs.csv
    """
    from pathlib import Path

    from labs.commands import run_data

    return run_data(Path(runs), Path(course) if course else None)


@task(
    name="drive",
    positional=["policy"],
    help={
        "policy": "the policy.c of lab 5",
        "keep": "where the runs' files go (default: out/labs/drive)",
        "seed": "moves pages and ports, for both runs alike",
    },
)
@report_errors
def labs_drive(_: Context, policy: str, keep: str = "", seed: int = 1) -> ExitCode:
    """Run lab 5's policy as TUX's scheduler in the testbed, and judge it (needs a build; minutes).

    Example: ./invoke labs.drive out/scheduler/policy.c
    Exit codes: 0 all points, 1 not all or the run is invalid, 2 usage, 4 infrastructure.
    """
    from pathlib import Path

    from labs.driving import run_drive

    return run_drive(Path(policy), keep=keep, seed=seed)


@task(
    name="selftest",
    help={
        "only": "one lab, by name or number (default: all)",
        "json": "print the table, and what is wrong, as JSON on stdout",
    },
)
@report_errors
def labs_selftest(_: Context, only: str = "", json: bool = False) -> ExitCode:
    """Grade the graders: solutions get all points, stubs few, mutants lose as named (minutes).

    Example: ./invoke labs.selftest --only cache
    Exit codes: 0 every grader is as it should be, 1 one is not, 2 usage, 4 infrastructure.
    """
    from labs.commands import run_selftest

    return run_selftest(only, as_json=json)
