# SPDX-License-Identifier: MIT
"""How exact memwalk is: its result against what a reader of the source found to be true.

Recall is the share of what is true that was found, precision the share of what was found that is
true.  An analysis that is conservative has a recall of 1 for all but exclusions and what is surely
held, where a claim that is not true would be the unsafe one: there precision has to be 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations

from stingy.accuracy.truth import TrueObject, Truth
from stingy.model.results import EXTERNAL, EdgeKind, Memwalk, Object, WarningKind

JUDGED_WARNINGS = {WarningKind.LEAK, WarningKind.DOUBLE_FREE, WarningKind.STACK}


class Category(StrEnum):
    """What is counted."""

    EDGES = "edges"
    OBJECTS = "objects"
    SIZES = "sizes"
    SITES = "allocating and freeing stages"
    LIVE = "live intervals"
    HELD = "surely held"
    MOST = "most live at once"
    EXCLUSIONS = "exclusions"
    WARNINGS = "warnings"
    UNRESOLVED = "unresolved"
    STACKS = "stacks without a bound"
    UNITS = "files refused"


@dataclass
class Score:
    """Counts of one category, and the names of what is wrong."""

    found: int = 0
    missed: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Share of the truth that was found; 1 if there is nothing to find."""
        return _share(self.found, len(self.missed))

    @property
    def precision(self) -> float:
        """Share of what was found that is true; 1 if nothing was found."""
        return _share(self.found, len(self.extra))

    def add(self, other: Score) -> None:
        """Count ``other`` too."""
        self.found += other.found
        self.missed += other.missed
        self.extra += other.extra


Scores = dict[Category, Score]


def _share(good: int, bad: int) -> float:
    return good / (good + bad) if good + bad else 1.0


def compare(truth: Truth, result: Memwalk) -> Scores:
    """Every category of one case."""
    names = _ObjectNames(truth, result)
    return {
        Category.EDGES: _compare_sets(_true_edges(truth), _found_edges(result)),
        Category.OBJECTS: _compare_sets({o.name for o in truth.objects}, names.found),
        Category.SIZES: _compare_numbers(
            {o.name: _number(o.bytes) for o in truth.objects}, names.sizes()
        ),
        Category.SITES: _compare_sets(_true_sites(truth), names.sites()),
        Category.LIVE: _compare_sets(
            {(o.name, stage) for o in truth.objects for stage in o.live_in},
            names.pairs(lambda found: found.live_in),
        ),
        Category.HELD: _compare_sets(*names.held(truth.objects)),
        Category.MOST: _compare_numbers(
            {o.name: _number(o.max_live) for o in truth.objects}, names.most()
        ),
        Category.EXCLUSIONS: _compare_sets(
            {_pair(first, second) for first, second in truth.exclusions}, names.exclusions()
        ),
        Category.WARNINGS: _compare_sets(
            set(truth.warnings), {w.kind for w in result.warnings} & JUDGED_WARNINGS
        ),
        Category.UNRESOLVED: _compare_sets(
            set(truth.unresolved), {u.kind for u in result.unresolved}
        ),
        Category.STACKS: _compare_sets(
            set(truth.unbounded),
            {s.root for s in result.stacks if s.role == "stage" and s.bytes is None},
        ),
        Category.UNITS: _compare_sets(
            {"refused"} if truth.refused else set(),
            {"refused" for unit in result.units if unit.status == "refused" and unit.reason},
        ),
    }


def sum_scores(scores: Iterable[Scores]) -> Scores:
    """The sum over cases."""
    total = {category: Score() for category in Category}
    for one in scores:
        for category, score in one.items():
            total[category].add(score)
    return total


def _compare_sets(truth: AbstractSet[object], found: AbstractSet[object]) -> Score:
    return Score(
        len(truth & found),
        sorted(_spell(item) for item in truth - found),
        sorted(_spell(item) for item in found - truth),
    )


def _compare_numbers(truth: Mapping[str, int | None], found: Mapping[str, int | None]) -> Score:
    """None: no bound.  Too low is missed; too high, or no bound where there is one, is extra."""
    score = Score()
    for name, true in truth.items():
        if name not in found:
            continue
        value = found[name]
        words = f"{name}: {value} instead of {true}"
        if value == true:
            score.found += 1
        elif value is not None and (true is None or value < true):
            score.missed.append(words)
        else:
            score.extra.append(words)
    return score


