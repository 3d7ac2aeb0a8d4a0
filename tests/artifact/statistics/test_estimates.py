# SPDX-License-Identifier: MIT
"""Statistics against published results, exact enumeration, and simulated coverage."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from artifact.statistics.estimates import (
    adjust_holm,
    estimate_maximum,
    estimate_mean,
    estimate_ratio,
    expand_level,
    find_equivalence_p,
    find_sign_flip_p,
    find_trend_p,
    log_ratios,
)
from ground.seeds import generator

positive = st.floats(0.1, 1e6)


def test_one_value_has_no_interval_and_identical_ones_a_point() -> None:
    assert estimate_mean([4.2]).low is None
    estimate = estimate_mean([4.2] * 8)
    assert (estimate.low, estimate.value, estimate.high) == (4.2, 4.2, 4.2)
    ratio = estimate_ratio([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    assert (ratio.low, ratio.value, ratio.high) == pytest.approx((2, 2, 2))
    assert ratio.note == "the same for every seed"


@pytest.mark.parametrize("n", [3, 5, 10])
def test_a_point_is_the_limit_as_the_spread_vanishes(n: int) -> None:
    """Mean, equivalence, maximum: an ever smaller spread leads where none is."""
    noise = generator(12, f"limit {n}").normal(0, 1, n)
    for width in (1e-2, 1e-4, 1e-6):
        near = estimate_mean([0.3 + width * one for one in noise])
        assert near.low is not None
        assert near.high is not None
        assert near.high - near.low < 10 * width
        for shift, limit in ((0.01, 0.0), (0.1, 1.0)):
            p = find_equivalence_p([shift + width * one / 10 for one in noise], 0.02)
            assert p == pytest.approx(limit, abs=max(30 * width, 1e-6))
            assert find_equivalence_p([shift] * n, 0.02) == limit
        table = [[0.3 + width * one, 0.1] for one in noise]
        assert estimate_maximum(table).high < math.exp(0.3 + 100 * width)
    flat = estimate_maximum([[0.3, 0.1]] * n)
    assert (flat.level, flat.low, flat.high) == (0, pytest.approx(flat.value), flat.value)
    assert flat.value == pytest.approx(math.exp(0.3))


def test_the_interval_is_bca() -> None:
    """Against Efron's BCa written out for a skewed sample, at the expanded level."""
    sample = np.exp(generator(1, "skewed").normal(0, 1, 30))
    estimate = estimate_mean(list(sample))
    random = generator(5, "reference")
    means = np.sort(random.choice(sample, (200_000, 30)).mean(axis=1))
    z0 = stats.norm.ppf((means < sample.mean()).mean())
    jackknife = (sample.sum() - sample) / 29
    d = jackknife.mean() - jackknife
    a = (d**3).sum() / (6 * (d**2).sum() ** 1.5)
    bounds = []
    for tail in ((1 - expand_level(0.95, 30)) / 2, (1 + expand_level(0.95, 30)) / 2):
        z = z0 + stats.norm.ppf(tail)
        bounds.append(np.quantile(means, stats.norm.cdf(z0 + z / (1 - a * z))))
    assert estimate.low == pytest.approx(bounds[0], rel=0.02)
    assert estimate.high == pytest.approx(bounds[1], rel=0.04)
    assert bounds[1] - sample.mean() > 1.5 * (sample.mean() - bounds[0])  # skewed, as the sample


@pytest.mark.parametrize(("n", "at_least"), [(5, 0.90), (10, 0.92)])
def test_simulated_coverage(n: int, at_least: float) -> None:
    """Intervals of 95 % hold the truth about that often, with as few seeds as a tier has."""
    random = generator(11, f"coverage {n}")
    hits = 0
    trials = 300
    for _ in range(trials):
        estimate = estimate_mean(list(random.normal(0.0, 1.0, n)))
        assert estimate.low is not None
        assert estimate.high is not None
        hits += estimate.low <= 0.0 <= estimate.high
    assert at_least <= hits / trials <= 0.99


def test_the_level_expands_only_small_samples() -> None:
    assert expand_level(0.95, 5) > 0.99
    assert expand_level(0.95, 100_000) == pytest.approx(0.95, abs=1e-4)


@given(st.lists(st.tuples(positive, positive), min_size=2, max_size=8), st.floats(0.5, 2))
def test_ratios_are_paired_and_scale(pairs: list[tuple[float, float]], factor: float) -> None:
    above, below = ([pair[i] for pair in pairs] for i in (0, 1))
    estimate = estimate_ratio(above, below)
    scaled = estimate_ratio([a * factor for a in above], below)
    assert scaled.value == pytest.approx(estimate.value * factor)
    inverse = estimate_ratio(below, above)
    assert inverse.value == pytest.approx(1 / estimate.value)
    if estimate.low is not None and estimate.high is not None:
        assert estimate.low <= estimate.value <= estimate.high


