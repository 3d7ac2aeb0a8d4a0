# SPDX-License-Identifier: MIT
"""Thousands of random servers: ``python -m tests.stingy.fuzz --count 1000 --first 1``.

Each must end within its budget, without an error, and miss nothing that is true.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from stingy.memwalk.assembly import assemble
from stingy.memwalk.passes import Options, walk_server

from .programs import make_server

BUDGETS = (0, 300, 20_000)
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
    return [*faults, *([f"{steps:,} steps, more than {limit:,}"] if steps > limit else [])]


def main() -> int:
    """Run the servers of a range of seeds; each that goes wrong is kept and named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("out/fuzz"), help="for servers that fail")
    options = parser.parse_args()
    wrong = 0
    for seed in range(options.first, options.first + options.count):
        with tempfile.TemporaryDirectory() as folder:
            faults = find_faults(seed, Path(folder))
        if faults:
            wrong += 1
            kept = options.keep / str(seed)
            kept.mkdir(parents=True, exist_ok=True)
            make_server(seed).write(kept)
            print(f"seed {seed}: {'; '.join(faults)} (kept in {kept})", flush=True)
    print(f"{options.count} servers, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
