# SPDX-License-Identifier: MIT
"""Host time of allocation and release: Stingy against malloc, on the objects of a memory map.

Wall clock of the host (evidence level L3), so no claim about the paper's machine: it shows what
the calls themselves cost.  A request allocates one object of each type, writes each of its lines,
and frees them; ``live`` requests are in flight, the oldest ends first.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from ground import process
from ground.documents import Strict
from ground.errors import ExitCode, UsageError
from stingy.stingygen.generate import Target, generate, name_constants, write_allocator
from stingy.stingygen.map import Map, load_map

PROGRAM = Path(__file__).parents[1] / "templates" / "benchmark.c"


class Timing(Strict):
    """Nanoseconds of one pair of calls, the median of all rounds; with and without the writes."""

    live: int
    touched: bool
    malloc_ns: float
    stingy_ns: float

    @property
    def ratio(self) -> float:
        """How many times faster Stingy is."""
        return self.malloc_ns / self.stingy_ns


class _Round(Strict):
    allocator: str
    live: int
    touched: bool
    ns: float


def time_allocators(plan: Map, live: tuple[int, ...], rounds: int) -> list[Timing]:
    """Time both allocators in turn, ``rounds`` times, for each number of live requests."""
    constants = name_constants(plan)["object"]
    names = ", ".join(constants[o.name] for o in plan.objects)
    sizes = ", ".join(str(o.bytes) for o in plan.objects)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_allocator(generate(plan, Target.USER), folder)
        process.run(
            ["gcc", "-std=c11", "-O2", f"-I{folder}", f"-DOBJECTS={names}", f"-DSIZES={sizes}",
             f"-DLINE={plan.l2.line_bytes}", PROGRAM, folder / "stingy.c", "-o", folder / "run"],
        )  # fmt: skip
        argv: list[str | Path] = [folder / "run", str(rounds), *map(str, live)]
        lines = process.run(argv, timeout_s=600).stdout.splitlines()
    found = [TypeAdapter(_Round).validate_json(line) for line in lines]
    timings = []
    for number in live:
        for touched in (False, True):
            median = {
                name: statistics.median(
                    r.ns
                    for r in found
                    if (r.allocator, r.live, r.touched) == (name, number, touched)
                )
                for name in ("malloc", "stingy")
            }
            timings.append(
                Timing(
                    live=number,
                    touched=touched,
                    malloc_ns=median["malloc"],
                    stingy_ns=median["stingy"],
                )
            )
    return timings


def show_timings(plan: Map, timings: list[Timing]) -> Table:
    """The timings as a table."""
    table = Table(
        *("live requests", "objects written", "malloc + free", "Stingy", "ratio"),
        title=f"{plan.server}: ns of one allocation and its release (median)",
        title_justify="left",
    )
    for timing in timings:
        table.add_row(
            f"{timing.live:,}",
            "yes" if timing.touched else "no",
            f"{timing.malloc_ns:.1f}",
            f"{timing.stingy_ns:.1f}",
            f"{timing.ratio:.2f}",
        )
    for column in table.columns:
        column.justify = "right"
    return table


def run_benchmark(path: str, live: str, rounds: int, *, as_json: bool) -> ExitCode:
    """The command: time, then print."""
    plan = load_map(Path(path))
    try:
        numbers = tuple(int(word) for word in live.split(","))
    except ValueError:
        numbers = ()
    most = min(p.slots + p.high_slots for p in plan.pools if not p.transient)
    if not numbers or min(numbers) < 1 or max(numbers) > most or rounds < 1:
        raise UsageError(
            f"--live {live} --rounds {rounds}: not numbers of 1 and more, up to {most} requests",
            hint="write for example --live 1,50,1000 --rounds 9",
        )
    timings = time_allocators(plan, numbers, rounds)
    if as_json:
        print(TypeAdapter(list[Timing]).dump_json(timings, indent=2).decode())
    else:
        Console().print(show_timings(plan, timings))
    return ExitCode.HOLDS
