# SPDX-License-Identifier: MIT
"""The hidden tests: all rules at once on traces that nobody has seen, and the cost of an access."""

from __future__ import annotations

import re

from labs.cache.model import Hierarchy
from labs.cache.running import HANDOUT, Trial, find_difference
from labs.cache.traces import Config, Flavour, Shape, format_trace, make_trace
from labs.grader.bench import SANITIZED_LIMITS, Bench
from labs.grader.endings import explain_end
from labs.grader.marks import Case, Mark, linear, none

MIXED = Flavour(3000, fetches=25, stores=30, devices=4, crossing=True, regions=6)
LOOK = "every rule holds by itself in the public tests; which two meet here?"
TRIALS = (
    Trial("hidden.small", 5, "all kinds of events, small caches",
          Config(Shape(256, 1, 32), Shape(256, 2, 32), Shape(1024, 2, 32)), MIXED, LOOK),
    Trial("hidden.wide", 5, "many ways",
          Config(Shape(2048, 16, 32), Shape(2048, 16, 32), Shape(16384, 32, 64)), MIXED, LOOK),
    Trial("hidden.one-set", 5, "a single set in each cache",
          Config(Shape(512, 8, 64), Shape(512, 8, 64), Shape(2048, 16, 128)), MIXED, LOOK),
    Trial("hidden.below", 5, "an L2 smaller than L1",
          Config(Shape(2048, 2, 32), Shape(4096, 4, 32), Shape(1024, 2, 32)), MIXED, LOOK),
    Trial("hidden.plru", 5, "PLRU with holes that devices left",
          Config(Shape(512, 2, 32), Shape(512, 2, 32), Shape(4096, 8, 64), plru=True), MIXED, LOOK),
    Trial("hidden.banias", 5, "the caches of the project's machine",
          Config(Shape(32768, 8, 64), Shape(32768, 8, 64), Shape(1048576, 8, 64)),
          Flavour(6000, fetches=30, stores=25, devices=2, crossing=True, regions=40), LOOK),
)  # fmt: skip

STEPS_FULL, STEPS_ZERO = 120, 600
BUSY = Config(Shape(32768, 8, 64), Shape(32768, 8, 64), Shape(1048576, 8, 64))
BUSY_FLAVOUR = Flavour(20000, fetches=40, stores=20, regions=60, spread=8192)
SHUNNED = re.compile(rb"no_sanitize|__sanitizer|#\s*pragma|\basm\b|__asm|GCC\s+optimize")


def check_cost(bench: Bench) -> Mark:
    """Basic blocks of cache.c that one event takes, counted by the compiler's instrumentation."""
    if SHUNNED.search((bench.folder / "cache.c").read_bytes()):
        return none("cache.c has a pragma, assembly or an attribute that upsets the count of steps")
    for name in ("cache.h", "main.c"):
        bench.add(HANDOUT / name)
    bench.compile("cache.o", ("cache.c",), "-O0", "-c", "-fsanitize-coverage=trace-pc")
    program = bench.compile("counted", ("cache.o", "main.c"), "-O1")
    events = make_trace(bench.chance("cost"), BUSY_FLAVOUR)
    raw = bench.sandbox.run([program], stdin=format_trace(BUSY.format(), events),
                            limits=SANITIZED_LIMITS)  # fmt: skip
    *counts, last = raw.stdout.decode(errors="replace").splitlines() or [""]
    if not raw.ran or not re.fullmatch(r"steps \d+", last):
        return none(explain_end(raw, SANITIZED_LIMITS))
    if difference := find_difference(Hierarchy(BUSY).replay(events), counts):
        return none("the counts are wrong, so their cost does not matter yet: " + difference)
    each = int(last.split()[1]) / BUSY_FLAVOUR.events
    return linear(
        each, STEPS_FULL, STEPS_ZERO,
        f"{each:.0f} basic blocks an event; all points up to {STEPS_FULL}, none from "
        f"{STEPS_ZERO}",
        "Search one set, not all, and one line, not each byte",
    )  # fmt: skip


CASES = [
    *(trial.case(hidden=True) for trial in TRIALS),
    Case("hidden.cost", 10, "few steps for each event", check_cost, "build", hidden=True),
]
