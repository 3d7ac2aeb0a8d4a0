# SPDX-License-Identifier: MIT
"""What is found on the way through the server: events with their evidence."""

from __future__ import annotations

from dataclasses import dataclass, field

from stingy.memwalk.states import Counts
from stingy.model.program import Spot
from stingy.model.results import EXTERNAL, EdgeKind, Evidence, Location, WarningKind


def locate(spot: Spot) -> Location:
    """A place as results name it."""
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
