# SPDX-License-Identifier: MIT
"""Lets a student's policy run the simulated server, and judges what came of it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from labs.grader.bench import Bench
from labs.grader.endings import Limits
from labs.grader.marks import Case, Mark, full, linear, none
from labs.grader.sandbox import SilenceError
from labs.overload.world import Costs, IllegalError, Load, World

HANDOUT = Path(__file__).with_name("handout")
LIMITS = Limits(cpu_s=15, wall_s=90.0)
WARM_MS = 500  # before which nothing counts
STABLE, LOST = 0.95, 0.5  # of the load that is offered
MOST_LOAD = 0.9
Judge = Callable[["Trial", World], Mark]


@dataclass(frozen=True)
class Trial:
    """A load on a server, and how its policy is judged."""

    name: str
    points: int
    title: str
    load: Load
    judge: Judge
    costs: Costs = field(default_factory=Costs)

    def case(self, *, hidden: bool = False) -> Case:
        """The test of it."""
        return Case(self.name, self.points, self.title, partial(check, self), "form", hidden)


def run_world(bench: Bench, load: Load, costs: Costs, purpose: str) -> World | str:
    """What the policy did; a text if it could not go on."""
    world = World(load, costs, bench.chance(purpose))
    bench.add(HANDOUT / "main.py")
    with bench.sandbox.converse(["python3", "-E", "-s", "main.py"], limits=LIMITS) as policy:

        def decide(view: str) -> tuple[int, int, int]:
            policy.say(view)
            words = policy.hear().split()
            if len(words) != 3 or not all(word.lstrip("-").isdecimal() for word in words):
                raise IllegalError("decide() must return three whole numbers; do not print")
            take, refuse, drop = map(int, words)
            return take, refuse, drop

        try:
            policy.say(f"{costs.receive_us} {costs.refuse_us} {costs.serve_us} {costs.timeout_ms}")
            world.run(decide)
        except SilenceError as error:
            return f"after {len(world.good)} ms your program stopped answering: {error}"
        except IllegalError as error:
            return f"after {len(world.good)} ms: {error}"
    return world


def check(trial: Trial, bench: Bench) -> Mark:
    """Run it and judge."""
    what = f"{trial.load} {trial.costs}"  # two tests may judge one run
    found = bench.once(what, lambda: run_world(bench, trial.load, trial.costs, what))
    return none(found) if isinstance(found, str) else trial.judge(trial, found)


def check_form(bench: Bench) -> Mark:
    """The policy answers."""
    found = run_world(bench, Load(0.1, 50), Costs(), "form")
    return none(found) if isinstance(found, str) else full()


def judge_light(trial: Trial, world: World) -> Mark:
    """A load below the peak is carried."""
    got = world.goodput(WARM_MS, trial.load.length_ms) / trial.load.rate
    return linear(
        got, 0.98, 0.8,
        f"{100 * got:.1f} % of the requests are answered in time; all points from 98 %, none up to "
        "80 %",
        "There is time for all of them: refuse and drop none",
    )  # fmt: skip


def judge_goodput(full_at: float, zero_at: float) -> Judge:
    """Replies in time beyond the peak, of the peak."""

    def judge(trial: Trial, world: World) -> Mark:
        got = world.goodput(WARM_MS, trial.load.length_ms)
        return linear(
            got, full_at, zero_at,
            f"goodput is {got:.2f} of the peak at {trial.load.rate:g} times the peak load; all "
            f"points from {full_at}, none up to {zero_at}",
            "Where does the processor's time go: into packets that are never served, or into "
            "requests whose client has gone?",
        )  # fmt: skip

    return judge


def judge_recovery(_trial: Trial, world: World) -> Mark:
    """How long it takes until new requests are answered again."""
    took = world.recovery_ms()
    if took is None:
        return none(
            "to the very end, fewer than 90 % of the new requests are answered in time. Whom do "
            "you serve after the spike: does the client of the oldest request still wait?"
        )
    return linear(
        took, 1000, 2500,
        f"{took} ms after the spike 90 % of the new requests are answered in time again; all "
        "points up to 1000, none from 2500",
        "How old are the requests that are served meanwhile?",
    )  # fmt: skip


def judge_latency(trial: Trial, world: World) -> Mark:
    """The tail, for those who are answered; there must be enough of them."""
    got, tail = world.goodput(WARM_MS, trial.load.length_ms), world.p99_ms()
    if got < LOST:
        return none(
            f"goodput is {got:.2f} of the peak; below {LOST} the tail says nothing: mend the "
            "goodput at this load first"
        )
    return linear(
        tail, 120, 400,
        f"99 % of the replies come within {tail} ms of the first attempt; all points up to 120, "
        "none from 400",
        "A client that hears nothing asks again; one that is refused goes away",
    )  # fmt: skip


def take_all(view: str) -> tuple[int, int, int]:
    """The server as it is handed out."""
    return int(view.split()[1]), 0, 0


def check_trigger(bench: Bench) -> Mark:
    """The load alone is carried; the spike is never recovered from; it is not absurdly large."""
    try:
        data = tomllib.loads((bench.folder / "trigger.toml").read_text())
        rate, spike = float(data["load"]), int(data["spike"])
    except (KeyError, TypeError, ValueError) as error:
        return none(f"trigger.toml: {error}; write load and spike as numbers")
    if not 0.1 <= rate <= MOST_LOAD or not 1 <= spike <= 20_000:
        return none(f"trigger.toml: load must lie in 0.1 to {MOST_LOAD}, spike in 1 to 20000")
    calm = World(Load(rate, 3000), Costs(), bench.chance("trigger"))
    calm.run(take_all)
    if (got := calm.goodput(WARM_MS, 3000) / rate) < STABLE:
        return none(
            f"trigger.toml: without a spike only {100 * got:.0f} % are answered; choose a lower "
            "load"
        )
    hit = World(Load(rate, 6000, spike), Costs(), bench.chance("trigger"))
    hit.run(take_all)
    if (got := hit.goodput(5000, 6000) / rate) > LOST:
        return none(
            f"four seconds after the spike {100 * got:.0f} % are answered: it has recovered, or "
            "nearly so. A larger spike, or a load nearer to the peak?"
        )
    return linear(
        spike, 1200, 5000,
        f"metastable: the load alone is carried, and four seconds after a spike of {spike} "
        f"requests {100 * got:.0f} % are answered. All points with a spike up to 1200, none from "
        "5000",
        "How long must the queue be so that everybody in it has given up?",
    )  # fmt: skip
