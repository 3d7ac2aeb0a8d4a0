# SPDX-License-Identifier: MIT
"""The servers of the gallery (``experiments/gallery``), and what was found of each."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from forge.sources import Wanted
from ground.documents import Strict, check_document, load_made, read_toml
from ground.paths import PROJECT
from stingy.accuracy.comparison import Category, compare
from stingy.accuracy.truth import load_truth
from stingy.memwalk.explain import rank_annotations
from stingy.model.results import Memwalk, WarningKind

SERVERS = PROJECT / "experiments" / "gallery" / "servers.toml"
LOCK = PROJECT / "experiments" / "gallery" / "lock.toml"
ANNOTATIONS = PROJECT / "experiments" / "annotations"
RESULTS = PROJECT / "results" / "gallery"
TRUTHS = PROJECT / "tests" / "stingy" / "gallery"
JUDGED = (Category.EDGES, Category.OBJECTS, Category.SIZES, Category.SITES, Category.LIVE)


class Server(Strict):
    """One server: where its sources come from, how it is built, which annotation files it has.

    ``build`` and ``rewritten`` are lines of shell, run in the folder of the sources and of the
    rewritten copy; ``packages`` of the host are needed for them.  ``headers`` must be there, or the
    build is not tried.  ``hard`` says what was hard, for the page.
    """

    source: str
    suite: str = "bookworm"
    style: str
    build: tuple[str, ...]
    packages: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    rewritten: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    budget: int = 0
    hard: str

    @property
    def wanted(self) -> Wanted:
        """What the package source is asked for."""
        return Wanted(source=self.source, suite=self.suite)


class Record(BaseModel):
    """A record of the results: immutable, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Rewriting(Record):
    """What stingygen and stingify made of an analysis."""

    rewritten: tuple[str, ...] = ()
    refused: dict[str, str] = {}
    builds: bool | None = None  # None: not tried
    requests: int = 0  # that fit the cache slab
    problem: str = ""


class Analysis(Record):
    """One annotation file under memwalk."""

    annotations: str
    seconds: float
    megabytes: int
    problem: str = ""
    partial: bool = False
    refused_files: tuple[str, ...] = ()
    merged: int = 0  # places where paths were merged
    stages: int = 0
    edges: int = 0
    objects: int = 0
    sized: int = 0
    counted: int = 0
    exclusions: int = 0
    unresolved: dict[str, int] = {}
    advice: tuple[str, ...] = ()  # what memwalk says to annotate next
    rewriting: Rewriting | None = None
    accuracy: dict[str, tuple[float, float]] = {}  # recall, precision; of a server read by hand


class Proposal(Record):
    """What `memwalk init` said, without any help."""

    seconds: float
    task: str
    to_do: tuple[str, ...]


class Found(Record):
    """All about one server."""

    server: str
    version: str
    sha256: str
    files: int
    lines: int
    proposal: Proposal
    analyses: tuple[Analysis, ...]


def load_servers(path: Path = SERVERS) -> dict[str, Server]:
    """All servers, in the order of the file."""
    tables = read_toml(path)
    return {name: check_document(Server, table, path, (name,)) for name, table in tables.items()}


def load_results(folder: Path = RESULTS) -> dict[str, Found]:
    """What was found, by server."""
    return {
        path.stem: load_made(Found, path, "make it again with: ./invoke gallery --fresh")
        for path in sorted(folder.glob("*.json"))
    }


def summarise(name: str, result: Memwalk, seconds: float, megabytes: int) -> Analysis:
    """What the page says of a result."""
    objects = result.objects
    return Analysis(
        annotations=name,
        seconds=seconds,
        megabytes=megabytes,
        partial=result.partial,
        refused_files=tuple(u.file for u in result.units if u.status == "refused"),
        merged=sum(w.kind is WarningKind.MERGED for w in result.warnings),
        stages=len(result.stages),
        edges=len(result.edges),
        objects=len(objects),
        sized=sum(o.size.bytes is not None for o in objects),
        counted=sum(o.max_live is not None for o in objects),
        exclusions=len(result.exclusions),
        unresolved=dict(sorted(Counter(u.kind for u in result.unresolved).items())),
        advice=tuple(f"{one.where}: {one.text}" for one in rank_annotations(result)[:3]),
        accuracy=judge(name, result),
    )


def judge(name: str, result: Memwalk) -> dict[str, tuple[float, float]]:
    """Recall and precision of a result; empty if nobody has read the server by hand."""
    path = TRUTHS / f"{name}.toml"
    if not path.is_file():
        return {}
    scores = compare(load_truth(path), result)
    return {one: (round(scores[one].recall, 3), round(scores[one].precision, 3)) for one in JUDGED}
