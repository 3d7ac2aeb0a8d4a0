# SPDX-License-Identifier: MIT
"""The tests that a hand-out contains."""

from __future__ import annotations

import tempfile
from pathlib import Path

from labs.grader.bench import Bench
from labs.grader.chance import PUBLISHED_SECRET
from labs.grader.grading import give_all
from labs.grader.marks import Case, Mark, full, none
from labs.grader.sandbox import Sandbox
from labs.parser.running import (
    MUTATED,
    PLANTED,
    VALID,
    check_build,
    make_parser,
    read_inputs,
    write_expected,
)

CORPORA = (VALID, MUTATED)


def check_inputs(bench: Bench) -> Mark:
    """There are inputs at all."""
    inputs = read_inputs(bench)
    if len(inputs) < 2 or len(set(inputs)) < len(inputs):
        return none("put at least two different inputs into inputs/, one a file")
    return full()


CASES = [
    Case("build", 2, "it compiles and answers", check_build),
    Case("inputs", 2, "inputs/ has inputs of yours", check_inputs),
    *(corpus.case() for corpus in CORPORA),
]


def prepare(folder: Path, _seed: int, _secret: str) -> None:
    """The parser with its faults, and what the reference says to the public inputs."""
    (folder / "parser.c").write_text(make_parser(frozenset(PLANTED)))
    with tempfile.TemporaryDirectory(prefix="lab-") as name:
        base = Path(name)
        base.chmod(0o711)
        (base / "work").mkdir()
        bench = Bench(base / "work", Sandbox(base / "work"), PUBLISHED_SECRET)
        give_all(bench)
        write_expected(CORPORA, bench, folder / ".grader/labs/parser/expected.json")
