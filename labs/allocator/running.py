# SPDX-License-Identifier: MIT
"""Drives a student's allocator and judges what it answers, by a model outside of its process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from labs.allocator.plans import Plan, Recipe, make_plan
from labs.allocator.proof import Slots, find_violation
from labs.grader.bench import SANITIZED_LIMITS, SANITIZERS, Bench
from labs.grader.chance import PUBLISHED_SECRET, Chance
from labs.grader.endings import explain_end
from labs.grader.marks import Case, Mark, full, linear, none

HANDOUT = Path(__file__).with_name("handout")
NONE = 0xFFFFFFFF  # UINT32_MAX
WORTH_IT = 1.1  # of the lines that a request must take: full points
WASTE = 2.0  # no points
CALLS_TOLD = 6  # before the one that went wrong


class WrongError(Exception):
    """An answer is wrong; the message says which and why."""


@dataclass(frozen=True)
class Trial:
    """A plan and what is asked of it."""

    name: str
    recipe: Recipe
    operations: int = 4000
    hidden: bool = False

    def make(self, secret: str) -> Plan:
        """The plan as a secret decides it."""
        return make_plan(Chance(secret, f"plan {self.name}"), self.recipe)

    def cases(self, proof: int, random: int, query: int, room: int) -> list[Case]:
        """The four tests of a plan with their points."""
        parts = (
            ("proof", proof, "every line of every slot has a way of its own", check_proof, "build"),
            ("random", random, "random calls under AddressSanitizer", check_random, "proof"),
            ("query", query, "the query is exact", check_query, "random"),
            ("room", room, "few bytes are wasted", check_room, "proof"),
        )
        return [
            Case(
                f"{self.name}.{part}", points, title, partial(check, self),
                parent if parent == "build" else f"{self.name}.{parent}", self.hidden,
            )
            for part, points, title, check, parent in parts
        ]  # fmt: skip


def build(bench: Bench) -> str:
    """The driver with the student's allocator, under the sanitizers."""

    def make() -> str:
        for name in ("allocator.h", "driver.c"):
            bench.add(HANDOUT / name)
        return bench.compile("driver", ("allocator.c", "driver.c"), *SANITIZERS, "-O1")

    return bench.once("driver", make)


def drive(bench: Bench, plan: Plan, calls: list[str]) -> list[int]:
    """The answer to each call; WrongError if the program does not answer them all."""
    text = "\n".join([plan.format(), *calls]) + "\n"
    raw = bench.sandbox.run([build(bench)], stdin=text.encode(), limits=SANITIZED_LIMITS)
    lines = raw.stdout.decode(errors="replace").splitlines()
    if not raw.ran:
        call = f" in call {len(lines)} ({calls[len(lines)]})" if len(lines) < len(calls) else ""
        raise WrongError(explain_end(raw, SANITIZED_LIMITS) + call)
    if len(lines) != len(calls):
        raise WrongError(f"{len(lines)} lines for {len(calls)} calls: do not print yourself")
    try:
        return [int(line) for line in lines]
    except ValueError:
        raise WrongError(
            "a line is not a number: allocation failed, or you print yourself"
        ) from None


def check_build(bench: Bench) -> Mark:
    """It compiles."""
    build(bench)
    return full()


def find_slots(bench: Bench, trial: Trial) -> Slots:
    """All slots, found by allocating objects of each kind until the slab can hold no more."""
    return bench.once(f"slots {trial.name}", lambda: _find_slots(bench, trial.make(bench.secret)))


