# SPDX-License-Identifier: MIT
"""Judges what a student found by hand, graph.toml, against the truth about the server."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial

from labs.grader.bench import Bench
from labs.grader.chance import PUBLISHED_SECRET, Chance
from labs.grader.marks import Case, Mark, full, linear, none
from labs.stages.paths import Edge, Server, Truth
from labs.stages.servers import make_server

PRACTICE, OWN = "practice", "server"
KINDS = ("queue", "socket", "timer", "direct")
ALL_RIGHT, NOT_ENOUGH = 1.0, 0.7  # F1: all points, none
TOLD = 3  # of what is wrong about the server for practice
TOO_SAFE = 1.5  # times the true peak: no points


def find_server(name: str, secret: str, seed: int) -> Server:
    """A student's server; that for practice is the same for all."""
    if name == PRACTICE:
        return make_server(Chance(PUBLISHED_SECRET, "server practice"))
    return make_server(Chance(secret, f"server {seed}"))


def find_next_release(secret: str, seed: int) -> Server:
    """The student's server a year later: the same names, other stages."""
    words = find_server(OWN, secret, seed).words
    return make_server(Chance(secret, f"server {seed} next"), words)


@dataclass(frozen=True)
class Answer:
    """One server's tables of graph.toml."""

    edges: frozenset[Edge]
    impossible: frozenset[Edge]
    bytes: dict[str, int]
    live: frozenset[tuple[str, str]]
    peak_bytes: int


class FormError(Exception):
    """The answers are not in the right form."""


def read_answers(bench: Bench) -> dict[str, Answer]:
    """Both servers' tables; FormError says which field is wrong."""
    try:
        data = tomllib.loads((bench.folder / "graph.toml").read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormError(f"graph.toml is no TOML: {error}") from None
    return {name: _read_answer(name, data.get(name)) for name in (PRACTICE, OWN)}


def _read_answer(name: str, table: object) -> Answer:
    if not isinstance(table, dict):
        raise FormError(f"graph.toml has no table [{name}]")
    sizes, live, peak = table.get("bytes"), table.get("live"), table.get("peak_bytes")
    if type(peak) is not int:
        raise FormError(f"[{name}] peak_bytes must be a whole number")
    if not isinstance(sizes, dict) or any(type(size) is not int for size in sizes.values()):
        raise FormError(f"[{name}.bytes] must have lines such as conn = 96")
    if not isinstance(live, dict) or not all(_is_list_of_names(one) for one in live.values()):
        raise FormError(f'[{name}.live] must have lines such as conn = ["begin", "on_line"]')
    return Answer(
        _read_edges(name, "edges", table),
        _read_edges(name, "impossible", table),
        {_bare(thing): size for thing, size in sizes.items()},
        frozenset((_bare(thing), stage) for thing, stages in live.items() for stage in stages),
        peak,
    )


def _is_list_of_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _bare(name: str) -> str:
    return name.removeprefix("struct ").strip()


def _read_edges(name: str, key: str, table: dict[str, object]) -> frozenset[Edge]:
    rows = table.get(key)
    if not isinstance(rows, list):
        raise FormError(f"[{name}] {key} must be a list")
    for row in rows:
        if not _is_list_of_names(row) or len(row) != 3 or row[2] not in KINDS:
            raise FormError(
                f"[{name}] {key}: {row!r} is not an edge; write "
                f'["source", "target", "kind"], kind one of {", ".join(KINDS)}'
            )
    return frozenset((source, target, kind) for source, target, kind in rows)


def check_form(bench: Bench) -> Mark:
    """The file can be read."""
    try:
        read_answers(bench)
    except FormError as error:
        return none(str(error))
    return full()


def measure_f1(found: AbstractSet[object], true: AbstractSet[object]) -> float:
    """The harmonic mean of precision and recall; 1 if there is nothing to find and nothing is."""
    both = len(found) + len(true)
    return 2 * len(found & true) / both if both else 1.0


def spell(edge: Edge) -> str:
    """An edge for a message."""
    source, target, kind = edge
    return f"{source} -> {target} ({kind})"


def count_kinds(edges: AbstractSet[Edge]) -> str:
    """How many edges there are of each kind."""
    counts = Counter(kind for _, _, kind in edges)
    return ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind]) or "none"


Judge = Callable[[Answer, Truth, bool], Mark]


