# SPDX-License-Identifier: MIT
"""A metric at one point over that at another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from artifact.statistics.estimates import estimate_ratio, log_ratios
from artifact.study.claims.evidence import Evidence
from artifact.study.claims.families import EffectClaim, PairClaim
from artifact.study.claims.measured import Measured
from artifact.study.claims.points import Selector


class RatioClaim(EffectClaim, PairClaim):
    """``metric`` at ``point`` over that at ``reference``, paired by seed."""

    kind: Literal["ratio"]

    def weigh(self, server: str, points: Sequence[Selector], measured: Measured) -> Evidence:
        """The mean ratio."""
        sample = measured.collect(points)
        above, below = sample.columns
        p = self.flip_signs(log_ratios(above, below))
        return Evidence(estimate_ratio(above, below), sample.keys, p)
