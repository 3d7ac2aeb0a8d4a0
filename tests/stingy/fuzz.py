# SPDX-License-Identifier: MIT
"""Thousands of random servers: ``python -m tests.stingy.fuzz --count 1000 --first 1``.

Each must end in time and within its budget, without an error, and miss nothing that is true.
What is said once the budget is spent must allow all that is said of paths one by one.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stingy.memwalk.assembly import assemble
from stingy.memwalk.passes import Options, walk_server
from stingy.model.results import Live, Memwalk, WarningKind

from .programs import make_server

BUDGETS = (0, 300, 20_000)
LIMIT_S = 30
STEPS_A_LINE = 400  # that the walk may still take when its budget is spent


def find_faults(seed: int, folder: Path) -> list[str]:
    """What is wrong with memwalk's answer about the server of a seed; nothing if it is right."""
    server = make_server(seed)
    path = server.write(folder)
    budget = BUDGETS[seed % len(BUDGETS)]
    analysis = walk_server(path, Options(budget=budget))
    result = assemble(analysis)
    faults = [f"{one.file} was refused" for one in result.units if one.status == "refused"]
    edges = {(edge.source, edge.target) for edge in result.edges}
    faults += [f"no edge {a} -> {b}" for a, b in sorted(server.edges() - edges)]
    found = {(one.type, stage) for one in result.objects for stage in one.allocated_in}
    faults += [f"no {type_} of {s}" for type_, s in sorted(server.allocations() - found)]
    steps = analysis.walk.interpreter.steps
    limit = budget + STEPS_A_LINE * len(server.text.splitlines())
    faults += [f"{steps:,} steps, more than {limit:,}"] if steps > limit else []
    if budget and not any(one.kind is WarningKind.MERGED for one in result.warnings):
        faults += find_promises(result, assemble(walk_server(path, Options(budget=0))))
    return faults


def find_promises(exact: Memwalk, merged: Memwalk) -> list[str]:
    """What an answer on merged paths excludes although it happens on some path."""
    faults: list[str] = []
    pairs = {(e.source, e.target, e.kind) for e in exact.edges}
    faults += [
        f"lost: {e}" for e in sorted(pairs - {(e.source, e.target, e.kind) for e in merged.edges})
    ]
    known = {one.id: one for one in merged.objects}
    for one in exact.objects:
        other = known[one.id]
        if other.max_live is not None and (one.max_live is None or one.max_live > other.max_live):
            faults.append(f"lost: {one.max_live} of {one.id}, not {other.max_live}")
        for name in ("allocated_in", "freed_in", "live_in"):
            lost = set(getattr(one, name)) - set(getattr(other, name))
            faults += [f"lost: {one.id} {name} {stage}" for stage in sorted(lost)]
    excluded = {(e.first, e.second) for e in exact.exclusions}
    never = sorted({(e.first, e.second) for e in merged.exclusions} - excluded)
    faults += [f"lost: {a} with {b}" for a, b in never]
    stages = {stage.name: stage for stage in merged.stages}
    for stage in exact.stages:
        for name in ("live_in", "live_out", "peak"):
            wide = {live.object: live for live in getattr(stages[stage.name], name)}
            faults += [
                f"lost: {live.object} {name} {stage.name}"
                for live in getattr(stage, name)
                if not _allows(wide.get(live.object), live)
            ]
    return faults


def _allows(wide: Live | None, narrow: Live) -> bool:
    if wide is None or wide.least > narrow.least:
        return False
    return wide.most is None or (narrow.most is not None and narrow.most <= wide.most)


@contextmanager
def _limited(seconds: int) -> Iterator[None]:
    """Raises TimeoutError when the block takes more processor time, however busy the host is."""

    def stop(_signal: int, _frame: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def main() -> int:
    """Run the servers of a range of seeds; each that goes wrong is kept and named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("out/fuzz"), help="for servers that fail")
    options = parser.parse_args()
    wrong, slowest_s = 0, 0.0
    for seed in range(options.first, options.first + options.count):
        began_s = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            try:
                with _limited(LIMIT_S):
                    faults = find_faults(seed, Path(folder))
            except TimeoutError:
                faults = [f"did not end within {LIMIT_S} s of processor time"]
        slowest_s = max(slowest_s, time.process_time() - began_s)
        if faults:
            wrong += 1
            kept = options.keep / str(seed)
            kept.mkdir(parents=True, exist_ok=True)
            make_server(seed).write(kept)
            print(f"seed {seed}: {'; '.join(faults)} (kept in {kept})", flush=True)
    print(f"{options.count} servers, {wrong} wrong, the slowest took {slowest_s:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
