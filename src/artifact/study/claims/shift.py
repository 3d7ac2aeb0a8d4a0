# SPDX-License-Identifier: MIT
"""The beginning of a server's failure zone over that of another's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from artifact.statistics.estimates import Estimate
from artifact.study.claims.evidence import Evidence
from artifact.study.claims.families import EffectClaim
from artifact.study.claims.measured import Measured, Onset
from artifact.study.claims.points import Levels, Names, Selector, take_levels
from artifact.study.coverage import Coverage

LEAST_LEVELS = 2  # between which an onset can lie


class ShiftClaim(EffectClaim):
    """The concurrency at which the failure zone begins, over that of ``reference``."""

    kind: Literal["shift"]
    levels: Levels
    reference: str

    def describe_measure(self) -> str:
        """What, and over which server's."""
        return f"onset of failure, c / {self.reference}"

    def list_names(self) -> Names:
        """The reference."""
        return Names(servers=[("reference", self.reference)])

    def list_points(self, server: str, covered: Coverage, needed: int) -> list[Selector]:
        """Two a level, in turns."""
        curves = [Selector(server=server), Selector(server=self.reference)]
        return take_levels(curves, self.levels, covered, needed, LEAST_LEVELS)

    def weigh(self, server: str, points: Sequence[Selector], measured: Measured) -> Evidence:
        """How far the onset moves.  Raises ValueError, in words, if the reference does not fail in
        the range."""
        mine, other = measured.find_onsets(server, self.reference, levels=self.levels)
        if other.fails is None:
            raise ValueError(f"{self.reference}: {other.describe()}")
        return Evidence(_bound_shift(mine, other), tuple(sorted({*mine.keys, *other.keys})))


def _bound_shift(mine: Onset, other: Onset) -> Estimate:
    """The ratio of the two, from the levels between which each lies."""
    assert other.fails is not None
    note = "" if mine.fails else f"no failure up to c = {mine.last}: at least this"
    return Estimate(
        mine.middle / other.middle,
        mine.holds / other.fails,
        (mine.fails or mine.last) / other.holds,
        min(mine.seeds, other.seeds),
        note,
    )
