# SPDX-License-Identifier: MIT
"""Tasks that hold the project against what it promises: tests, fuzzing, speed."""

from __future__ import annotations

from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from ground.errors import ExitCode
from ground.terminal import report_errors


@task(
    name="disturb",
    help={
        "times": "how many sweeps are disturbed",
        "seed": "what is disturbed and when is drawn from it",
        "real": "disturb short runs of real machines instead of a rehearsal",
    },
)
@report_errors
def results_disturb(_: Context, times: int = 100, seed: int = 2006, real: bool = False) -> ExitCode:
    """Kill processes, fill disks, damage entries at random points; compare the results.

    When it is stopped the same command goes on.
    Example: ./invoke results.disturb --times 100
    """
    from checks.cli import run_disturb

    return run_disturb(times, seed, real=real)


@task
@report_errors
def lint(_: Context) -> ExitCode:
    """Check style, types, the rooms' import rules and licences. Example: ./invoke lint"""
    from checks.suite import run_lint

    return run_lint()


@task(
    help={
        "fast": "leave out builds and everything that boots machines",
        "select": "only tests that match this pytest expression",
    }
)
@report_errors
def test(_: Context, fast: bool = False, select: str = "") -> ExitCode:
    """Run all checks and tests; builds what they need first. Example: ./invoke test --fast"""
    from checks.suite import run_tests

    return run_tests(fast=fast, select=select)


@task(
    help={
        "geometry": "caches of the model and of the plugin",
        "rounds": "how often each mode is timed; the modes take turns",
        "blocks": "timed blocks of each kind of work in one run",
        "against": "the qemu-system-i386 of another build, to be timed beside this one",
        "json": "print the report as JSON on stdout",
    }
)
@report_errors
def bench(
    _: Context,
    geometry: str = "banias-1400",
    rounds: int = 5,
    blocks: int = 3,
    against: str = "",
    json: bool = False,
) -> ExitCode:
    """Time the emulator side by side with plain icount and QEMU's cache plugin.

    Example: ./invoke bench --rounds 3
    """
    from checks.speed.emulation import run_bench

    other = Path(against) if against else None
    return run_bench(geometry, rounds, blocks, other, as_json=json)


@task(
    help={
        "geometry": "the server's caches",
        "workers": "runs at once in the sweeps, with commas",
        "json": "print the report as JSON on stdout",
    },
)
@report_errors
def scaling(
    _: Context, geometry: str = "banias-1400", workers: str = "1,2,4", json: bool = False
) -> ExitCode:
    """Time whole runs against requests, concurrency, clients, and sweeps against workers.

    Takes minutes, on an idle host. Example: ./invoke scaling --workers 1,2
    """
    from checks.speed.scaling import parse_workers, run_scaling

    return run_scaling(geometry, parse_workers(workers), as_json=json)


@task(
    name="fuzz",
    help={
        "target": "parse",
        "runs": "inputs to try",
        "seed": "of libFuzzer's choices",
        "keep": "renew the committed corpus with what was found to reach more code",
    },
)
@report_errors
def tux_fuzz(
    _: Context, target: str = "parse", runs: int = 1_000_000, seed: int = 1, keep: bool = False
) -> ExitCode:
    """Fuzz TUX's sources under ASan and UBSan, from the committed corpus on.

    Example: ./invoke tux.fuzz --runs 10000000
    Exit codes: 0 no finding, 1 a finding, 4 infrastructure.
    """
    from checks.fuzz import run_fuzz

    return run_fuzz(target, runs, seed, keep=keep)


@task(
    name="check",
    help={
        "select": "only tests that match this pytest expression",
        "parameters": "what else tux.ko is loaded with, such as policy=cohort",
        "variant": "a server of images/servers (an unknown name lists them), in guests alone",
    },
)
@report_errors
def tux_check(_: Context, select: str = "", parameters: str = "", variant: str = "tux") -> ExitCode:
    """Test TUX on a kernel with KASAN, UBSAN, lockdep and kmemleak, and when memory is refused.

    Example: ./invoke tux.check --variant tux-stingy --select comparison
    Builds that kernel first (minutes); all of it takes about an hour on 2 cores.
    """
    from checks.suite import run_deep

    return run_deep(select=select, parameters=parameters, variant=variant)


@task(
    name="soak",
    help={
        "variant": "a server of images/servers (an unknown name lists them)",
        "minutes": "of this host",
        "checked": "on the kernel with KASAN, lockdep and the others (built first: minutes)",
        "seed": "of what the clients do",
    },
)
@report_errors
def tux_soak(
    _: Context, variant: str = "tux", minutes: float = 10.0, checked: bool = False, seed: int = 2006
) -> ExitCode:
    """Load TUX with clients of every kind, in rounds; each must give back all that it took.

    A round is a minute of keep-alive, pipelines, resets, slow and silent clients, spikes, and a
    stop and start; then memory, caches and counters are compared with those of the first round.
    Example: ./invoke tux.soak --variant tux-stingy --minutes 60
    Exit codes: 0 all came back, 1 something did not, or a reply was wrong, 2 usage.
    """
    from checks.suite import run_soak

    return run_soak(variant=variant, minutes=minutes, checked=checked, seed=seed)


@task(
    help={
        "only": "one server (an unknown name lists them)",
        "fresh": "analyse again what has not changed",
        "update-lock": "take the versions that the mirror has now, and write the lock",
    },
)
@report_errors
def gallery(_: Context, only: str = "", fresh: bool = False, update_lock: bool = False) -> ExitCode:
    """Analyse and rewrite servers that people have, and write docs/gallery.md.

    Fetches their sources, builds them, runs memwalk, stingygen and stingify; goes on where it was
    interrupted.

    Example: ./invoke gallery --only redsocks
    Exit codes: 0 done, 1 a server could not be built.
    """
    from checks.gallery.command import run_gallery

    return run_gallery(only=only, fresh=fresh, update_lock=update_lock)
