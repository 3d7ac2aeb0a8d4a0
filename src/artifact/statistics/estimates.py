# SPDX-License-Identifier: MIT
"""Estimates with intervals, tests of trends and of equivalence.

The sample is over seeds: one seed is one boot.  A value that is the same for every seed, such as
a count that reaches its bound in each boot, has an interval that is a point: that is what every
resample gives, and the limit of all intervals here as the spread vanishes.  Whether the seeds are
boots at all, and not one run repeated, cannot be told from one value;
`artifact.judge.evidence` does.
Every random choice (resampling) is drawn from a fixed seed.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from ground.seeds import generator

Values = npt.NDArray[np.float64]

CONFIDENCE = 0.95
RESAMPLES = 9_999
SEED = 2006
ALIKE = 1e-12  # relative differences below are those of rounding
MAX_EXACT_FLIPS = 16
MAX_EXACT_ORDERS = 8


@dataclass(frozen=True)
class Estimate:
    """A point estimate and its interval; ``low`` and ``high`` are None if there is none.

    One of them alone is a bound: the other side is open.  ``value`` is then an estimate of the
    bound.  ``n`` is the number of seeds behind it, ``note`` says why there is no interval, or none
    with a width, or why a side is open.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    note: str = ""


def bound_interval(low: float | None, high: float | None) -> tuple[float, float] | None:
    """An interval, an open side as infinity; None if there is none."""
    if low is None and high is None:
        return None
    return -math.inf if low is None else low, math.inf if high is None else high


def describe_interval(
    low: float | None, high: float | None, write: Callable[[float], str]
) -> str | None:
    """An interval in words, or the bound that it is if one side is open; None if there is none."""
    if low is not None and high is not None:
        return f"{write(low)} to {write(high)}"
    if low is not None:
        return f"at least {write(low)}"
    return f"at most {write(high)}" if high is not None else None


def expand_level(confidence: float, n: int) -> float:
    """The nominal level at which a bootstrap interval of ``n`` values is asked for.

    A bootstrap of a mean is too narrow by sqrt((n-1)/n) and uses normal instead of t quantiles.
    Hesterberg (The American Statistician 69, 2015, section 4.3) widens the level to make
    up for both; for large ``n`` it is ``confidence``.
    """
    t = stats.t.ppf((1 + confidence) / 2, n - 1)
    return float(1 - 2 * stats.norm.cdf(-math.sqrt(n / (n - 1)) * t))


