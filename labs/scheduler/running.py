# SPDX-License-Identifier: MIT
"""Lets a student's policy run a simulated server, and judges what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from labs.grader.bench import SANITIZERS, Bench
from labs.grader.endings import Limits
from labs.grader.marks import Case, Mark, full, linear, none
from labs.grader.sandbox import SilenceError
from labs.scheduler.world import IllegalError, Recipe, Tally, World

HANDOUT = Path(__file__).with_name("handout")
LIMITS = Limits(cpu_s=20, wall_s=120.0, memory_bytes=None)
FEW, MANY = 0.8, 3.0  # changes of stage for each request: all points, none
MOST_VISITS = 40  # for each request; more is no progress


Check = Callable[["Trial", Tally], Mark]


@dataclass(frozen=True)
class Trial:
    """One world and its four tests."""

    name: str
    title: str
    recipe: Recipe
    hidden: bool = False

    def cases(self) -> list[Case]:
        """All points of a world: 24."""
        serves = f"{self.name}.serves"
        return [
            self._case("serves", 4, "every connection is served", check_serves, "build"),
            self._case("wait", 7, "no request waits too long", check_wait, serves),
            self._case("memory", 6, "what is alive stays in the slab", check_memory, serves),
            self._case("switches", 7, "few changes of stage", check_switches, serves),
        ]

    def _case(self, part: str, points: int, title: str, check: Check, parent: str) -> Case:
        return Case(
            f"{self.name}.{part}",
            points,
            f"{self.title}: {title}",
            partial(_judge, self, check),
            parent,
            self.hidden,
        )


def build(bench: Bench) -> str:
    """The policy as a program."""

    def make() -> str:
        for name in ("policy.h", "main.c"):
            bench.add(HANDOUT / name)
        return bench.compile("policy", ("policy.c", "main.c"), *SANITIZERS, "-O1")

    return bench.once("policy", make)


def check_build(bench: Bench) -> Mark:
    """It compiles."""
    build(bench)
    return full()


def run_world(bench: Bench, trial: Trial) -> Tally | str:
    """What the policy did in a world; a text if it could not go on."""
    world = World(trial.recipe, bench.chance(trial.name))
    most = MOST_VISITS * trial.recipe.connections
    with bench.sandbox.converse([build(bench)], limits=LIMITS) as policy:
        try:
            policy.say(f"{trial.recipe.stages} {trial.recipe.patience}")
            while not world.over and world.tally.visits < most:
                view = world.describe()
                policy.say(view)
                answer = policy.hear()
                _take(world, answer)
        except SilenceError as error:
            return f"after {world.tally.visits} visits your program stopped answering: {error}"
        except IllegalError as error:
            return f"turn {world.turn}: {error}{show_view(trial.recipe, world.describe())}"
    if not world.over:
        served = f"{most} visits, and {world.tally.finished} requests are served: no progress"
        return served + show_view(trial.recipe, world.describe())
    return world.tally


def _take(world: World, answer: str) -> None:
    words = answer.split()
    if len(words) != 2 or not all(word.isdecimal() for word in words):
        raise IllegalError(f"{answer[:60]!r} is not an answer: do not print yourself")
    world.take(int(words[0]), int(words[1]))


def show_view(recipe: Recipe, view: str) -> str:
    """What the policy saw, and how to show it that again."""
    return (
        f"\nthe view was: {view}"
        f"\ntry: (echo {recipe.stages} {recipe.patience}; echo {view}) | ./policy"
    )


def _judge(trial: Trial, check: Check, bench: Bench) -> Mark:
    found = bench.once(f"tally {trial.name}", lambda: run_world(bench, trial))
    if isinstance(found, str):
        return none(found)
    return check(trial, found)


def check_serves(_trial: Trial, tally: Tally) -> Mark:
    """That it came to the end."""
    return full(f"{tally.finished} requests served")


def check_wait(trial: Trial, tally: Tally) -> Mark:
    """No wait beyond the bound."""
    if not tally.late:
        return full()
    return none(
        f"{tally.late} (patience {trial.recipe.patience} + a visit of 64 + those queued no later + "
        "1). Once a request is overdue, the longest waiting one goes first, whatever its stage"
    )


def check_memory(trial: Trial, tally: Tally) -> Mark:
    """Nothing outside of the slab."""
    if not tally.spilled:
        return full()
    recipe = trial.recipe
    return linear(
        tally.spilled, 0, 0.2 * recipe.connections,
        f"{tally.spilled} objects did not fit; up to {tally.most_alive} requests were alive, there "
        f"is room for {recipe.structures} of them and {recipe.buffers} buffers",
        "Do not visit a stage for more turns than it has room for",
    )  # fmt: skip


def check_switches(_trial: Trial, tally: Tally) -> Mark:
    """Changes of stage for each request."""
    each = tally.switches / tally.finished
    return linear(
        each, FEW, MANY,
        f"{each:.2f} changes of stage for each request; all points up to {FEW}, none from {MANY}",
        "Each change fetches another stage's code: stay while others wait there",
    )  # fmt: skip
