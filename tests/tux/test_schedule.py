# SPDX-License-Identifier: MIT
"""The scheduler against a model made from its description: who is next, and how long one waits."""

from __future__ import annotations

import random
import re
import shutil
import statistics
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ground import process
from ground.paths import PROJECT

TUX = PROJECT / "src" / "tux"
HARNESS = Path(__file__).with_name("schedule_harness.c")
FLAGS = (
    *("-std=gnu11", "-g", "-O1", "-Wall", "-Wno-unused-parameter", "-pthread"),
    *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
)
STAGES = (
    *("accept", "parse", "process", "redirect", "send_abuf", "post_header", "send_body"),
    *("flush", "linger"),
)
ACCEPT, PARSE, FLUSH = STAGES.index("accept"), STAGES.index("parse"), STAGES.index("flush")
VISIT = 64  # the default of visit_limit (schedule.c)
FINISH = 36  # that of finish_limit
CREDITS = 1024  # that of stage_credits
UNLIMITED = 2**32 - 1


def build(tux: Path, place: Path) -> Path:
    """The harness with the scheduler of the sources ``tux``."""
    program = place / "harness"
    sources = [HARNESS, tux / "schedule.c", tux / "user" / "kernel.c"]
    process.run(["clang", *FLAGS, f"-I{tux}", *sources, "-o", program], cwd=place)
    return program


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scheduler as it is."""
    return build(TUX, tmp_path_factory.mktemp("schedule"))


def play(program: Path, script: list[str], *parameters: str) -> list[str]:
    """What the scheduler says to ``script``."""
    text = "".join(f"{line}\n" for line in script).encode()
    return process.run([program, *parameters], stdin=text, timeout_s=60).stdout.splitlines()


@dataclass
class Waiting:
    """A runnable request: since which turn, and how many were queued no later."""

    name: int
    stage: int
    since: int
    before: int


@dataclass
class Model:
    """The policies `cohort` and `stingy` as README.md and schedule.c describe them."""

    policy: str
    patience: int
    visit: int = VISIT
    finish: int = FINISH
    credits: int = CREDITS
    queue: list[Waiting] = field(default_factory=list)
    backlog: int = 0
    room: list[int] = field(default_factory=lambda: [UNLIMITED] * len(STAGES))
    complete: set[int] = field(default_factory=set)
    turns: int = 0
    accepted_at: int = 0
    cohort: tuple[int, int] = (0, 0)
    credit: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(FLUSH), 0))
    longest: int = 0
    overdue: int = 0
    short: int = 0

    @property
    def longest_visit(self) -> int:
        """Turns at most; `stingy` has no limit for accept but its credits of a round."""
        accept = self.credits * FLUSH if self.policy == "stingy" else 0
        return max(self.visit, accept)

    def add(self, name: int, stage: int) -> None:
        """A request becomes runnable."""
        for other in self.queue:
            other.before += other.since == self.turns
        self.queue.append(Waiting(name, stage, self.turns, len(self.queue)))

    def count(self, stage: int) -> int:
        """Requests at a stage."""
        return sum(request.stage == stage for request in self.queue)

    def choose(self) -> tuple[int, int]:
        """The stage of the next visit and its turns; (0, 0) for none."""
        since = {ACCEPT: self.accepted_at} if self.backlog else {}
        if not self.backlog:
            self.accepted_at = self.turns
        for request in reversed(self.queue):
            since[request.stage] = request.since
        if not since:
            return 0, 0
        first = min(since.values())
        if self.turns - first > self.patience:
            self.overdue += 1
            return max(stage for stage, turn in since.items() if turn == first), 1
        if self.policy == "cohort":
            return self._choose_cohort(sorted(since))
        return self._choose_by_memory(sorted(since))

    def _choose_cohort(self, stages: list[int]) -> tuple[int, int]:
        stage, left = self.cohort
        if not left or stage not in stages:
            stage = next((s for s in stages if s > stage), stages[0])
            left = self.count(stage) if stage != ACCEPT else UNLIMITED
            self.cohort = stage, left
        return stage, min(left, self.visit)

    def _choose_by_memory(self, stages: list[int]) -> tuple[int, int]:
        if (latest := stages[-1]) in self.complete:
            return latest, min(self.visit, self.finish, self.count(latest))
        fitting = [stage for stage in stages if self.room[stage]]
        if not fitting:
            self.short += 1
            return stages[-1], 1
        if not any(self.credit.get(stage, 0) for stage in fitting):
            self.credit = {stage: self.credits * (FLUSH - stage) for stage in range(FLUSH)}
        able = [stage for stage in fitting if self.credit.get(stage, 0)]
        if (
            not able
        ):  # a stage behind the end has no credit, and is no better off than one that waits
            self.short += 1
            return stages[-1], 1
        stage = next((s for s in able if s > self.cohort[0]), able[0])
        self.cohort = stage, 0
        limit = UNLIMITED if stage == ACCEPT else min(self.visit, self.count(stage))
        return stage, min(self.room[stage], self.credit[stage], limit)

    def elect(self, stage: int) -> Waiting | None:
        """The request whose turn it is at a stage."""
        for request in self.queue:
            if request.stage == stage:
                self.queue.remove(request)
                self.longest = max(self.longest, self.turns - request.since)
                self.turns += 1
                return request
        return None

    def end(self, stage: int, turns: int) -> None:
        """A visit is over."""
        if stage == ACCEPT:
            self.accepted_at = self.turns
        if stage in self.credit:
            self.credit[stage] = max(0, self.credit[stage] - max(turns, 1))
        if stage == self.cohort[0]:
            left = self.cohort[1]
            self.cohort = stage, max(0, left - turns) if turns else 0


@dataclass
class Load:
    """A server's life, made of a seed: who comes, what is short, where requests go."""

    model: Model
    rng: random.Random
    script: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    names: int = 0

    def tell(self, line: str, answer: str | None = None) -> None:
        """A step, and what the scheduler must say to it."""
        self.script.append(line)
        if answer is not None:
            self.expected.append(answer)

    def add(self, stage: int) -> None:
        """A request comes from outside: woken, or accepted."""
        self.names += 1
        self.tell(f"q {self.names} {stage}")
        self.model.add(self.names, stage)

    def change_memory(self) -> None:
        """The allocator's answer for a stage changes."""
        stage = self.rng.randrange(len(STAGES))
        self.model.room[stage] = self.rng.choice((0, 0, 1, 3, 100, UNLIMITED))
        self.tell(f"r {stage} {self.model.room[stage]}")

    def arrive(self) -> None:
        """Something happens between two visits."""
        if self.rng.random() < 0.5:
            self.change_memory()
        for _ in range(self.rng.choice((0, 0, 0, 1, 2, 40))):
            self.add(self.rng.randrange(PARSE, len(STAGES)))
        if self.rng.random() < 0.2:
            self.model.backlog += self.rng.choice((1, 5, 100))
            self.tell(f"b {self.model.backlog}")

    def run_request(self, request: Waiting) -> None:
        """A request runs: it goes on to some stage, or is gone or waits."""
        model = self.model
        wait = model.turns - 1 - request.since
        assert wait <= model.patience + model.longest_visit + request.before + 1
        if len(model.queue) < 300 and self.rng.random() < 0.9:
            stage = max(PARSE, min(len(STAGES) - 1, request.stage + self.rng.choice((0, 1, 1))))
            self.tell(f"q {request.name} {stage}")
            model.add(request.name, stage)

    def accept(self, limit: int) -> int:
        """Connections become requests. Return: how many."""
        count = min(limit, self.model.backlog, self.rng.choice((0, 1, 64, 64)))
        for _ in range(count):
            self.model.backlog -= 1
            self.model.turns += 1
            self.tell("a")
            self.add(PARSE)
        return count

    def visit(self) -> None:
        """One pass of the event loop."""
        stage, turns = self.model.choose()
        self.tell("c", f"{stage if turns else 0} {turns}")
        if not turns:
            return
        done = 0
        if stage == ACCEPT:
            done = self.accept(turns)
        else:
            while done < turns and (request := self.model.elect(stage)):
                self.tell("e", str(request.name))
                self.run_request(request)
                done += 1
            if done < turns:
                self.tell("e", "-1")
        self.tell(f"d {done}")
        self.model.end(stage, done)