def judge_edges(answer: Answer, truth: Truth, tell: bool) -> Mark:
    """What may follow what."""
    missed, extra = truth.edges - answer.edges, answer.edges - truth.edges
    text = f"missing: {count_kinds(missed)}; not in the server: {count_kinds(extra)}"
    if tell:
        text += "".join(f"\nmissing: {spell(edge)}" for edge in sorted(missed)[:TOLD])
        text += "".join(f"\nnot there: {spell(edge)}" for edge in sorted(extra)[:TOLD])
        hint = ""
    elif missed:
        hint = (
            "Go through each stage once more, a line at a time: which lines give the request "
            "another stage, or call one?"
        )
    else:
        hint = "Can the condition before each of these lines hold?"
    return linear(measure_f1(answer.edges, truth.edges), ALL_RIGHT, NOT_ENOUGH, text, hint)


def judge_live(answer: Answer, truth: Truth, tell: bool) -> Mark:
    """What a request may have in memory where."""
    true = {(thing, stage) for thing, stages in truth.live.items() for stage in stages}
    missed, extra = true - answer.live, answer.live - true
    text = f"{len(missed)} pairs of an object and a stage are missing, {len(extra)} are wrong"
    if tell:
        text += "".join(f"\nmissing: {thing} in {stage}" for thing, stage in sorted(missed)[:TOLD])
        text += "".join(f"\nwrong: {thing} in {stage}" for thing, stage in sorted(extra)[:TOLD])
    hint = "Follow each object from its malloc() along your edges until it is freed on all ways"
    return linear(measure_f1(answer.live, true), ALL_RIGHT, NOT_ENOUGH, text, "" if tell else hint)


def judge_bytes(answer: Answer, truth: Truth, tell: bool) -> Mark:
    """Sizes of the objects."""
    wrong = sorted(thing for thing, size in truth.bytes.items() if answer.bytes.get(thing) != size)
    if not wrong:
        return full()
    names = f" ({', '.join(wrong)})" if tell else ""
    return Mark(
        1 - len(wrong) / len(truth.bytes),
        f"{len(wrong)} of {len(truth.bytes)} sizes are wrong{names}. sizeof, padding included, "
        "where long and pointers have 8 bytes",
    )


def judge_peak(answer: Answer, truth: Truth, tell: bool) -> Mark:
    """The most that one request has at a time: below the truth is unsafe, far above it is waste."""
    got, true = answer.peak_bytes, truth.peak_bytes
    if got < true:
        return none(
            f"a request can have more than {got} bytes at a time: memory laid out by your number "
            "is too small. Which stage is reached with the most objects, and does it allocate?"
        )
    if got == true:
        return full(f"{true} bytes")
    tail = f"; it is {true}" if tell else ""
    return linear(
        got, true, true * TOO_SAFE,
        f"no request ever has {got} bytes at a time{tail}",
        "Are there objects that never live together?",
    )  # fmt: skip


def judge_impossible(answer: Answer, truth: Truth, tell: bool) -> Mark:
    """What the tool reports though it cannot happen."""
    found, false = answer.impossible & truth.impossible, answer.impossible - truth.impossible
    if answer.impossible == truth.impossible:
        return full(f"{len(found)} of {len(truth.impossible)} found")
    share = (len(found) - 0.5 * len(false)) / len(truth.impossible)
    missed = sorted(truth.impossible - answer.impossible)
    hint = "".join(f"\nmissed: one that begins in {edge[0]}" for edge in missed) if tell else ""
    hint += "".join(f"\ncan happen: {spell(edge)}" for edge in sorted(false)) if tell else ""
    return Mark(
        max(0.0, share),
        f"{len(found)} of {len(truth.impossible)} found, {len(false)} that can happen (half of "
        "one less for each). For each edge that the tool reports: who sets what its condition "
        f"asks for, and to what?{hint}",
    )


PARTS: dict[str, tuple[str, Judge]] = {
    "edges": ("what follows what", judge_edges),
    "live": ("which objects live where", judge_live),
    "bytes": ("the objects' sizes", judge_bytes),
    "peak": ("the most bytes of a request", judge_peak),
    "impossible": ("edges that only the tool sees", judge_impossible),
}


def check(name: str, part: str, bench: Bench) -> Mark:
    """One part of the answer about one server."""
    truth = bench.once(f"truth {name}", find_server(name, bench.secret, bench.seed).find_truth)
    return PARTS[part][1](read_answers(bench)[name], truth, name == PRACTICE)


def make_cases(name: str, points: dict[str, int], *, hidden: bool) -> list[Case]:
    """The tests of what was found by hand in a server."""
    return [
        Case(f"{name}.{part}", worth, f"{name}, by hand: {PARTS[part][0]}",
             partial(check, name, part), "form", hidden)
        for part, worth in points.items()
    ]  # fmt: skip
