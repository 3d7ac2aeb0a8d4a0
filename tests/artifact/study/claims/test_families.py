# SPDX-License-Identifier: MIT
"""The interval logic of claims of an effect."""

from __future__ import annotations

import pytest

from artifact.statistics.estimates import Estimate
from artifact.study.claims import load_claims
from artifact.study.claims.evidence import Evidence, PValues, Verdict
from artifact.study.claims.families import EffectClaim
from tests.artifact.study.claims.examples import make_claim


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.65, 0.80, Verdict.REPRODUCED),
        (0.60, 0.85, Verdict.REPRODUCED),
        (0.59, 0.80, Verdict.DIRECTION),
        (0.80, 0.90, Verdict.DIRECTION),
        (0.30, 0.40, Verdict.DIRECTION),
        (0.80, 1.00, Verdict.INCONCLUSIVE),
        (0.90, 1.10, Verdict.INCONCLUSIVE),
        (0.99, 1.01, Verdict.CONTRADICTED),
        (1.01, 1.10, Verdict.CONTRADICTED),
    ],
)
def test_interval_logic(low: float, high: float, verdict: Verdict) -> None:
    claim = next(c for c in load_claims() if c.id == "footnote3.throughput")
    evidence = Evidence(Estimate((low + high) / 2, low, high, 5), ())
    assert claim.decide(low, high, evidence)[0] is verdict


def test_a_claim_of_a_fall_is_tested_for_a_fall() -> None:
    falls = make_claim("ratio", direction="falls", band={"high": 0.9})
    rises = make_claim("ratio")
    assert isinstance(falls, EffectClaim)
    assert isinstance(rises, EffectClaim)
    logs = [-0.1, -0.2, -0.3]  # of the 8 ways to give them signs one has this sum or less
    assert falls.flip_signs(logs) == PValues(claim=1 / 8, opposite=1.0)
    assert rises.flip_signs(logs) == PValues(claim=1.0, opposite=1 / 8)