def make_load(model: Model, seed: int, visits: int = 120) -> Load:
    """A random life of a server."""
    rng = random.Random(seed)
    load = Load(model, rng)
    load.model.complete = {s for s in range(4, len(STAGES)) if rng.random() < 0.8}
    load.model.room[:] = [0] * len(STAGES)
    for stage in load.model.complete:
        load.tell(f"h {stage} 1")
    for _ in range(visits):
        if rng.random() < 0.4:
            load.arrive()
        load.visit()
    load.tell("s", f"{model.turns} {model.longest} {model.overdue} {model.short}")
    return load


MODELS = st.builds(
    Model,
    policy=st.sampled_from(("cohort", "stingy")),
    patience=st.sampled_from((1, 2, 7, 50, 300, 2**31 - 1)),
    visit=st.sampled_from((1, 3, 8, VISIT, 65536)),
    finish=st.sampled_from((1, 3, FINISH, 65536)),
    credits=st.sampled_from((1, 8, CREDITS, 65536)),
)


def name_parameters(model: Model) -> list[str]:
    """The module's parameters that make it the model's."""
    return [
        *(f"policy={model.policy}", f"patience={model.patience}"),
        *(f"visit_limit={model.visit}", f"finish_limit={model.finish}"),
        f"stage_credits={model.credits}",
    ]


