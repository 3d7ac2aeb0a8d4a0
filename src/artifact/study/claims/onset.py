# SPDX-License-Identifier: MIT
"""The place where the failure zone begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from artifact.statistics.estimates import Estimate
from artifact.study.claims.evidence import Evidence, Verdict
from artifact.study.claims.families import ConcurrencyClaim
from artifact.study.claims.measured import Measured
from artifact.study.claims.points import Selector


class OnsetClaim(ConcurrencyClaim):
    """The failure zone begins at about ``expected``: from there on connections are lost.

    It begins between the highest level at which no seed lost any and the lowest at which all
    did; ``metric`` only says which curve shows it.
    """

    border: ClassVar = "failure_begins"

    kind: Literal["onset"]

    def describe_measure(self) -> str:
        """What, and where it is expected."""
        return f"onset of failure, c / {self.expected}"

    def weigh(self, server: str, points: Sequence[Selector], measured: Measured) -> Evidence:
        """The ratio of the place to the expected one; that there is none up to the last level
        objects."""
        (onset,) = measured.find_onsets(server, levels=self.levels, variant=self.variant)
        expected = self.expected
        if onset.fails is None:
            why = onset.describe()
            estimate = Estimate(onset.holds / expected, None, None, onset.seeds, why)
            verdict = self.decide_absence(estimate.value)
            return Evidence(estimate, onset.keys, objection=(verdict, why))
        estimate = Estimate(
            onset.middle / expected, onset.holds / expected, onset.fails / expected, onset.seeds
        )
        return Evidence(estimate, onset.keys)

    def decide_absence(self, reached: float) -> Verdict:
        """No failure up to ``reached`` (ratio to the expected place)."""
        if self.band.high is not None and reached >= self.band.high:
            return Verdict.CONTRADICTED
        return Verdict.INCONCLUSIVE