def test_ratios_need_pairs_and_positive_values() -> None:
    with pytest.raises(ValueError, match="paired"):
        log_ratios([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="positive"):
        log_ratios([1.0, 0.0], [1.0, 1.0])


def test_page_against_full_enumeration() -> None:
    """Page's L of two seeds and three levels, over all 36 pairs of orders."""
    weights = np.array([1, 2, 3])
    orders = [np.array(order) for order in itertools.permutations((1, 2, 3))]
    scores = np.array([(a + b) @ weights for a in orders for b in orders])
    for first, second in itertools.product(orders, repeat=2):
        p = (scores >= (first + second) @ weights).mean()
        assert find_trend_p([list(first), list(second)], "rises") == pytest.approx(p)


def test_one_seed_uses_exact_orders() -> None:
    assert find_trend_p([[1, 2, 3]], "rises") == pytest.approx(1 / 6)
    assert find_trend_p([[1, 2, 3, 4]], "rises") == pytest.approx(1 / 24)
    assert find_trend_p([[3, 2, 1]], "rises") == 1.0
    assert find_trend_p([[3, 2, 1]], "falls") == pytest.approx(1 / 6)


def test_trends_have_their_nominal_level() -> None:
    random = generator(3, "no trend")
    p = [find_trend_p(random.normal(size=(5, 4)).tolist(), "rises") for _ in range(400)]
    assert np.mean(np.array(p) <= 0.05) <= 0.08
    with pytest.raises(ValueError, match="three levels"):
        find_trend_p([[1, 2]], "rises")


def test_sign_flips_are_exact() -> None:
    assert find_sign_flip_p([0.1] * 5, "above") == 2**-5
    assert find_sign_flip_p([-0.1] * 10, "below") == 2**-10
    assert find_sign_flip_p([0.1, -0.1], "above") == 0.75
    many = list(generator(2, "flips").normal(0.5, 1, 40))
    exact = stats.permutation_test(
        (many,),
        np.sum,
        permutation_type="samples",
        alternative="greater",
        n_resamples=20_000,
        rng=generator(9, "reference"),
    ).pvalue
    assert find_sign_flip_p(many, "above") == pytest.approx(exact, abs=0.01)


def test_equivalence_is_two_one_sided_tests() -> None:
    logs = [0.001, -0.002, 0.0015, 0.0005, -0.001]
    assert find_equivalence_p(logs, 0.02) < 0.001
    assert find_equivalence_p([value + 0.05 for value in logs], 0.02) > 0.99
    # The test rejects at alpha exactly if the 1 - 2 alpha interval lies inside the margin.
    half = stats.t.ppf(0.95, 4) * np.std(logs, ddof=1) / math.sqrt(5)
    edge = math.expm1(np.abs(np.mean(logs)) + half)
    assert find_equivalence_p(logs, edge) == pytest.approx(0.05)
    with pytest.raises(ValueError, match="two values"):
        find_equivalence_p([0.0], 0.02)


def test_holm_against_a_worked_example() -> None:
    assert adjust_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjust_holm([0.9, 0.8]) == [1.0, 1.0]
    assert adjust_holm([]) == []


def test_the_maximum_is_bounded_for_all_levels_at_once() -> None:
    random = generator(4, "maximum")
    truth = np.array([0.0, 0.1, 0.3, 0.25])
    covered = 0
    trials = 120
    for _ in range(trials):
        seeds = random.normal(0, 0.05, (10, 1))  # levels of one seed vary together
        found = estimate_maximum((truth + seeds + random.normal(0, 0.05, (10, 4))).tolist())
        assert found.low <= found.value <= found.high
        covered += found.low <= math.exp(0.3) <= found.high
    assert covered / trials >= 0.93
    with pytest.raises(ValueError, match="three seeds"):
        estimate_maximum([[1.0, 2.0]])


def test_the_maximum_with_five_seeds_has_a_finite_bound() -> None:
    table = generator(6, "five").normal(0.2, 0.1, (5, 6)).tolist()
    assert math.isfinite(estimate_maximum(table).high)


def test_resampling_is_reproducible() -> None:
    values = list(generator(8, "values").normal(size=7))
    assert estimate_mean(values) == estimate_mean(values)
