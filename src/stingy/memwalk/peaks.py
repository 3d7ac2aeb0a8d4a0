# SPDX-License-Identifier: MIT
"""What is live together at some point of a routine: a few points apart, then one for all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from stingy.memwalk.states import Counts, hull

MAX_PEAKS = 4  # points that are kept apart


@dataclass(slots=True)
class Peaks:
    """Points by the stage that they belong to; one that another one covers is left out."""

    _points: dict[str, list[Counts]] = field(default_factory=dict)

    def add(self, stage: str, counts: Counts) -> bool:
        """Add a point; whether it says anything new."""
        known = self._points.setdefault(stage, [])
        if any(_covers(one, counts) for one in known):
            return False
        known[:] = [one for one in known if not _covers(counts, one)]
        known.append(counts)
        if len(known) > MAX_PEAKS:
            united = known[0]
            for one in known[1:]:
                united = hull(united, one)
            known[:] = [united]
        return True

    def all(self) -> Iterator[tuple[str, Counts]]:
        """All points with their stages."""
        for stage, points in self._points.items():
            for counts in list(points):
                yield stage, counts


def _covers(wide: Counts, narrow: Counts) -> bool:
    """Whether all that one point allows is allowed by another one."""
    ranges = {o: (low, high) for o, low, high in narrow}
    outer = {o: (low, high) for o, low, high in wide}
    if not ranges.keys() <= outer.keys():
        return False
    for name, (low, high) in outer.items():
        least, most = ranges.get(name, (0, 0))
        if low > least or (high is not None and (most is None or most > high)):
            return False
    return True
