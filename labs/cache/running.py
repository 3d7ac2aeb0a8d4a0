# SPDX-License-Identifier: MIT
"""Runs a student's caches on a trace and compares the counts with the model's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

from labs.cache.traces import CHECK_EVERY, FIELDS, Config, Event, Flavour, format_trace, make_trace
from labs.grader.bench import SANITIZED_LIMITS, SANITIZERS, Bench
from labs.grader.chance import PUBLISHED_SECRET, Chance
from labs.grader.endings import explain_end
from labs.grader.marks import Case, Mark, full, none

HANDOUT = Path(__file__).with_name("handout")


@dataclass(frozen=True)
class Trial:
    """One test: a hierarchy and a kind of trace."""

    name: str
    points: int
    title: str
    config: Config
    flavour: Flavour
    look: str = ""  # where to look when it fails

    def case(self, *, hidden: bool = False) -> Case:
        """The test of it."""
        run = partial(check, self)
        return Case(self.name, self.points, self.title, run, parent="build", hidden=hidden)


def build(bench: Bench) -> str:
    """The simulator, with what finds wrong memory accesses."""
    return bench.once("simulate", partial(_build, bench, *SANITIZERS, "-O1"))


def _build(bench: Bench, *flags: str) -> str:
    for name in ("cache.h", "main.c"):
        bench.add(HANDOUT / name)
    return bench.compile("simulate", ("cache.c", "main.c"), *flags)


def check_build(bench: Bench) -> Mark:
    """It compiles and takes an empty trace."""
    program = build(bench)
    raw = bench.sandbox.run([program], stdin=b"64 1 64 64 1 64 128 1 64 0\n",
                            limits=SANITIZED_LIMITS)  # fmt: skip
    if not raw.ran or raw.stdout != b"steps 0\n":
        return none("an empty trace: " + explain_end(raw, SANITIZED_LIMITS))
    return full()


def check(trial: Trial, bench: Bench) -> Mark:
    """All counts at all checkpoints are the model's."""
    events = make_trace(bench.chance(trial.name), trial.flavour)
    expected = find_counts(trial.name, trial.config, events)
    given = format_trace(trial.config.format(), events)
    raw = bench.sandbox.run([build(bench)], stdin=given, limits=SANITIZED_LIMITS)
    if not raw.ran:
        return none(explain_end(raw, SANITIZED_LIMITS))
    lines = raw.stdout.decode(errors="replace").splitlines()[:-1]
    difference = find_difference(expected, lines)
    if not difference:
        return full()
    shown = f"\nconfiguration: {trial.config.format()}"
    hint = f"\nlook at: {trial.look}" if trial.look else ""
    again = ""
    if bench.secret == PUBLISHED_SECRET:
        path = f"traces/{trial.name}"
        again = f"\ntry: make && ./simulate < {path}.txt | diff - {path}.counts | head"
    return none(difference + shown + hint + again)


def find_counts(name: str, config: Config, events: list[Event]) -> list[list[int]]:
    """The counts that a trace must give: of the model, which a hand-out does not contain, or
    those that were written into the hand-out."""
    written = HANDOUT.with_name("counts") / f"{name}.json"
    if written.exists():
        found: list[list[int]] = json.loads(written.read_text())
    else:
        found = import_module("labs.cache.model").Hierarchy(config).replay(events)
    return found


def find_difference(expected: list[list[int]], lines: list[str]) -> str:
    """The first count that is not the model's, in words; empty if there is none."""
    for number, want in enumerate(expected):
        if number >= len(lines):
            return f"the output ends after {len(lines)} of {len(expected)} lines of counts"
        try:
            got = [int(word) for word in lines[number].split()]
        except ValueError:
            got = []
        if len(got) != len(want):
            return f"line {number + 1} of the output is not a line of counts; do not print yourself"
        for name, one, other in zip(FIELDS, got, want, strict=True):
            if one != other:
                last = (number + 1) * CHECK_EVERY
                return (
                    f"{name}: {one}, expected {other}, after {last} events "
                    f"(right until {last - CHECK_EVERY})"
                )
    if len(lines) > len(expected):
        return "the output goes on after the last counts; do not print yourself"
    return ""


def write_traces(trials: tuple[Trial, ...], folder: Path) -> None:
    """The public traces and their counts, for the student and for the hand-out's check."""
    counts = folder / ".grader/labs/cache/counts"
    counts.mkdir()
    (folder / "traces").mkdir()
    for trial in trials:
        events = make_trace(Chance(PUBLISHED_SECRET, trial.name), trial.flavour)
        text = format_trace(trial.config.format(), events)
        (folder / "traces" / f"{trial.name}.txt").write_bytes(text)
        found = find_counts(trial.name, trial.config, events)
        lines = "".join(" ".join(map(str, line)) + "\n" for line in found)
        (folder / "traces" / f"{trial.name}.counts").write_text(lines + "steps 0\n")
        (counts / f"{trial.name}.json").write_text(json.dumps(found))