@settings(
    max_examples=150, derandomize=True, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(model=MODELS, seed=st.integers(0, 2**32))
def test_order_and_waiting(harness: Path, model: Model, seed: int) -> None:
    """The scheduler says what the model says, and no request waits beyond the bound."""
    load = make_load(model, seed)
    event(f"overdue: {load.model.overdue > 0}, short: {load.model.short > 0}")
    assert play(harness, load.script, *name_parameters(model)) == load.expected


def test_the_defaults_are_what_readme_says(harness: Path) -> None:
    """Of the parameters that are not given."""
    text = (TUX / "README.md").read_text()
    names = ("patience", "visit_limit", "finish_limit", "stage_credits")
    rows = re.findall(rf"^\| `({'|'.join(names)})` \| (\d+) \|", text, re.M)
    defaults = {name: int(n) for name, n in rows}
    assert defaults.keys() == {*names}
    assert [defaults[name] for name in names[1:]] == [VISIT, FINISH, CREDITS]
    for seed in range(20):
        model = Model("stingy", defaults["patience"])
        load = make_load(model, seed, visits=400)
        assert play(harness, load.script, "policy=stingy") == load.expected


WAY = [PARSE, STAGES.index("process"), *(STAGES.index(n) for n in ("send_abuf", "post_header"))]
WAY += [STAGES.index("send_body"), FLUSH]
PAUSE = (30, 90)  # turns between a reply and the client's next connection


def make_closed_loop(model: Model, clients: int, visits: int = 600) -> tuple[Load, list[int]]:
    """A closed loop of clients whose requests all fit, as far as the scheduler can see it.
    Returns it with the turns from each connection to its reply, in the order of the replies."""
    load = Load(model, random.Random(0))
    model.complete = set(WAY[2:])
    for stage in model.complete:
        load.tell(f"h {stage} 1")
    for stage in range(len(STAGES)):
        load.tell(f"r {stage} {UNLIMITED}")
    coming, waiting = [0] * clients, deque[int]()
    came: dict[int, int] = {}
    turns: list[int] = []
    order: list[int] = []
    for _ in range(visits):
        while coming and coming[0] <= model.turns:
            waiting.append(heappop(coming))
        model.backlog = len(waiting)
        load.tell(f"b {model.backlog}")
        stage, limit = model.choose()
        load.tell("c", f"{stage if limit else 0} {limit}")
        done = 0
        while done < limit and (stage == ACCEPT) and waiting:
            since = waiting.popleft()
            model.backlog -= 1
            model.turns += 1
            load.tell("a")
            load.add(PARSE)
            came[load.names] = since
            done += 1
        while done < limit and (request := model.elect(stage)):
            load.tell("e", str(request.name))
            if stage == FLUSH:
                turns.append(model.turns - came[request.name])
                order.append(request.name)
                heappush(coming, model.turns + load.rng.randrange(*PAUSE))
            else:
                following = WAY[WAY.index(stage) + 1]
                load.tell(f"q {request.name} {following}")
                model.add(request.name, following)
            done += 1
        load.tell(f"d {done}")
        model.end(stage, done)
        if not limit:  # the server idles until the next one comes
            coming = [turn - coming[0] + model.turns for turn in coming]
    assert order == sorted(order), "somebody was overtaken"
    return load, turns


def test_all_wait_about_as_long(harness: Path) -> None:
    """Forty clients: where a visit takes all of them, one waits about as long as the other; in
    smaller batches some wait for one batch more.  Who came first is answered first in either."""
    worst = {}
    for visit in (16, VISIT):
        model = Model("stingy", patience=4096, visit=visit)
        load, turns = make_closed_loop(model, clients=40, visits=8000 // visit)
        assert play(harness, load.script, *name_parameters(model)) == load.expected
        assert max(turns) <= (40 + visit) * (1 + len(WAY))
        steady = sorted(turns[len(turns) // 3 :])
        worst[visit] = steady[-1] / statistics.median(steady)
    assert worst[VISIT] < 1.25 < worst[16], worst


MUTANTS = {
    "no bound": (r"wait > patience", "wait > INT_MAX"),
    "memory is ignored": (r"if \(!room\)\n\t\t\tcontinue;", "if (!room) room = 1;"),
    "late stages first": (
        r"__ffs\(later \? : mask\)", "__fls(later ? : mask)"),
    "the first stage again": (
        r"schedule->stage = visit.stage;", ""),
    "complete requests wait": (r"if \(tux_holds_all\(latest\)\)", "if (0)"),
    "portions without end": (r"min\(turns, finish_limit\)", "turns"),
    "those left over go last": (
        r"list_splice_init\(&schedule->batch, ", "list_splice_tail_init(&schedule->batch, "),
    "those left over are new": (
        r"schedule->since\[stage\], first->queued", "schedule->since[stage], schedule->turns"),
    "a cohort without end": (r"min\(schedule->left, turns\)", "0"),
    "visits without end": (r"waiting : min\(waiting, visit_limit\)", "waiting : waiting"),
    "short visits to accept": (r"\? waiting : min\(", "? min(waiting, visit_limit) : min("),
    "visits without end, cohort": (
        r"min\(schedule->left, visit_limit\)", "schedule->left"),
    "the same credits for all": (
        r"stage_credits \* \(TUX_STAGE_flush - stage\)", "stage_credits"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_found(name: str, tmp_path: Path) -> None:
    """The comparison is not blind."""
    shutil.copytree(TUX, tmp_path / "tux")
    path = tmp_path / "tux" / "schedule.c"
    text, count = re.subn(*MUTANTS[name], path.read_text())
    assert count == 1, "the mutant no longer fits the source: adapt it"
    path.write_text(text)
    program = build(tmp_path / "tux", tmp_path)
    for policy in ("cohort", "stingy"):
        for seed in range(20):
            model = Model(policy, patience=20 if seed % 2 else 1000, visit=8, finish=3)
            load = make_load(model, seed)
            if play(program, load.script, *name_parameters(model)) != load.expected:
                return
    pytest.fail("nobody noticed")


def find_wait(harness: Path, patience: int) -> int | None:
    """How many turns a request at parse waits for memory, while others always have some."""
    script = ["h 6 1", "r 1 0", *(f"q {n} 6" for n in range(1, 11)), "q 99 1"]
    script += ["c", *(line for n in range(1, 11) for line in ("e", f"q {n} 6")), "d 10"] * 40
    said = play(harness, script, "policy=stingy", f"patience={patience}")
    elected = [line for line in said if " " not in line]
    return elected.index("99") if "99" in elected else None


def test_short_of_memory_is_not_for_ever(harness: Path) -> None:
    wait = find_wait(harness, 100)
    assert wait is not None
    assert 100 < wait <= 100 + VISIT + 10 + 1
    assert find_wait(harness, 10**6) is None, "a bound that does not bind here shows nothing"


@pytest.mark.parametrize("policy", ["fifo", "bounded-accept", "multi-accept"])
def test_one_queue(harness: Path, policy: str) -> None:
    """First in, first out, whatever the stage."""
    script = ["q 1 6", "q 2 1", "q 3 7", "l", "q 1 1", "l", "l", "l", "l", "s"]
    said = play(harness, script, f"policy={policy}")
    assert said == ["1", "2", "3", "1", "-1", "4 2 0 0"]


@pytest.mark.parametrize(
    ("policy", "quota"),
    [
        ("fifo", lambda busy: UNLIMITED),
        ("multi-accept", lambda busy: 10),
        ("bounded-accept", lambda busy: max(1, 10 - busy)),
    ],
)
def test_how_many_are_accepted(harness: Path, policy: str, quota: Callable[[int], int]) -> None:
    """Idle connections do not count as busy."""
    pairs = [(0, 0), (4, 0), (9, 0), (10, 0), (500, 0), (500, 495)]
    script = [f"n {live} {idle}" for live, idle in pairs]
    said = play(harness, script, f"policy={policy}", "accept_limit=10")
    assert said == [str(quota(live - idle)) for live, idle in pairs]


@pytest.mark.parametrize(
    "wrong",
    [
        *("policy=lifo", "patience=0", "accept_limit=-1", "patience=x"),
        *("visit_limit=0", "visit_limit=65537", "visit_limit=x"),
        *("stage_credits=0", "stage_credits=65537", "stage_credits=-8"),
    ],
)
def test_wrong_parameters(harness: Path, wrong: str) -> None:
    assert process.run([harness, wrong], check=False).returncode == 2