def _find_slots(bench: Bench, plan: Plan) -> Slots:
    enough = len(plan.frames) * 4096 // plan.line_bytes
    most = [enough // plan.lines(kind) + 1 for kind in range(len(plan.bytes))]
    calls = [f"a {kind}" for kind, count in enumerate(most) for _ in range(count)]
    answers = iter(drive(bench, plan, calls))
    offsets = []
    for kind, count in enumerate(most):
        given = [next(answers) for _ in range(count)]
        inside = [offset for offset in given if offset != -1]
        if -1 in given[: len(inside)]:
            raise WrongError(f"kind {kind} spilled, and then was given a slot of the slab again")
        offsets.append(tuple(inside))
    return Slots(tuple(offsets))


def check_proof(trial: Trial, bench: Bench) -> Mark:
    """Exhaustive: all slots together, each of their lines."""
    plan = trial.make(bench.secret)
    try:
        slots = find_slots(bench, trial)
    except WrongError as error:
        return none(str(error))
    for kind in range(len(plan.bytes)):
        if slots.count(kind) == 0:
            return none(
                f"kind {kind} ({plan.bytes[kind]} bytes) has no slot in the slab at all: -1 is "
                f"outside{_try(bench, trial, kind)}"
            )
    violation = find_violation(plan, slots)
    return none(violation + describe(bench, plan)) if violation else full()


def _try(bench: Bench, trial: Trial, kind: int) -> str:
    if bench.secret != PUBLISHED_SECRET or trial.hidden:
        return ""
    return f"\ntry: make && (cat plans/{trial.name}.txt; echo a {kind}) | ./driver"


def describe(bench: Bench, plan: Plan) -> str:
    """The plan in words, for the public tests."""
    if bench.secret != PUBLISHED_SECRET:
        return ""
    return (
        f"\nplan: {plan.sets} sets of {plan.line_bytes} bytes a line, {plan.ways_used} ways, "
        f"{plan.colours} colours; kinds of {', '.join(map(str, plan.bytes))} bytes"
    )


def check_random(trial: Trial, bench: Bench) -> Mark:
    """Random allocations and releases: the slab is used while there is room, nothing overlaps."""
    return _replay(trial, bench, queries=False)


def check_query(trial: Trial, bench: Bench) -> Mark:
    """The query never says yes beyond the free slots, and never no while there are some."""
    return _replay(trial, bench, queries=True)


def _replay(trial: Trial, bench: Bench, *, queries: bool) -> Mark:
    plan = trial.make(bench.secret)
    try:
        Replay(plan, find_slots(bench, trial)).run(bench, trial, queries=queries)
    except WrongError as error:
        return none(f"{error}{describe(bench, plan)}")
    return full()


def check_room(trial: Trial, bench: Bench) -> Mark:
    """Lines of the slab for each request that fits, beside what a request must take."""
    plan = trial.make(bench.secret)
    requests = find_slots(bench, trial).requests(plan)
    if requests == 0:
        return none("not one whole request fits into the slab")
    ratio = plan.usable_lines / requests / plan.request_lines
    best = plan.usable_lines // plan.request_lines
    return linear(
        ratio, WORTH_IT, WASTE,
        f"{requests} requests fit, at most {best} could; all points up to {WORTH_IT} times the "
        f"lines that a request must take, none from {WASTE:g} times, here {ratio:.2f}",
        "Divide the slots as requests need them",
    )  # fmt: skip


class Replay:
    """The model: which slots are free, which objects live where."""

    def __init__(self, plan: Plan, slots: Slots):
        self.plan = plan
        self.slots = [set(offsets) for offsets in slots.offsets]
        self.free = [len(offsets) for offsets in slots.offsets]
        self.taken: set[tuple[int, int]] = set()  # kind, offset

    def run(self, bench: Bench, trial: Trial, *, queries: bool) -> None:
        """Make random calls and hold the answers to the model; WrongError at the first."""
        chance = bench.chance(f"calls {trial.name} {queries}")
        calls = self._draw(chance, trial.operations, queries=queries)
        answers = drive(bench, self.plan, calls)
        objects: list[tuple[int, int]] = []
        for number, (call, answer) in enumerate(zip(calls, answers, strict=True)):
            verb, value = call.split()
            try:
                if verb == "a":
                    self._allocated(number, int(value), answer)
                    objects.append((int(value), answer))
                elif verb == "f":
                    self._freed(number, objects[int(value)], answer)
                else:
                    self._asked(number, int(value), answer)
            except WrongError as error:
                before = ", ".join(calls[max(0, number - CALLS_TOLD) : number]) or "none"
                raise WrongError(f"{error}\nthe calls before it: {before}") from None

    def _draw(self, chance: Chance, count: int, *, queries: bool) -> list[str]:
        """Phases that fill and empty the slab, past its brim."""
        live: list[int] = []
        calls, made = [], 0
        filling = True
        brim = sum(self.free) * 5 // 4 + 2
        for _ in range(count):
            if queries and chance.chance(1, 3):
                calls.append(f"q {chance.below(len(self.plan.needs))}")
            elif live and not chance.chance(3 if filling else 1, 4):
                place = chance.below(len(live))
                live[place], live[-1] = live[-1], live[place]
                calls.append(f"f {live.pop()}")
            else:
                calls.append(f"a {chance.below(len(self.plan.bytes))}")
                live.append(made)
                made += 1
            if len(live) >= brim:
                filling = False
            elif not live:
                filling = True
        return calls

    def _allocated(self, number: int, kind: int, offset: int) -> None:
        where = f"call {number}, a {kind}"
        if offset == -1:
            if self.free[kind]:
                raise WrongError(f"{where}: it spilled, though {self.free[kind]} slots are free")
            return
        if offset not in self.slots[kind]:
            raise WrongError(f"{where}: offset {offset} is not a slot of this kind")
        if (kind, offset) in self.taken:
            raise WrongError(f"{where}: the slot at offset {offset} is taken already")
        self.taken.add((kind, offset))
        self.free[kind] -= 1

    def _freed(self, number: int, what: tuple[int, int], changed: int) -> None:
        if changed:
            raise WrongError(f"call {number}, f: someone else wrote into the object (kind, offset "
                             f"{what})")  # fmt: skip
        if what[1] != -1:
            self.taken.discard(what)
            self.free[what[0]] += 1

    def _asked(self, number: int, stage: int, answer: int) -> None:
        needs = self.plan.needs[stage]
        expected = min((self.free[k] // n for k, n in enumerate(needs) if n), default=NONE)
        if answer != expected:
            raise WrongError(
                f"call {number}, q {stage}: {answer}, expected {expected} (free slots "
                f"{self.free}, the stage needs {list(needs)})"
            )
