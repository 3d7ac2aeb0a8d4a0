# SPDX-License-Identifier: MIT
"""The worst level decides a claim that nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest

from artifact.study.claims import load_claims
from artifact.study.claims.evidence import Evidence, Verdict
from artifact.study.claims.no_worse import NoWorseClaim


def find_no_worse(name: str) -> NoWorseClaim:
    (claim,) = (c for c in load_claims() if c.id == name)
    assert isinstance(claim, NoWorseClaim)
    return claim


@pytest.mark.parametrize(
    ("ratios", "verdict", "worst"),
    [
        ((1.0, 1.0), Verdict.REPRODUCED, None),
        ((1.2, 1.5), Verdict.REPRODUCED, "c = 1"),
        ((1.0, 0.9), Verdict.CONTRADICTED, "c = 8"),
        ((0.98, 1.0), Verdict.INCONCLUSIVE, "c = 1"),
    ],
)
def test_one_bad_level_decides(
    ratios: tuple[float, float], verdict: Verdict, worst: str | None
) -> None:
    claim = find_no_worse("stingy.nothing-lost")
    random = np.random.default_rng(1)
    pairs = [
        (level, list(100 * ratio * np.exp(random.normal(0, 0.003, 5))), [100.0] * 5)
        for level, ratio in zip((1, 8), ratios, strict=True)
    ]
    found = claim.find_worst(pairs)
    assert found.low is not None
    assert found.high is not None
    assert claim.decide(found.low, found.high, Evidence(found, ()))[0] is verdict
    assert worst is None or worst in found.note


def test_latency_is_worse_when_it_rises() -> None:
    claim = find_no_worse("stingy.tail")
    pairs = [(40, [130.0, 131, 132], [100.0, 100, 100]), (100, [50.0, 51, 52], [100.0, 100, 100])]
    found = claim.find_worst(pairs)
    assert found.note == "worst at c = 40"
    verdict, reason = claim.decide(found.low or 0, found.high or 0, Evidence(found, ()))
    assert verdict is Verdict.CONTRADICTED
    assert reason == "it is worse by more than the margin (worst at c = 40)"
