# SPDX-License-Identifier: MIT
"""What is found on the way through the server: events with their evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from stingy.memwalk.states import Counts
from stingy.model.program import Spot
from stingy.model.results import EXTERNAL, EdgeKind, Evidence, Location, WarningKind


def locate(spot: Spot) -> Location:
    """A spot as results name it."""
    return Location(file=spot.file, line=spot.line, column=spot.column)


@dataclass(slots=True)
class SiteUse:
    """A site of an object: what is done there and from which stages."""

    action: str  # allocate, free, hand over
    object: str
    spot: Spot
    routine: str
    matches: str
    callee: str
    text: str
    holder: str
    guard: str
    stages: set[str] = field(default_factory=set)


NOWHERE = Spot("", 0)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the stage that runs does.

    It gives a request the stage ``what`` (push), puts it on the queue ``what`` (put), calls the
    stage ``what`` (call), uses the object ``what`` at ``spot`` in the way of ``action`` (use), or
    may release it a second time there (again).
    """

    kind: Literal["push", "put", "call", "use", "again"]
    what: str
    action: str = ""
    spot: Spot = NOWHERE


@dataclass(slots=True)
class Findings:
    """Everything recorded while paths are followed; each record is kept once."""

    pushes: dict[tuple[str, str], dict[tuple[str, int], Evidence]] = field(default_factory=dict)
    queues: dict[tuple[str, str], dict[tuple[str, int], Evidence]] = field(default_factory=dict)
    edges: dict[tuple[str, str, EdgeKind], dict[tuple[str, int], Evidence]] = field(
        default_factory=dict
    )
    sites: dict[tuple[str, str, Spot], SiteUse] = field(default_factory=dict)
    live: dict[str, set[Counts]] = field(default_factory=dict)
    flags: dict[str, set[int | None]] = field(default_factory=dict)  # by thread
    warnings: dict[tuple[WarningKind, Spot, str], str] = field(default_factory=dict)
    unresolved: dict[tuple[str, Spot], tuple[str, str, str, list[str]]] = field(
        default_factory=dict
    )
    visited: dict[str, set[str]] = field(default_factory=dict)  # routine -> stages
    read: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    written: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def note(self, event: Event, stage: str, evidence: Callable[[], Evidence]) -> None:
        """A stage does something; "" is the code outside of stages."""
        source = stage or EXTERNAL
        match event.kind:
            case "push":
                self.push(source, event.what, evidence())
            case "put":
                self.put(source, event.what, evidence())
            case "call":
                kind = EdgeKind.DIRECT if stage else EdgeKind.EXTERNAL
                self.edge(source, event.what, kind, [evidence()])
            case "use":
                if stage:
                    self.sites[event.action, event.what, event.spot].stages.add(stage)
            case "again":
                where = f" in stage {stage}" if stage else ""
                self.warn(
                    WarningKind.DOUBLE_FREE,
                    event.spot,
                    f"{event.what} may be released a second time here{where}",
                    "set the pointer to NULL where it is released first",
                )

    def push(self, source: str, target: str, evidence: Evidence) -> None:
        """``source`` gives a request the stage ``target``."""
        _keep(self.pushes.setdefault((source, target), {}), evidence)

    def put(self, source: str, queue: str, evidence: Evidence) -> None:
        """``source`` puts a request on ``queue``."""
        _keep(self.queues.setdefault((source, queue), {}), evidence)

    def edge(self, source: str, target: str, kind: EdgeKind, evidence: list[Evidence]) -> None:
        """``target`` may run next after ``source``."""
        known = self.edges.setdefault((source, target, kind), {})
        for one in evidence:
            _keep(known, one)

    def note_live(self, stage: str, counts: Counts) -> None:
        """These objects are live together at some point of ``stage``."""
        self.live.setdefault(stage or EXTERNAL, set()).add(counts)

    def warn(self, kind: WarningKind, spot: Spot, message: str, hint: str = "") -> None:
        """Something the user should look at."""
        self.warnings.setdefault((kind, spot, message), hint)


def _keep(known: dict[tuple[str, int], Evidence], evidence: Evidence) -> None:
    key = (evidence.location.file, evidence.location.line)
    old = known.get(key)
    if old is None or (len(evidence.via), evidence.via) < (len(old.via), old.via):
        known[key] = evidence
