# SPDX-License-Identifier: MIT
"""Runs parsers and laws on inputs and compares what they print."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from labs.grader.bench import SANITIZED_LIMITS, SANITIZERS, Bench
from labs.grader.chance import PUBLISHED_SECRET, Chance
from labs.grader.endings import explain_end
from labs.grader.marks import Case, Mark, full, none
from labs.parser.corpus import make_mutated, make_valid, pack_inputs

HERE = Path(__file__).parent
GIVEN = HERE / "handout"
REFERENCE = HERE / "reference.c"
WRITTEN = HERE / "expected.json"  # in a hand-out, in place of the reference
PICK = re.compile(r"PICK\((\d+), ([^,]+), ((?:[^,()]|\((?:[^()]|\([^()]*\))*\))+)\)")
PLANTED = range(1, 7)  # the faults of the parser that is handed out
BREAKING = {7: "printing", 8: "what comes first", 9: "what comes after", 10: "what was before"}


def make_parser(faults: frozenset[int]) -> str:
    """The reference as a text of its own, with these faults and no others."""

    def choose(found: re.Match[str]) -> str:
        number, right, wrong = found.groups()
        return str(wrong if int(number) in faults else right)

    return PICK.sub(choose, REFERENCE.read_text())


@dataclass(frozen=True)
class Outcome:
    """What a parser printed, a line for each input, and why it stopped, if it did."""

    lines: tuple[str, ...]
    stopped: str

    def at(self, number: int) -> str:
        """What came of an input."""
        return self.lines[number] if number < len(self.lines) else f"stopped: {self.stopped}"


def run(bench: Bench, argv: list[str], inputs: list[bytes]) -> Outcome:
    """Run a program of run.c on inputs."""
    raw = bench.sandbox.run(argv, stdin=pack_inputs(inputs), limits=SANITIZED_LIMITS)
    lines = raw.stdout.decode(errors="replace").splitlines()
    why = "" if raw.ran else explain_end(raw, SANITIZED_LIMITS)
    if not why and len(lines) != len(inputs):
        why = f"{len(lines)} lines for {len(inputs)} inputs"
    return Outcome(tuple(lines[: len(inputs)]), why)


def build_own(bench: Bench) -> str:
    """The student's parser and law."""

    def make() -> str:
        for name in ("parser.h", "run.c"):
            bench.add(GIVEN / name)
        return bench.compile("run", ("parser.c", "law.c", "run.c"), *SANITIZERS, "-O1")

    return bench.once("own", make)


def find_expected(name: str, inputs: list[bytes]) -> list[str] | None:
    """Of a hand-out's own inputs what the reference printed; None elsewhere."""
    if REFERENCE.exists():
        return None
    found: dict[str, list[str]] = json.loads(WRITTEN.read_text())
    assert len(found[name]) == len(inputs)
    return found[name]


Expect = Callable[[Bench, str, list[bytes]], list[str]]


def read_expected(bench: Bench, name: str, inputs: list[bytes]) -> list[str]:
    """What the reference prints: as written in the hand-out, or by running it."""
    written = find_expected(name, inputs)
    if written is not None:
        return written
    return list(run(bench, [build_reference(bench), "parse", "0"], inputs).lines)


def build_reference(bench: Bench) -> str:
    """The reference with all faults in it, of which an argument chooses some."""

    def make() -> str:
        _write_reference(bench)
        bench.write("no_law.c", (GIVEN / "law.c").read_bytes())
        name = fault_name(bench)
        return bench.compile(
            "reference", ("reference.c", "no_law.c", "run.c"), *SANITIZERS, "-O1",
            f"-DFAULTS={name}", "-Wno-unused",
        )  # fmt: skip

    return bench.once("reference", make)


def build_law(bench: Bench) -> str:
    """The student's law on the reference."""

    def make() -> str:
        _write_reference(bench)
        name = fault_name(bench)
        return bench.compile("law", ("reference.c", "law.c", "run.c"), "-O1", f"-DFAULTS={name}")

    return bench.once("law", make)


def fault_name(bench: Bench) -> str:
    """A name that a law cannot know, so that it cannot see which faults are chosen."""
    return f"faults_{bench.chance('name').word():08x}"


def _write_reference(bench: Bench) -> None:
    for name in ("parser.h", "run.c"):
        bench.add(GIVEN / name)
    head = "unsigned int FAULTS;\n#define PICK(n, r, w) (FAULTS & 1u << (n) ? (w) : (r))\n"
    bench.write("reference.c", head.encode() + REFERENCE.read_bytes())


def check_build(bench: Bench) -> Mark:
    """It compiles and answers."""
    outcome = run(bench, [build_own(bench), "parse"], [b"GET / HTTP/1.1\r\n\r\n"])
    if outcome.lines != ("18 GET 1.1 2f 0",):
        return none(f"GET / HTTP/1.1 gives {outcome.at(0)}, expected 18 GET 1.1 2f 0")
    return full()


@dataclass(frozen=True)
class Corpus:
    """Inputs of one kind on which the student's parser must say what the reference says."""

    name: str
    points: int
    title: str
    make: Callable[[Chance], bytes]
    count: int

    def draw(self, secret: str) -> list[bytes]:
        """The inputs as a secret decides them."""
        chance = Chance(secret, self.name)
        return [self.make(chance) for _ in range(self.count)]

    def case(self, *, hidden: bool = False) -> Case:
        """The test of it."""
        return Case(
            self.name, self.points, self.title, partial(check_corpus, self), "build", hidden
        )


def check_corpus(corpus: Corpus, bench: Bench) -> Mark:
    """Every line is the reference's."""
    inputs = corpus.draw(bench.secret)
    expected = read_expected(bench, corpus.name, inputs)
    outcome = run(bench, [build_own(bench), "parse"], inputs)
    for number, want in enumerate(expected):
        if (got := outcome.at(number)) != want:
            data = inputs[number]
            return none(f"input {data!r}\ngives {got}\nexpected {want}{show_input('parse', data)}")
    return full()


def show_input(what: str, data: bytes) -> str:
    """How to give the student's program an input."""
    python = f'import sys; sys.stdout.buffer.write(bytes.fromhex("{data.hex()}"))'
    return f"\ntry: python3 -c '{python}' > input; ./run {what} input"


VALID = Corpus("valid", 4, "plain requests", make_valid, 60)
MUTATED = Corpus("mutated", 8, "requests with something wrong in them", make_mutated, 400)


def read_inputs(bench: Bench) -> list[bytes]:
    """The student's inputs, by name."""
    return [path.read_bytes() for path in sorted((bench.folder / "inputs").iterdir())]


def write_expected(corpora: tuple[Corpus, ...], bench: Bench, target: Path) -> None:
    """What a hand-out has in place of the reference."""
    found = {}
    for corpus in corpora:
        inputs = corpus.draw(PUBLISHED_SECRET)
        found[corpus.name] = read_expected(bench, corpus.name, inputs)
    target.write_text(json.dumps(found, indent=1) + "\n")
