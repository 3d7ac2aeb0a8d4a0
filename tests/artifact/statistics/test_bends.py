# SPDX-License-Identifier: MIT
"""Segmented regression: known corners are found, and an independent optimiser agrees."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from artifact.statistics.bends import find_bends, fit_curves, make_design
from tests.artifact.curves import LEVELS, make_line

X = np.log(np.array(LEVELS, dtype=np.float64))


def sample(seed: int, noise: float = 0.01, seeds: int = 5) -> np.ndarray:
    """Curves that fill at 6, fall from 100 on."""
    truth = make_line(1000, (1, 0.8), (6, 0.0), (100, -0.12))
    random = np.random.default_rng(seed)
    logs = np.log([truth(level) for level in LEVELS])
    return np.exp(logs + random.normal(0, noise, (seeds, len(LEVELS))))


@given(
    place=st.floats(5, 2000),
    before=st.floats(-1, 1),
    turn=st.floats(0.2, 1) | st.floats(-1, -0.2),
)
@settings(max_examples=60, deadline=None)
def test_a_corner_without_noise_is_found(place: float, before: float, turn: float) -> None:
    curve = before * X + turn * np.maximum(X - np.log(place), 0) + 5
    places, slopes = fit_curves(X, curve[None], 1)
    assert np.exp(places[0, 0]) == pytest.approx(place, rel=0.03)
    assert slopes[0] == pytest.approx([before, before + turn], abs=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_the_fit_is_as_good_as_a_general_optimiser_s(seed: int) -> None:
    curve = np.log(sample(seed, noise=0.05)).mean(axis=0)

    def error(places: np.ndarray) -> float:
        design = make_design(X, np.sort(places))
        rest = curve - design @ np.linalg.lstsq(design, curve, rcond=None)[0]
        return float(rest @ rest)

    inner = (X[1], X[-2])
    other = optimize.differential_evolution(error, [inner, inner], seed=1, tol=1e-10)
    places, slopes = fit_curves(X, curve[None], 2)
    assert error(places[0]) <= other.fun * 1.02 + 1e-9 or _is_crowded(other.x)
    assert len(slopes[0]) == 3


def _is_crowded(places: np.ndarray) -> bool:
    """The optimiser put both places between two neighbouring levels, which is not allowed."""
    edges = [X[0], *np.sort(places), X[-1]]
    return any(np.histogram(X, [low, high])[0][0] < 2 for low, high in pairwise(edges))


def test_both_bends_and_slopes_are_found() -> None:
    fills, falls = find_bends(LEVELS, sample(1).tolist(), 2)
    assert fills.at.value == pytest.approx(6, rel=0.1)
    assert falls.at.low <= 100 <= falls.at.high * 1.05
    assert falls.after.high < 0 < fills.before.low
    assert falls.turn.high < 0
    assert falls.before == fills.after
    assert (fills.n, falls.n) == (5, 5)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [5, 10])
def test_intervals_cover_the_truth(seeds: int) -> None:
    """Nominally 95 %; few seeds make a bootstrap too narrow, which is why its level is expanded."""
    hits = [
        bend.at.low * 0.97 <= 100 <= bend.at.high * 1.03
        for bend in (find_bends(LEVELS, sample(k, seeds=seeds).tolist(), 2)[1] for k in range(60))
    ]
    assert np.mean(hits) >= 0.85


def test_the_same_data_give_the_same_interval() -> None:
    assert find_bends(LEVELS, sample(3).tolist(), 1) == find_bends(LEVELS, sample(3).tolist(), 1)


def test_a_curve_that_is_the_same_for_every_seed_bends_at_a_point() -> None:
    (bend,) = find_bends((1, 2, 4, 8, 16, 32), [[1.0, 2.0, 4.0, 8.0, 8.0, 8.0]] * 3, 1)
    assert bend.at.low == pytest.approx(bend.at.value) == pytest.approx(bend.at.high)
    assert bend.at.value == pytest.approx(8, rel=0.02)
    assert (bend.before.value, bend.after.value) == pytest.approx((1, 0), abs=0.02)


@pytest.mark.parametrize(
    ("levels", "table", "message"),
    [
        ((1, 2, 4), [[1.0, 2.0, 3.0]] * 3, "1 breakpoints need 4 levels"),
        ((1, 2, 4, 8), [[1.0, 2.0, 3.0, 4.0]] * 2, "three seeds"),
        ((1, 2, 4, 8), [[1.0, 2.0, 0.0, 4.0], [1.0, 2, 3, 4], [1.0, 2, 3, 4]], "positive"),
        ((1, 2, 4, 8), [[1.0, 2.0]] * 3, "one value per level"),
    ],
)
def test_what_has_no_bend(levels: tuple[int, ...], table: list[list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_bends(levels, table, 1)