def estimate_mean(values: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """The mean over seeds and its BCa bootstrap interval (at the expanded level)."""
    sample = np.asarray(values, dtype=np.float64)
    n = len(sample)
    if n == 0:
        raise ValueError("no values to estimate from")
    mean = float(sample.mean())
    if n == 1:
        return Estimate(mean, None, None, n, "one seed has no spread")
    if np.ptp(sample) <= ALIKE * max(1.0, abs(mean)):
        return Estimate(mean, mean, mean, n, "the same for every seed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what scipy warns of comes back as NaN, see below
        result = stats.bootstrap(
            (sample,),
            np.mean,
            n_resamples=RESAMPLES,
            confidence_level=expand_level(confidence, n),
            method="BCa",
            rng=generator(SEED, "bootstrap of a mean"),
        )
    low, high = (float(bound) for bound in result.confidence_interval)
    if math.isnan(low) or math.isnan(high):
        return Estimate(mean, None, None, n, "too few distinct values for an interval")
    return Estimate(mean, min(low, mean), max(high, mean), n)


def estimate_ratio(
    numerator: Sequence[float], denominator: Sequence[float], confidence: float = CONFIDENCE
) -> Estimate:
    """The geometric mean of the paired ratios and its BCa interval.

    ``numerator[i]`` and ``denominator[i]`` are of the same seed; all must be positive.
    """
    mean = estimate_mean(list(log_ratios(numerator, denominator)), confidence)
    return Estimate(
        math.exp(mean.value),
        math.exp(mean.low) if mean.low is not None else None,
        math.exp(mean.high) if mean.high is not None else None,
        mean.n,
        mean.note,
    )


def log_ratios(numerator: Sequence[float], denominator: Sequence[float]) -> Values:
    """Logarithms of the paired ratios."""
    above, below = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    if above.shape != below.shape:
        raise ValueError("ratios are paired: both sides need the same seeds")
    if (above <= 0).any() or (below <= 0).any():
        raise ValueError("a ratio needs positive values")
    logs: Values = np.log(above / below)
    return logs


def find_trend_p(table: Sequence[Sequence[float]], direction: Literal["rises", "falls"]) -> float:
    """p of Page's test that values rise (or fall) over ordered levels.

    ``table`` has one row per seed and one column per level, in their order.
    """
    data = np.asarray(table, dtype=np.float64)
    if data.ndim != 2 or data.shape[0] < 1 or data.shape[1] < 3:
        raise ValueError("a trend needs at least one seed and three levels")
    if direction == "falls":
        data = data[:, ::-1]
    if data.shape[0] == 1:
        return _find_single_order_p(data[0])
    return float(stats.page_trend_test(data).pvalue)


def _find_single_order_p(row: Values) -> float:
    """Page's test with one row: the share of orders that agree at least as well (exact)."""
    ranks = stats.rankdata(row)
    weights = np.arange(1, len(row) + 1)
    if len(row) > MAX_EXACT_ORDERS:
        return float(stats.spearmanr(weights, row, alternative="greater").pvalue)
    observed = float(ranks @ weights)
    scores = np.array(list(itertools.permutations(ranks))) @ weights
    return float((scores >= observed - 1e-9).mean())


def find_sign_flip_p(logs: Sequence[float] | Values, direction: Literal["above", "below"]) -> float:
    """One-sided p that the mean log ratio is above (or below) 0, by flipping signs.

    Exact up to MAX_EXACT_FLIPS seeds; its smallest value is 2 ** -n.
    """
    sample = np.asarray(logs, dtype=np.float64)
    if direction == "below":
        sample = -sample
    n = len(sample)
    if n == 0:
        raise ValueError("no values to test")
    if n <= MAX_EXACT_FLIPS:
        signs = np.array(list(itertools.product((1.0, -1.0), repeat=n)))
    else:
        signs = generator(SEED, "sign flips").choice((1.0, -1.0), size=(RESAMPLES, n))
        signs[0] = 1.0  # the sample itself is one of its flips
    return float((signs @ sample >= sample.sum() - 1e-12).mean())


def find_equivalence_p(logs: Sequence[float] | Values, margin: float) -> float:
    """p of two one-sided t tests that the ratio lies within 1/(1+margin) .. 1+margin; without
    spread the limit as it vanishes, 0 or 1."""
    sample = np.asarray(logs, dtype=np.float64)
    if margin <= 0:
        raise ValueError("the margin of equivalence must be positive")
    if len(sample) < 2:
        raise ValueError("two one-sided tests need at least two values")
    bound = math.log1p(margin)
    if np.ptp(sample) <= ALIKE:
        return float(abs(sample.mean()) >= bound)
    above = stats.ttest_1samp(sample, -bound, alternative="greater").pvalue
    below = stats.ttest_1samp(sample, bound, alternative="less").pvalue
    return float(max(above, below))


def adjust_holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjustment: reject where the result is at most alpha, family-wise."""
    count = len(p_values)
    adjusted = [0.0] * count
    running = 0.0
    for rank, i in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (count - rank) * p_values[i]))
        adjusted[i] = running
    return adjusted


@dataclass(frozen=True)
class Maximum:
    """The largest ratio over levels, with bounds that hold for all levels at once.

    ``level`` is the index of the largest; ``low`` .. ``high`` bound the true maximum.
    """

    level: int
    value: float
    low: float
    high: float
    n: int


def estimate_maximum(table: Sequence[Sequence[float]], confidence: float = CONFIDENCE) -> Maximum:
    """The maximum over levels of the mean log ratio, by a simultaneous (max-t) bootstrap.

    ``table`` has one row per seed and one column per level, of log ratios; the result is in
    ratios.  Seeds are resampled whole, so that levels keep their dependence.
    """
    data = np.asarray(table, dtype=np.float64)
    if data.ndim != 2 or len(data) < 3:
        raise ValueError("a simultaneous bootstrap needs three seeds")
    n = len(data)
    means = data.mean(axis=0)
    errors = data.std(axis=0, ddof=1) / math.sqrt(n)
    width = _find_simultaneous_width(data, means, confidence)
    best = int(np.argmax(means))
    return Maximum(
        level=best,
        value=math.exp(means[best]),
        low=math.exp(float((means - width * errors).max())),
        high=math.exp(float((means + width * errors).max())),
        n=n,
    )


def _find_simultaneous_width(data: Values, means: Values, confidence: float) -> float:
    """How many standard errors bound all levels at once."""
    n, levels = data.shape
    rows = generator(SEED, "simultaneous bootstrap").integers(0, n, size=(RESAMPLES, n))
    resampled = data[rows]
    shift = np.abs(resampled.mean(axis=1) - means)
    spread = resampled.std(axis=1, ddof=1) / math.sqrt(n)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(spread > ALIKE, shift / spread, np.where(shift > ALIKE, np.inf, 0.0))
    width = float(np.quantile(t.max(axis=1), confidence, method="higher"))
    if math.isfinite(width):
        return width
    # With few seeds more than 1 - confidence of the resamples hold one seed only and have no
    # spread: Bonferroni's t bounds all levels too, at the price of an assumed shape.
    return float(stats.t.ppf(1 - (1 - confidence) / (2 * levels), n - 1))


def estimate_peak(peaks: Sequence[float], accuracy: float) -> Estimate:
    """The geometric mean of one peak per seed, with an interval as `estimate_peak_ratio`'s."""
    return estimate_peak_ratio(peaks, [1.0] * len(peaks), math.sqrt(1 + accuracy) - 1)


def estimate_peak_ratio(
    above: Sequence[float], below: Sequence[float], accuracy: float, confidence: float = CONFIDENCE
) -> Estimate:
    """The geometric mean of ratios of peaks, paired by seed.

    Its interval is Student's over seeds, then widened by ``accuracy`` to each side: each peak is
    known to half a step of the grid only, and all seeds may err to the same side.  So seeds that
    fall into the same step give an interval all the same.
    """
    logs = log_ratios(above, below)
    n = len(logs)
    if n < 2:
        raise ValueError("one seed has no spread")
    error = float(logs.std(ddof=1)) / math.sqrt(n)
    reach = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * error + math.log1p(accuracy)
    mean = float(logs.mean())
    return Estimate(math.exp(mean), math.exp(mean - reach), math.exp(mean + reach), n)
