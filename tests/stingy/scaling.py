# SPDX-License-Identifier: MIT
"""What memwalk takes on synthetic servers: ``python -m tests.stingy.scaling 1000 4000 16000``.

The whole command, from nothing: processor time and the most memory of it and its processes.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from .synthetic import write_synthetic

ONE = (
    "import sys; from pathlib import Path; "
    "from stingy.memwalk.passes import Options, walk_server; "
    "from stingy.memwalk.assembly import assemble; "
    "analysis = walk_server(Path(sys.argv[1]), Options(fresh=True, budget=int(sys.argv[2]))); "
    "assemble(analysis); print(analysis.walk.interpreter.steps)"
)


def measure(lines: int, budget: int) -> None:
    """Print one line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_synthetic(Path(folder), lines)
        done = subprocess.run(
            [sys.executable, "-c", ONE, str(path), str(budget)],
            check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime + used.ru_stime
    print(
        f"| {lines:,} | {budget:,} | {int(done.stdout):,} | {seconds:.1f} s "
        f"| {used.ru_maxrss // 1024:,} MB |",
        flush=True,
    )


def main() -> None:
    """Each size in a process of its own, since the most memory of all children is told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", type=int, nargs="+")
    parser.add_argument("--budget", type=int, default=160_000)
    options = parser.parse_args()
    if len(options.lines) == 1:
        measure(options.lines[0], options.budget)
        return
    for lines in options.lines:
        subprocess.run(
            [sys.executable, "-m", "tests.stingy.scaling", str(lines), "--budget",
             str(options.budget)],
            check=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