def _spell(item: object) -> str:
    return ", ".join(str(part) for part in item) if isinstance(item, tuple) else str(item)


def _number(value: int | str) -> int | None:
    return value if isinstance(value, int) else None


def _pair(first: str, second: str) -> tuple[str, ...]:
    return tuple(sorted((first, second)))


def _true_edges(truth: Truth) -> set[object]:
    edges: set[object] = set(truth.edges)
    if not truth.refused and not any(source == EXTERNAL for source, _, _ in truth.edges):
        edges.add((EXTERNAL, truth.entry, EdgeKind.EXTERNAL))
    return edges


def _found_edges(result: Memwalk) -> set[object]:
    """Edges from outside are one kind, however the scheduler starts the stage."""
    return {
        (e.source, e.target, EdgeKind.EXTERNAL if e.source == EXTERNAL else e.kind)
        for e in result.edges
    }


def _true_sites(truth: Truth) -> set[object]:
    return {
        (o.name, verb, stage)
        for o in truth.objects
        for verb, stages in (("allocates", o.allocated_in), ("frees", o.freed_in))
        for stage in stages
    }


def _bare(name: str) -> str:
    return name.replace("struct ", "").replace("union ", "").rstrip("* ")


class _ObjectNames:
    """The objects of a result under the names that the truth gives them."""

    def __init__(self, truth: Truth, result: Memwalk):
        self.result = result
        self.names = {o.id: self._name(truth.objects, o) for o in result.objects}

    @staticmethod
    def _name(objects: tuple[TrueObject, ...], found: Object) -> str:
        for true in objects:
            if true.type and _bare(true.type) == _bare(found.type):
                return true.name
        holders = {_bare(site.holder) for site in found.allocations + found.frees}
        for true in objects:
            if true.holder and _bare(true.holder) in holders | {_bare(found.type)}:
                return true.name
        return found.type or found.id

    @property
    def found(self) -> set[str]:
        return set(self.names.values())

    def pairs(self, stages_of: Callable[[Object], Iterable[str]]) -> set[object]:
        """Pairs of an object's name and each of the stages that ``stages_of`` gives."""
        return {(self.names[o.id], s) for o in self.result.objects for s in stages_of(o)}

    def held(self, objects: tuple[TrueObject, ...]) -> tuple[set[object], set[object]]:
        """Pairs of an object and a stage at whose start all requests have it: true, and found."""
        true: set[object] = {(o.name, stage) for o in objects for stage in o.held_in or ()}
        judged = {o.name for o in objects if o.held_in is not None}
        found: set[object] = {
            (self.names[live.object], stage.name)
            for stage in self.result.stages
            for live in stage.live_in
            if live.least and self.names[live.object] in judged
        }
        return true, found

    def sites(self) -> set[object]:
        known = {stage.name for stage in self.result.stages}
        return {
            (self.names[o.id], verb, stage)
            for o in self.result.objects
            for verb, stages in (("allocates", o.allocated_in), ("frees", o.freed_in))
            for stage in stages
            if stage in known
        }

    def _numbers(
        self, value_of: Callable[[Object], int | None], *, add: bool
    ) -> dict[str, int | None]:
        values: dict[str, list[int | None]] = {}
        for found in self.result.objects:
            values.setdefault(self.names[found.id], []).append(value_of(found))
        join = sum if add else max
        return {
            name: None if None in numbers else join(n for n in numbers if n is not None)
            for name, numbers in values.items()
        }

    def sizes(self) -> dict[str, int | None]:
        return self._numbers(lambda found: found.size.bytes, add=False)

    def most(self) -> dict[str, int | None]:
        return self._numbers(lambda found: found.max_live, add=True)

    def exclusions(self) -> set[object]:
        """Pairs of which every object of the one name excludes every one of the other."""
        claimed = {_pair(e.first, e.second) for e in self.result.exclusions}
        groups: dict[str, list[str]] = {}
        for identifier, name in self.names.items():
            groups.setdefault(name, []).append(identifier)
        return {
            _pair(first, second)
            for first, second in combinations(sorted(groups), 2)
            if all(_pair(a, b) in claimed for a in groups[first] for b in groups[second])
        }
