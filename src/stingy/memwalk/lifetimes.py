# SPDX-License-Identifier: MIT
"""From what was live together to intervals, most at a time, and exclusions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from stingy.memwalk.states import Counts
from stingy.model.results import Exclusion, Live


@dataclass(slots=True)
class Lifetimes:
    """What is live where.  ``entry`` and ``end``: at the borders of stages; ``during``: anywhere.

    ``limits`` are bounds that the annotations give for how many of an object are live.
    """

    entry: dict[str, set[Counts]]
    end: dict[str, set[Counts]]
    during: dict[str, set[Counts]]
    limits: dict[str, int]

    def describe(self, counts: Iterable[Counts]) -> list[Live]:
        """The least and the most of each object over some points."""
        sets = [{o: (low, high) for o, low, high in c} for c in counts]
        names = sorted({name for one in sets for name in one})
        return [self._range(name, [one.get(name, (0, 0)) for one in sets]) for name in names]

    def _range(self, name: str, ranges: list[tuple[int, int | None]]) -> Live:
        highs = [self._limited(name, high) for _, high in ranges]
        most = None if any(h is None for h in highs) else max(h for h in highs if h is not None)
        return Live(object=name, least=min(low for low, _ in ranges), most=most)

    def _limited(self, name: str, high: int | None) -> int | None:
        limit = self.limits.get(name)
        if limit is None:
            return high
        return limit if high is None else min(high, limit)

    def most(self, name: str) -> int | None:
        """The most of an object that one request has at a time."""
        points = [c for s in self.during.values() for c in s if any(o[0] == name for o in c)]
        found = [one for one in self.describe(points) if one.object == name]
        return found[0].most if found else 0

    def stages_of(self, name: str) -> list[str]:
        """The stages in which an object can be live."""
        return sorted(s for s, sets in self.during.items() if _has(name, sets))

    def crosses(self, name: str) -> bool:
        """Whether an object can be live from one stage to the next."""
        return any(_has(name, sets) for sets in self.entry.values())

    def peak_bytes(self, counts: Iterable[Counts], sizes: dict[str, int | None]) -> int | None:
        """The most that the objects occupy at one of these points."""
        worst = 0
        for point in counts:
            total = 0
            for name, _, high in point:
                if name not in sizes:
                    continue  # not an object of requests
                most, size = self._limited(name, high), sizes.get(name)
                if most is None or size is None:
                    return None
                total += most * size
            worst = max(worst, total)
        return worst

    def exclusions(self, names: list[str]) -> list[Exclusion]:
        """The pairs that are never live together (of objects that are live at all)."""
        together: set[tuple[str, str]] = set()
        seen: set[str] = set()
        for sets in self.during.values():
            for point in sets:
                present = sorted(name for name, _, _ in point)
                seen |= set(present)
                together |= set(combinations(present, 2))
        return [
            Exclusion(first=a, second=b)
            for a, b in combinations(sorted(seen & set(names)), 2)
            if (a, b) not in together
        ]


def _has(name: str, sets: Iterable[Counts]) -> bool:
    return any(o == name for point in sets for o, _, _ in point)
