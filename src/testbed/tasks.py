# SPDX-License-Identifier: MIT
"""Tasks about single runs of the testbed."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from ground.errors import ExitCode
from ground.terminal import report_errors

MEASURE = {
    "server": "nginx, lighttpd, apache",
    "load": "the load generator's flags, as in 'ab -c 100 -n 20000'",
    "geometry": "banias-1400, tualatin-1400, skylake-sp-2500, zen4-3700, or a path ending in .toml",
    "platform": "lcn2006, lcn2006-defaults, debian12, linux-6.12, or a path ending in .toml",
    "seed": "moves page placement, entropy, file order and link jitter",
    "keep": "directory that keeps the run's files",
}


@task(name="run", help=MEASURE | {"tlb": "count TLB misses too", "json": "print JSON on stdout"})
@report_errors
def testbed_run(
    _: Context,
    server: str = "nginx",
    load: str = "ab -c 100 -n 5000",
    geometry: str = "banias-1400",
    platform: str = "lcn2006",
    seed: int = 1,
    keep: str = "",
    tlb: bool = False,
    json: bool = False,
) -> ExitCode:
    """Measure one run in virtual time. Exit codes: 0 valid, 1 invalid, 4 infrastructure.

    Example: ./invoke testbed.run --server nginx --load 'ab -c 100 -n 20000' --seed 1
    """
    from testbed.cli import plan_experiment, run_command

    return run_command(plan_experiment(server, load, geometry, platform, seed, tlb=tlb), keep, json)


@task(name="profile", help=MEASURE | {"top": "rows of the table"})
@report_errors
def testbed_profile(
    _: Context,
    server: str = "nginx",
    load: str = "ab -c 1000 -n 5000",
    geometry: str = "banias-1400",
    platform: str = "lcn2006",
    seed: int = 1,
    top: int = 25,
    keep: str = "",
) -> ExitCode:
    """Show which kernel functions miss L2; draw a flame graph (SVG).

    Example: ./invoke testbed.profile --server nginx --load 'ab -c 1000 -n 5000' --top 20
    """
    from testbed.cli import plan_experiment, profile_command

    return profile_command(
        plan_experiment(server, load, geometry, platform, seed, profile=True), top, keep
    )


@task(name="shell")
@report_errors
def testbed_shell(_: Context) -> ExitCode:
    """Boot both machines and connect this terminal to their consoles.

    Example: ./invoke testbed.shell
    """
    from testbed.cli import shell_command

    return shell_command()


@task(name="geometry", positional=["name"], help={"name": MEASURE["geometry"]})
@report_errors
def testbed_geometry(_: Context, name: str, json: bool = False) -> ExitCode:
    """Show a geometry file, each number with its source, and check it.

    Example: ./invoke testbed.geometry banias-1400
    """
    from testbed.cli import geometry_command

    return geometry_command(name, json)


@task(name="platform", positional=["name"], help={"name": MEASURE["platform"]})
@report_errors
def testbed_platform(_: Context, name: str, json: bool = False) -> ExitCode:
    """Show a platform file, each number with its source, and check it.

    Example: ./invoke testbed.platform lcn2006
    """
    from testbed.cli import platform_command

    return platform_command(name, json)
