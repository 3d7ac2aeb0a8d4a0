# SPDX-License-Identifier: MIT
"""The largest ratio over a range of levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from artifact.statistics.estimates import Estimate, estimate_maximum, log_ratios
from artifact.study.claims.evidence import Evidence
from artifact.study.claims.families import EffectClaim, RangeClaim
from artifact.study.claims.measured import Measured
from artifact.study.claims.points import Selector


class MaximumClaim(EffectClaim, RangeClaim):
    """The largest ratio over a range of levels of ``metric`` at ``point`` to ``reference``."""

    kind: Literal["maximum"]

    def describe_measure(self) -> str:
        """That it is the largest."""
        return f"largest {super().describe_measure()}"

    def weigh(self, server: str, points: Sequence[Selector], measured: Measured) -> Evidence:
        """The largest ratio, with bounds for all levels at once."""
        sample = measured.collect(points)
        logs = [list(log_ratios(row[0::2], row[1::2])) for row in sample.table]
        top = estimate_maximum(logs)
        estimate = Estimate(top.value, top.low, top.high, top.n)
        p = self.flip_signs([row[top.level] for row in logs])
        return Evidence(estimate, sample.keys, p)
