# SPDX-License-Identifier: MIT
"""A server in virtual turns: connections come, requests go from stage to stage and hold memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush

from labs.grader.chance import Chance

VISIT_LIMIT = 64
NO_LIMIT = 0xFFFFFFFF  # UINT32_MAX


class IllegalError(Exception):
    """A visit that cannot be; the message says why."""


@dataclass(frozen=True)
class Recipe:
    """A kind of world.

    A request holds a structure from accept (stage 0) to its end, and a buffer from the stage
    ``allocates`` to the end of the stage ``frees``.  After a stage it waits for the network
    ``blocks`` times in 100, for 1 to ``block_turns`` turns.
    """

    stages: int
    connections: int
    structures: int
    buffers: int
    allocates: int
    frees: int
    patience: int
    blocks: int
    block_turns: int
    burst: int  # connections that come at once
    gap: int  # turns from one burst to the next, on average


@dataclass
class Request:
    """A runnable or waiting request; ``before``: how many were queued no later than it."""

    stage: int
    queued: int = 0
    before: int = 0


@dataclass
class Tally:
    """What a policy did."""

    finished: int = 0
    switches: int = 0
    visits: int = 0
    spilled: int = 0
    most_alive: int = 0
    late_by: int = 0  # turns beyond the bound, at worst
    late: str = ""  # which request that was


@dataclass
class World:
    """The simulation.  ``take`` gives it one visit at a time."""

    recipe: Recipe
    chance: Chance
    turn: int = 0
    alive: int = 0
    buffers: int = 0
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        recipe = self.recipe
        self.queues: list[deque[Request]] = [deque() for _ in range(recipe.stages)]
        self.pending: deque[int] = deque()  # connections: when they came
        self.arrivals: deque[int] = deque()
        self.blocked: list[tuple[int, int, Request]] = []
        self.last_stage = -1
        self.number = 0
        when = 0
        while len(self.arrivals) < recipe.connections:
            self.arrivals += [when] * min(recipe.burst, recipe.connections - len(self.arrivals))
            when += self.chance.between(1, 2 * recipe.gap)
        self._advance()

    @property
    def over(self) -> bool:
        """Whether every connection has been served."""
        return self.tally.finished == self.recipe.connections

    def count(self, stage: int) -> int:
        """What waits at a stage."""
        return len(self.queues[stage]) if stage else len(self.pending)

    def room(self, stage: int) -> int:
        """The allocator's answer."""
        if stage == 0:
            return max(0, self.recipe.structures - self.alive)
        if stage == self.recipe.allocates:
            return max(0, self.recipe.buffers - self.buffers)
        return NO_LIMIT

    def describe(self) -> str:
        """The view as a line."""
        words = [self.turn]
        for stage in range(self.recipe.stages):
            first = self.pending[0] if stage == 0 and self.pending else self.turn
            if stage and self.queues[stage]:
                first = self.queues[stage][0].queued
            words += [self.count(stage), self.turn - first, self.room(stage)]
            words.append(stage > self.recipe.allocates)
        return " ".join(str(int(word)) for word in words)

    def take(self, stage: int, turns: int) -> None:
        """Make a visit; IllegalError if it is none."""
        if not 0 <= stage < self.recipe.stages:
            raise IllegalError(f"stage {stage} does not exist; there are {self.recipe.stages}")
        if not self.count(stage):
            raise IllegalError(f"nothing waits at stage {stage}")
        if not 1 <= turns <= VISIT_LIMIT:
            raise IllegalError(f"a visit of {turns} turns; 1 to {VISIT_LIMIT} are possible")
        self.tally.visits += 1
        self.tally.switches += stage != self.last_stage
        self.last_stage = stage
        while turns and self.count(stage):
            self._run(stage)
            self.turn += 1
            self._wake()
            turns -= 1
        self._advance()

    def _run(self, stage: int) -> None:
        if stage == 0:
            self.pending.popleft()
            request = Request(0)
            self.alive += 1
            self.tally.most_alive = max(self.tally.most_alive, self.alive)
            self.tally.spilled += self.alive > self.recipe.structures
        else:
            request = self.queues[stage].popleft()
            self._judge_wait(request)
        if stage == self.recipe.allocates:
            self.buffers += 1
            self.tally.spilled += self.buffers > self.recipe.buffers
        self.buffers -= stage == self.recipe.frees
        request.stage += 1
        if request.stage == self.recipe.stages:
            self.alive -= 1
            self.tally.finished += 1
        elif self.chance.chance(self.recipe.blocks, 100):
            self.number += 1
            wake = self.turn + self.chance.between(1, self.recipe.block_turns)
            heappush(self.blocked, (wake, self.number, request))
        else:
            self._queue(request)

    def _queue(self, request: Request) -> None:
        request.queued = self.turn
        request.before = sum(map(len, self.queues))
        self.queues[request.stage].append(request)

    def _judge_wait(self, request: Request) -> None:
        wait = self.turn - request.queued
        bound = self.recipe.patience + VISIT_LIMIT + request.before + 1
        if wait - bound > self.tally.late_by:
            self.tally.late_by = wait - bound
            self.tally.late = (
                f"a request at stage {request.stage} waited {wait} turns, bound {bound}"
            )

    def _wake(self) -> None:
        while self.blocked and self.blocked[0][0] <= self.turn:
            self._queue(heappop(self.blocked)[2])
        while self.arrivals and self.arrivals[0] <= self.turn:
            self.pending.append(self.arrivals.popleft())

    def _advance(self) -> None:
        """Sleep until there is something to do for which there is memory."""
        self._wake()
        while not self.over and not self._can_run():
            nexts = [self.blocked[0][0]] if self.blocked else []
            nexts += [self.arrivals[0]] if self.arrivals else []
            if not nexts:
                return
            self.turn = max(self.turn + 1, min(nexts))
            self._wake()

    def _can_run(self) -> bool:
        return any(self.count(stage) and self.room(stage) for stage in range(self.recipe.stages))
