# SPDX-License-Identifier: MIT
"""Coverage-guided fuzzing of TUX's sources on the host: libFuzzer, AddressSanitizer, UBSan."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ground import process
from ground.errors import ExitCode, UsageError
from ground.files import digest_file, digest_tree
from ground.paths import PROJECT, find_outputs
from ground.terminal import complete_step, console

TUX = PROJECT / "src" / "tux"
TESTS = PROJECT / "tests" / "tux"
HARNESSES = TESTS / "fuzz"
DICTIONARY = HARNESSES / "http.dict"
COMPILER = "clang"
FLAGS = (
    *("-g", "-O1", "-std=gnu11", "-Wall", "-Werror", "-fno-omit-frame-pointer"),
    *("-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=undefined"),
)
FINDING = re.compile(r"broken law|ERROR: |SUMMARY: |runtime error")
INPUT_MAX = 3000  # net.tux.max_header_len


@dataclass(frozen=True)
class Target:
    """One harness: tests/tux/fuzz/NAME_fuzz.c with the sources of the server that it drives."""

    name: str
    sources: tuple[str, ...]

    @property
    def harness(self) -> Path:
        """The harness' source."""
        return HARNESSES / f"{self.name}_fuzz.c"

    @property
    def corpus(self) -> Path:
        """The committed inputs."""
        return TESTS / "corpus" / self.name


TARGETS = {
    target.name: target
    for target in (
        Target("parse", ("parse.c", "authority.c", "path.c", "range.c", "date.c", "etag.c")),
    )
}


def find_target(name: str) -> Target:
    """The target ``name``; UsageError that lists them."""
    if name not in TARGETS:
        raise UsageError(f"no fuzz target {name!r}", hint=f"one of {', '.join(TARGETS)}")
    return TARGETS[name]


def build_fuzzer(target: Target, place: Path) -> Path:
    """Compile ``target`` into the directory ``place`` and return the program."""
    place.mkdir(parents=True, exist_ok=True)
    program = place / f"{target.name}_fuzz"
    sources = [target.harness, *(TUX / name for name in target.sources)]
    include = ("-I", TUX, "-I", HARNESSES)
    process.run([COMPILER, *FLAGS, *include, *sources, "-o", program], cwd=place)
    return program


def replay(program: Path, corpus: Path) -> None:
    """Run every input below ``corpus`` once; ProcessError with the report of the first finding."""
    with tempfile.TemporaryDirectory() as place:
        command = (program, "-runs=0", corpus)
        result = process.run(command, cwd=Path(place), timeout_s=300, check=False)
    if result.returncode:
        told = [line for line in result.stderr.splitlines() if FINDING.search(line)]
        raise process.ProcessError(
            f"{program.name} found a fault: {'; '.join(told) or result.stderr[-500:]}",
            hint=f"run {process.format_command(command)}",
        )


def fuzz(program: Path, target: Target, runs: int, seed: int, place: Path) -> bool:
    """Try ``runs`` inputs, from the committed corpus on; true if none broke a law.

    New inputs go to ``place``/corpus, what libFuzzer said to ``place``/log, a finding to
    ``place``/finding-*.
    """
    grown = place / "corpus"
    grown.mkdir(parents=True, exist_ok=True)
    log = place / "log"
    options = [
        *(f"-runs={runs}", f"-seed={seed}", f"-max_len={INPUT_MAX}", f"-dict={DICTIONARY}"),
        *("-print_final_stats=1", "-rss_limit_mb=4096", f"-artifact_prefix={place}/finding-"),
    ]
    command = ["nice", str(program), *options, str(grown), str(target.corpus)]
    result = process.run(command, cwd=place, log=log, check=False)
    return result.returncode == 0


def minimise(program: Path, sources: Sequence[Path], destination: Path) -> int:
    """Replace ``destination`` with the fewest inputs of ``sources`` that reach all they reach.

    Inputs are named by their digest.  Returns how many there are.
    """
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        kept = place / "kept"
        kept.mkdir()
        process.run([program, "-set_cover_merge=1", kept, *sources], cwd=place)
        shutil.rmtree(destination, ignore_errors=True)
        destination.mkdir(parents=True)
        for path in sorted(kept.iterdir()):
            shutil.copyfile(path, destination / digest_file(path)[:16])
    return len(list(destination.iterdir()))


def run_fuzz(name: str, runs: int, seed: int, *, keep: bool) -> ExitCode:
    """`./invoke tux.fuzz`: build, replay the corpus, fuzz; with ``keep`` renew the corpus."""
    target = find_target(name)
    place = find_outputs() / "fuzz" / name
    with complete_step(f"Building the fuzzer {name}"):
        program = build_fuzzer(target, place)
    with complete_step(f"Replaying {target.corpus.relative_to(PROJECT)}"):
        replay(program, target.corpus)
    before = digest_tree(target.corpus)
    with complete_step(f"Fuzzing: {runs} inputs, seed {seed}; progress in {place / 'log'}"):
        clean = fuzz(program, target, runs, seed, place)
    if not clean:
        findings = ", ".join(str(path) for path in sorted(place.glob("finding-*")))
        console.print(f"[red]a law is broken:[/] {findings}; the report ends {place / 'log'}")
        return ExitCode.DOES_NOT_HOLD
    if keep:
        with complete_step("Minimising the corpus"):
            count = minimise(program, [target.corpus, place / "corpus"], target.corpus)
        changed = "changed" if digest_tree(target.corpus) != before else "as it was"
        console.print(f"{count} inputs in {target.corpus.relative_to(PROJECT)}, {changed}")
    return ExitCode.HOLDS
