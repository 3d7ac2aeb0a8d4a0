# SPDX-License-Identifier: MIT
"""A metric that is the same at two points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from artifact.statistics.estimates import estimate_ratio, find_equivalence_p, log_ratios
from artifact.study.claims.evidence import ALPHA, Evidence, PValues, Ruling, Verdict
from artifact.study.claims.families import PairClaim
from artifact.study.claims.kind import Band
from artifact.study.claims.measured import Measured
from artifact.study.claims.points import Selector


class EquivalenceClaim(PairClaim):
    """``metric`` is the same at ``point`` and ``reference``, within 1 +- ``margin``."""

    kind: Literal["equivalence"]
    margin: Annotated[float, Field(gt=0, lt=0.5)]

    tested: ClassVar = True

    @property
    def accepted(self) -> Band:
        """The ratios within the margin."""
        return Band(low=1 / (1 + self.margin), high=1 + self.margin)

    def describe_band(self) -> str:
        """By the margin."""
        return f"1 +- {self.margin:g}"

    def weigh(self, server: str, points: Sequence[Selector], measured: Measured) -> Evidence:
        """The mean ratio, and two one-sided tests."""
        sample = measured.collect(points)
        above, below = sample.columns
        # That it is not equivalent has no test of its own.
        p = PValues(find_equivalence_p(log_ratios(above, below), self.margin), opposite=1.0)
        return Evidence(estimate_ratio(above, below), sample.keys, p)

    def decide(self, low: float, high: float, evidence: Evidence) -> Ruling:
        """By the tests; only a change that surely exceeds the margin contradicts."""
        assert evidence.p
        if evidence.p.claim < ALPHA:
            return Verdict.REPRODUCED, "both one-sided tests exclude a change beyond the margin"
        if low > 1 + self.margin or high < 1 / (1 + self.margin):
            return Verdict.CONTRADICTED, "the change exceeds the margin"
        return Verdict.INCONCLUSIVE, "a change beyond the margin cannot be excluded"
