# SPDX-License-Identifier: MIT
"""The hidden tests: the student's own server, and what the annotations find in its next release."""

from __future__ import annotations

from functools import partial

from labs.grader.bench import Bench
from labs.grader.marks import Case, Mark, linear, none
from labs.stages.judging import (
    ALL_RIGHT,
    NOT_ENOUGH,
    OWN,
    count_kinds,
    find_next_release,
    find_server,
    make_cases,
    measure_f1,
)
from labs.stages.paths import Truth
from labs.stages.public import find_result
from labs.stages.walking import find_edges, find_live

NEXT = "next release"


def find_truth(name: str, bench: Bench) -> Truth:
    """What is true of the server."""
    if name == OWN:
        return find_server(OWN, bench.secret, bench.seed).find_truth()
    return find_next_release(bench.secret, bench.seed).find_truth()


def check_edges(name: str, bench: Bench) -> Mark:
    """The edges that a tool can find: the true ones, and those that it cannot rule out."""
    found, truth = find_result(name, bench), find_truth(name, bench)
    if isinstance(found, str):
        return none(f"{name}: {found}")
    edges, true = find_edges(found), truth.edges | truth.impossible
    return linear(
        measure_f1(edges, true), ALL_RIGHT, NOT_ENOUGH,
        f"{name}: with your annotations memwalk misses {count_kinds(true - edges)}, and reports "
        f"{count_kinds(edges - true)} that it would not with the right ones",
        "Which function that gives a stage, or waits, is not named, or has its arguments in "
        "another order?",
    )  # fmt: skip


def check_objects(name: str, bench: Bench) -> Mark:
    """The objects, their sizes, and where they live."""
    found, truth = find_result(name, bench), find_truth(name, bench)
    if isinstance(found, str):
        return none(f"{name}: {found}")
    true = {(thing, stage) for thing, stages in truth.live.items() for stage in stages}
    sizes = {(o.type.removeprefix("struct "), o.size.bytes) for o in found.objects}
    wrong = set(truth.bytes.items()) - sizes
    return linear(
        measure_f1(find_live(found) | sizes, true | set(truth.bytes.items())),
        ALL_RIGHT, NOT_ENOUGH,
        f"{name}: {len(truth.bytes) - len(wrong)} of {len(truth.bytes)} objects are found with "
        "their size",
        "The others, or where memwalk has them live, are wrong: is every function named that gives "
        "or takes back memory, the request itself included?",
    )  # fmt: skip


CASES = [
    *make_cases(
        OWN, {"edges": 24, "live": 12, "bytes": 5, "peak": 7, "impossible": 8}, hidden=True
    ),
    *(
        Case(f"tool.{short}.{part}", points, f"by tool, {title}: {part}", partial(check, name),
             "tool.takes", hidden=True)
        for short, name, title in (("server", OWN, "your server"), ("next", NEXT, f"its {NEXT}"))
        for part, points, check in (("edges", 7, check_edges), ("objects", 5, check_objects))
    ),
]  # fmt: skip
