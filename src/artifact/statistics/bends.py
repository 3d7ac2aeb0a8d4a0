# SPDX-License-Identifier: MIT
"""Where a curve bends: segmented regression on log concurrency, with a bootstrap over seeds.

The model is a continuous, piecewise linear curve of log value against log concurrency (Muggeo,
Statistics in Medicine 22, 2003, has it for one curve).  Its breakpoints are found by trying
all places of a fine grid, so that no start value decides the outcome.  Seeds are resampled
whole, so that the levels of a curve keep their dependence.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from artifact.statistics.estimates import CONFIDENCE, RESAMPLES, SEED, Values, expand_level
from ground.seeds import generator

GRID = 40  # places tried for a breakpoint
FINER = 10  # parts of a grid's step that are tried around the best place
LEAST_LEVELS = 2  # on a segment, so that its slope is the data's and not the grid's


@dataclass(frozen=True)
class Interval:
    """A point estimate with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Bend:
    """One breakpoint of a fitted curve.

    ``at`` is a concurrency; ``before`` and ``after`` are the slopes on its two sides, as
    relative change of the value for a relative change of concurrency (elasticity); ``turn`` is
    ``after`` - ``before``.  ``n`` counts the seeds.
    """

    at: Interval
    before: Interval
    after: Interval
    turn: Interval
    n: int


def find_bends(
    levels: Sequence[int],
    table: Sequence[Sequence[float]],
    breaks: int,
    confidence: float = CONFIDENCE,
) -> list[Bend]:
    """The ``breaks`` breakpoints of the mean curve, lowest first.

    ``table`` has one row per seed and one column per level.  Raises ValueError, in words, if
    there are too few levels or seeds, or if a value is not positive.
    """
    data = np.asarray(table, dtype=np.float64)
    x = np.log(np.asarray(levels, dtype=np.float64))
    _check(data, x, breaks)
    logs = np.log(data)
    n = len(logs)
    rows = generator(SEED, "bootstrap of bends").integers(0, n, size=(RESAMPLES, n))
    curves = np.concatenate([logs.mean(axis=0)[None], logs[rows].mean(axis=1)])
    places, slopes = fit_curves(x, curves, breaks)
    tail = (1 - expand_level(confidence, n)) / 2

    def bound(values: Values) -> Interval:
        low, high = np.quantile(values[1:], [tail, 1 - tail])
        first = float(values[0])
        return Interval(first, min(float(low), first), max(float(high), first))

    return [
        Bend(
            at=bound(np.exp(places[:, i])),
            before=bound(slopes[:, i]),
            after=bound(slopes[:, i + 1]),
            turn=bound(slopes[:, i + 1] - slopes[:, i]),
            n=n,
        )
        for i in range(breaks)
    ]


def _check(data: Values, x: Values, breaks: int) -> None:
    if data.ndim != 2 or data.shape[1] != len(x):
        raise ValueError("a curve needs one value per level and seed")
    fewest = LEAST_LEVELS * (breaks + 1)
    if len(x) < fewest:
        raise ValueError(f"{breaks} breakpoints need {fewest} levels, there are {len(x)}")
    if len(data) < 3:
        raise ValueError(f"a bootstrap of bends needs three seeds, there are {len(data)}")
    if (data <= 0).any():
        raise ValueError("a curve on a logarithmic scale needs positive values")


def fit_curves(x: Values, curves: Values, breaks: int) -> tuple[Values, Values]:
    """Breakpoints and slopes of each row of ``curves`` (values at ``x``, both logarithms).

    Least squares over all places of the breakpoints on a grid, then on a finer one around the
    best place.  Slopes have one column more than breakpoints.
    """
    first, last = x[LEAST_LEVELS - 1], x[-LEAST_LEVELS]
    grid = np.linspace(first, last, GRID)
    places, slopes = _fit(x, curves, _list_places(x, [grid] * breaks))
    fine = np.linspace(-1, 1, 2 * FINER + 1) * (grid[1] - grid[0])
    for coarse in np.unique(places, axis=0):
        rows = (places == coarse).all(axis=1)
        around = [np.clip(place + fine, first, last) for place in coarse]
        places[rows], slopes[rows] = _fit(x, curves[rows], _list_places(x, around))
    return places, slopes


def _fit(x: Values, curves: Values, candidates: Sequence[Values]) -> tuple[Values, Values]:
    """The best of ``candidates`` for each curve, and the slopes there."""
    breaks = len(candidates[0])
    best = np.full(len(curves), np.inf)
    places = np.zeros((len(curves), breaks))
    slopes = np.zeros((len(curves), breaks + 1))
    squares = (curves**2).sum(axis=1)
    for candidate in candidates:
        basis, triangle = np.linalg.qr(make_design(x, candidate))
        projected = curves @ basis
        error = squares - (projected**2).sum(axis=1)
        better = error < best - 1e-12
        if not better.any():
            continue
        coefficients = np.linalg.solve(triangle, projected[better].T).T
        best[better] = error[better]
        places[better] = candidate
        slopes[better] = np.cumsum(coefficients[:, 1:], axis=1)
    return places, slopes


def _list_places(x: Values, axes: Sequence[Values]) -> list[Values]:
    """All ways to take one place of each axis, in order, with enough levels on each segment."""
    found = []
    for places in itertools.product(*axes):
        edges = [x[0], *places, x[-1]]
        counts = [
            int(((x >= low - 1e-9) & (x <= high + 1e-9)).sum())
            for low, high in itertools.pairwise(edges)
        ]
        if min(counts) >= LEAST_LEVELS:
            found.append(np.array(places))
    return found


def make_design(x: Values, places: Values) -> Values:
    """Columns: a constant, the slope of the first segment, the change of slope at each place."""
    hinges = np.maximum(x[:, None] - places[None, :], 0)
    return np.column_stack([np.ones_like(x), x, hinges])
