# SPDX-License-Identifier: MIT
"""The peak load of a server over another's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from artifact.statistics.estimates import estimate_peak_ratio
from artifact.study.claims.evidence import Evidence
from artifact.study.claims.families import EffectClaim
from artifact.study.claims.measured import Measured, Side
from artifact.study.claims.points import Names, Selector
from artifact.study.coverage import Coverage


class PeakClaim(EffectClaim):
    """The peak load of the server over that of ``reference``, paired by seed; each is found by
    the search of the design.

    A peak outside of the searched rates still bounds the ratio: it is censored, not missing.
    """

    kind: Literal["peak"]
    reference: str

    def describe_measure(self) -> str:
        """Which peak, and over which server's."""
        what = "robust peak" if self.metric == "recovery_s" else "peak load"
        return f"{what}, replies/s / {self.reference}"

    def list_names(self) -> Names:
        """The reference."""
        return Names(servers=[("reference", self.reference)])

    def list_points(self, server: str, covered: Coverage, needed: int) -> list[Selector]:
        """None: which rates are run is up to the searches, which must have the seeds."""
        for name in (server, self.reference):
            covered.need_search(name, needed)
        return []

    def weigh(self, server: str, points: Sequence[Selector], measured: Measured) -> Evidence:
        """The mean ratio, or a bound of it."""
        peaks = measured.pair_peaks(server, self.reference)
        estimate = estimate_peak_ratio(peaks.above, peaks.below, peaks.accuracy)
        if peaks.bounds is Side.LOW:
            estimate = replace(estimate, high=None, note=peaks.note)
        elif peaks.bounds is Side.HIGH:
            estimate = replace(estimate, low=None, note=peaks.note)
        return Evidence(estimate, peaks.keys)
