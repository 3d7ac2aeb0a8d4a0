# SPDX-License-Identifier: MIT
"""Tasks of the three tools: memwalk, stingygen, stingify."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from ground.errors import ExitCode
from ground.terminal import report_errors

GEOMETRY = "banias-1400, tualatin-1400, skylake-sp-2500, zen4-3700, or a path ending in .toml"


@task(
    name="accuracy",
    help={
        "only": "corpus, or one server (an unknown name lists them)",
        "speed": "time memwalk too (--no-speed: do not)",
        "json": "print JSON on stdout",
    },
)
@report_errors
def stingy_accuracy(_: Context, only: str = "", speed: bool = True, json: bool = False) -> ExitCode:
    """Compare memwalk with ground truth: recall, precision, speed.

    Example: ./invoke stingy.accuracy --only cascade
    Exit codes: 0 all promises hold, 1 something is missed, or a server is imprecise.
    """
    from ground.paths import PROJECT
    from stingy.accuracy.command import run_accuracy
    from stingy.memwalk.passes import analyse

    return run_accuracy(PROJECT / "tests", analyse, only=only, speed=speed, as_json=json)


@task(
    name="memwalk",
    positional=["annotations"],
    help={
        "annotations": "the annotation file (TOML) of the server",
        "out": "folder for memwalk.json, memwalk.html, graph.svg",
        "root": "the sources, if not where the annotations say",
        "fresh": "analyse every file again, whatever is cached",
        "json": "print the result as JSON on stdout",
    },
)
def stingy_memwalk(
    _: Context, annotations: str, out: str, root: str = "", fresh: bool = False, json: bool = False
) -> None:
    """Find stages, objects, stacks and what is never live together (memwalk).

    Example: ./invoke stingy.memwalk examples/cascade/annotations.toml --out out/cascade
    Exit codes: 0 everything was analysed, 1 a file was refused, 2 usage.
    """
    from stingy.memwalk.command import main

    flags = [flag for flag, given in (("--fresh", fresh), ("--json", json)) if given]
    main([annotations, "--out", out, *(["--root", root] if root else []), *flags])


@task(
    name="generate",
    positional=["result"],
    help={
        "result": "memwalk.json",
        "out": "folder for map.json, map.svg, stingy.h, stingy.c",
        "geometry": GEOMETRY,
        "target": "user or kernel",
        "debug": "red zones and poisoning",
        "json": "print map and proof as JSON on stdout",
    },
)
def stingy_generate(
    _: Context,
    result: str,
    out: str,
    geometry: str = "banias-1400",
    target: str = "user",
    debug: bool = False,
    json: bool = False,
) -> None:
    """Lay a server's memory out in the L2, prove it, generate the allocator (stingygen).

    Example: ./invoke stingy.generate out/memwalk.json --out out/stingy
    Exit codes: 0 written and proven, 1 the proof fails, 2 usage.
    """
    from stingy.stingygen.command import main

    flags = [flag for flag, given in (("--debug", debug), ("--json", json)) if given]
    main([result, "--out", out, "--geometry", geometry, "--target", target, *flags])


@task(
    name="rewrite",
    positional=["annotations"],
    help={
        "annotations": "the server's annotation file",
        "result": "memwalk.json",
        "allocator": "what stingy.stingygen.generate wrote",
        "out": "folder for the rewritten copy, its diff and the report",
        "json": "print the report as JSON on stdout",
    },
)
def stingy_rewrite(
    _: Context, annotations: str, result: str, allocator: str, out: str, json: bool = False
) -> None:
    """Rewrite a copy of a server's sources to use its allocator (stingify).

    Example: ./invoke stingy.rewrite annotations.toml --result out/memwalk.json \\
        --allocator out/stingy --out out/rewritten
    Exit codes: 0 every object is rewritten, 1 some are refused, 2 usage.
    """
    from stingy.stingify.command import main

    flags = ["--json"] if json else []
    main([annotations, "--result", result, "--allocator", allocator, "--out", out, *flags])


@task(
    name="bench",
    positional=["map_file"],
    help={
        "map_file": "map.json of stingy.stingygen.generate",
        "live": "numbers of live requests, separated by commas",
        "rounds": "how often each allocator is timed; they take turns",
        "json": "print JSON on stdout",
    },
)
@report_errors
def stingy_bench(
    _: Context, map_file: str, live: str = "1,50,1000", rounds: int = 9, json: bool = False
) -> ExitCode:
    """Time Stingy's allocation and release against malloc's on this host.

    Example: ./invoke stingy.bench out/stingy/map.json
    """
    from stingy.stingygen.benchmark import run_benchmark

    return run_benchmark(map_file, live, rounds, as_json=json)
