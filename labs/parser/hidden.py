# SPDX-License-Identifier: MIT
"""The hidden tests: edges, what the student's inputs find, what the law finds."""

from __future__ import annotations

from functools import partial

from labs.grader.bench import Bench
from labs.grader.marks import Case, Mark, full, none
from labs.parser.corpus import EDGES, make_mutated, make_valid
from labs.parser.running import (
    BREAKING,
    PLANTED,
    Corpus,
    build_law,
    build_reference,
    read_inputs,
    run,
    show_input,
)

CORPORA = tuple(
    Corpus(f"edge-{number}", 4, title, make, 60) for number, (title, make) in EDGES.items()
)
LAW_INPUTS = 150
RULES = {1: "2", 2: "2 and 6", 3: "4", 4: "5", 5: "4 and 5", 6: "3"}  # that a planted fault breaks


def check_found(fault: int, bench: Bench) -> Mark:
    """Some input shows one of the planted faults."""
    inputs = read_inputs(bench)
    program = build_reference(bench)
    right = run(bench, [program, "parse", "0"], inputs)
    wrong = run(bench, [program, "parse", str(1 << fault)], inputs)
    if any(right.at(n) != wrong.at(n) for n in range(len(inputs))):
        return full()
    return none(
        f"none of your {len(inputs)} inputs shows this fault: a parser that has it alone says the "
        "same to all of them as the right one, and does not stop. It breaks what the README has as "
        f"rule {RULES[fault]}: write inputs at the limits that it sets"
    )


def draw_law_inputs(bench: Bench) -> list[bytes]:
    """Requests of both kinds, and some that are nothing."""
    chance = bench.chance("law")
    kinds = (make_valid, make_valid, make_mutated)
    return [b"", b"\r\n", *(chance.pick(kinds)(chance) for _ in range(LAW_INPUTS))]


def check_quiet(bench: Bench) -> Mark:
    """The law holds on the right parser."""
    inputs = draw_law_inputs(bench)
    outcome = run(bench, [build_law(bench), "law", "0"], inputs)
    for number, data in enumerate(inputs):
        if (got := outcome.at(number)) != "holds":
            return none(
                f"a right parser and {data!r}: your law says {got}. It must hold for every input, "
                f"also for one that is refused or incomplete{show_input('law', data)}"
            )
    return full()


def check_law(fault: int, bench: Bench) -> Mark:
    """The law is broken by a parser that is silently wrong."""
    inputs = draw_law_inputs(bench)
    outcome = run(bench, [build_law(bench), "law", str(1 << fault)], inputs)
    if any(outcome.at(n) != "holds" for n in range(len(inputs))):
        return full()
    return none(
        f"a parser that is wrong about {BREAKING[fault]} keeps your law on all of "
        f"{len(inputs)} inputs; which relation between two calls would it break?"
    )


CASES = [
    *(corpus.case(hidden=True) for corpus in CORPORA),
    *(
        Case(f"found-{n}", 5, f"an input that shows fault {n} of 6", partial(check_found, n),
             "inputs", hidden=True)
        for n in PLANTED
    ),
    Case("law-quiet", 2, "your law holds on a right parser", check_quiet, "build", hidden=True),
    *(
        Case(f"law-{n}", 7, f"your law notices: {BREAKING[n]}", partial(check_law, n),
             "law-quiet", hidden=True)
        for n in BREAKING
    ),
]  # fmt: skip
