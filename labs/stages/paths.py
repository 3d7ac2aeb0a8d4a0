# SPDX-License-Identifier: MIT
"""A small server as stages and paths, and what is true of it: found by living through all paths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["queue", "socket", "timer", "direct"]
Edge = tuple[str, str, str]  # source, target, kind
LAYOUT = {"char": 1, "bool": 1, "short": 2, "int": 4, "long": 8, "pointer": 8}  # of LP64


@dataclass(frozen=True)
class Alloc:
    """The object is allocated; if there is no memory, the last stage is called."""

    object: str


@dataclass(frozen=True)
class Free:
    """What is live of these is freed."""

    objects: tuple[str, ...]


@dataclass(frozen=True)
class Next:
    """The stage that follows: ``kind`` says what it waits for."""

    stage: str
    kind: Kind
    detail: str = ""  # in C: the events, the milliseconds


@dataclass(frozen=True)
class Do:
    """C that decides nothing about stages and memory."""

    text: str


Step = Alloc | Free | Next | Do


@dataclass(frozen=True)
class Path:
    """What a stage does if ``guard`` (C; empty: else) holds, up to its return.

    ``live``: objects that must be live (True) or not, and are part of the condition in C too.
    ``possible`` is False if the condition cannot hold, though no single place of the source says
    so.
    """

    steps: tuple[Step, ...]
    guard: str = ""
    live: tuple[tuple[str, bool], ...] = ()
    possible: bool = True


@dataclass(frozen=True)
class Stage:
    """A function: first ``start``, then the first of ``paths`` whose condition holds."""

    name: str
    comment: str
    start: tuple[Step, ...]
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Field:
    """A field of a struct: its kind (of LAYOUT), its declaration in C, how often (an array)."""

    kind: str
    text: str
    count: int = 1


@dataclass(frozen=True)
class Struct:
    """A type and its fields."""

    name: str
    fields: tuple[Field, ...]

    @property
    def bytes(self) -> int:
        """Its size, as the compiler lays it out."""
        at, widest = 0, 1
        for one in self.fields:
            width = LAYOUT[one.kind]
            widest = max(widest, width)
            at = -(-at // width) * width + width * one.count
        return -(-at // widest) * widest


@dataclass
class Truth:
    """``live``: stages at whose start or during which a request can have the object."""

    edges: set[Edge] = field(default_factory=set)
    impossible: set[Edge] = field(default_factory=set)  # what only seems to be an edge
    live: dict[str, set[str]] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    peak_bytes: int = 0


@dataclass(frozen=True)
class Server:
    """``task`` is the type of a request, and the object that is live from ``entry`` to ``last``."""

    words: dict[str, str]  # the server's names for what every such server has
    task: Struct
    structs: tuple[Struct, ...]
    stages: tuple[Stage, ...]
    entry: str
    last: str

    def find_truth(self) -> Truth:
        """Live through all paths, from every set of live objects that a stage can begin with."""
        truth = Truth(bytes={one.name: one.bytes for one in (self.task, *self.structs)})
        truth.live = {name: set() for name in truth.bytes}
        walk = _Walk({stage.name: stage for stage in self.stages}, self.last, truth)
        walk.reach(self.entry, frozenset({self.task.name}))
        truth.impossible -= truth.edges
        return truth


@dataclass
class _Walk:
    stages: dict[str, Stage]
    last: str
    truth: Truth
    seen: set[tuple[str, frozenset[str]]] = field(default_factory=set)

    def reach(self, name: str, live: frozenset[str]) -> None:
        """``name`` begins for a request that has ``live``."""
        if (name, live) in self.seen:
            return
        self.seen.add((name, live))
        self._note(name, live)
        stage = self.stages[name]
        for after in self._run(name, stage.start, live):
            for path in stage.paths:
                if not path.possible:
                    self.truth.impossible |= {(name, s.stage, s.kind) for s in _nexts(path)}
                elif all((thing in after) == wanted for thing, wanted in path.live):
                    list(self._run(name, path.steps, after))

    def _run(
        self, name: str, steps: tuple[Step, ...], live: frozenset[str]
    ) -> Iterator[frozenset[str]]:
        """What is live after ``steps``; nothing if a step ends the request on every way."""
        targets = []
        for step in steps:
            if isinstance(step, Alloc):
                self._follow(name, Next(self.last, "direct"), live)
                live |= {step.object}
                self._note(name, live)
            elif isinstance(step, Free):
                live -= set(step.objects)
            elif isinstance(step, Next):
                targets.append(step)
        for step in targets:
            self._follow(name, step, live)
        yield live

    def _follow(self, name: str, step: Next, live: frozenset[str]) -> None:
        self.truth.edges.add((name, step.stage, step.kind))
        self.reach(step.stage, live)

    def _note(self, name: str, live: frozenset[str]) -> None:
        for thing in live:
            self.truth.live[thing].add(name)
        total = sum(self.truth.bytes[thing] for thing in live)
        self.truth.peak_bytes = max(self.truth.peak_bytes, total)


def _nexts(path: Path) -> Iterator[Next]:
    return (step for step in path.steps if isinstance(step, Next))
