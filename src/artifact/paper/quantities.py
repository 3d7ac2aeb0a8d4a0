# SPDX-License-Identifier: MIT
"""Quantities that the paper speaks of beside the verdicts: which runs, which statistic, by name.

``paper/quantities.toml`` lists them.  A quantity that the stored results do not give is missing;
it is never taken from another point.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, assert_never

import polars as pl
from pydantic import Field

from artifact.judge.origins import ORIGINS, REST, find_origin
from artifact.judge.results import list_gates
from artifact.paper.stored import Stored
from artifact.runs.store import Outcome
from artifact.statistics.estimates import Estimate, estimate_mean, estimate_ratio
from artifact.study.metrics import METRICS
from ground.documents import Strict, load_document
from ground.errors import UsageError

NAME: Final = "quantities.toml"
NamePattern = r"^[a-z0-9][a-z0-9.-]*$"


class Point(Strict):
    """Runs of one point of a design; ``level`` is a concurrency, or an offered rate."""

    design: str
    server: str
    level: int
    variant: str = "base"

    def __str__(self) -> str:
        variant = "" if self.variant == "base" else f"/{self.variant}"
        return f"{self.design}/{self.server}{variant} at {self.level}"


class Named(Strict):
    """What every kind has: the name by which the paper asks for it."""

    name: Annotated[str, Field(pattern=NamePattern)]


class OnMemory(Named):
    """Of L2 misses at a point those on memory of any of ``origins``
    (`artifact.judge.origins.ORIGINS`)."""

    origins: tuple[str, ...]
    at: Point


class Mean(Named):
    """Mean of a metric over the valid seeds."""

    kind: Literal["mean"]
    metric: str
    at: Point


class Ratio(Named):
    """Geometric mean of a metric at one point over that at another, paired by seed."""

    kind: Literal["ratio"]
    metric: str
    at: Point
    over: Point


class Share(Named):
    """Share of the connections that stand at any of ``parts`` (`artifact.judge.ledgers.ORDER`)."""

    kind: Literal["share"]
    parts: tuple[str, ...]
    at: Point


class Origin(OnMemory):
    """Their number per request."""

    kind: Literal["origin"]


class OriginShare(OnMemory):
    """Their share of all L2 misses."""

    kind: Literal["origin-share"]


class Searched(Named):
    """Share of the seeds in which the search for a server's peak found a rate that it bears."""

    kind: Literal["searched"]
    design: str
    server: str


class Broken(Named):
    """Share of the runs at a point that broke the validity gate ``gate`` (`testbed.gates`)."""

    kind: Literal["broken"]
    gate: str
    at: Point


Quantity = Annotated[
    Mean | Ratio | Share | Origin | OriginShare | Searched | Broken, Field(discriminator="kind")
]


class Quantities(Strict):
    """The file."""

    quantity: tuple[Quantity, ...]


@dataclass(frozen=True)
class Finding:
    """What came of a quantity: the estimate, or the problem that there is none."""

    measured: str
    unit: str
    estimate: Estimate | None
    problem: str = ""


def load_quantities(folder: Path) -> tuple[Quantity, ...]:
    """Those of ``folder``/quantities.toml.  Raises UsageError naming file, field and remedy."""
    path = folder / NAME
    if not path.is_file():
        raise UsageError(f"no quantities at {path}", hint="restore it from the repository")
    found = load_document(Quantities, path).quantity
    for quantity in found:
        if isinstance(quantity, Mean | Ratio) and quantity.metric not in METRICS:
            raise UsageError(
                f"{path}: {quantity.name} has no metric {quantity.metric!r}",
                hint=f"choose one of {', '.join(METRICS)}",
            )
        if isinstance(quantity, OnMemory) and (wrong := set(quantity.origins) - {*ORIGINS, REST}):
            raise UsageError(
                f"{path}: {quantity.name} has no origin {min(wrong)!r}",
                hint=f"choose of {', '.join([*ORIGINS, REST])}",
            )
    return found


def find_quantity(quantity: Quantity, stored: Stored) -> Finding:
    """``quantity`` in ``stored``."""
    what, unit = _describe(quantity)
    try:
        return Finding(what, unit, _estimate(quantity, stored))
    except ValueError as error:
        return Finding(what, unit, None, f"{what}: {error}")


def _describe(quantity: Quantity) -> tuple[str, str]:
    """What is measured, in words, and its unit."""
    unit = ""
    match quantity:
        case Mean():
            unit = METRICS[quantity.metric].unit
            what = f"{METRICS[quantity.metric].label}, {quantity.at}"
        case Ratio():
            what = f"{METRICS[quantity.metric].label}, {quantity.at} / {quantity.over}"
        case Share():
            what = f"share of connections, {quantity.at}: {', '.join(quantity.parts)}"
        case Origin():
            unit = METRICS["l2_total"].unit
            what = f"L2 misses a request, {quantity.at}: {', '.join(quantity.origins)}"
        case OriginShare():
            what = f"share of L2 misses, {quantity.at}: {', '.join(quantity.origins)}"
        case Searched():
            what = f"share of searches that found a peak, {quantity.design}/{quantity.server}"
        case Broken():
            what = f"share of runs that broke the gate {quantity.gate}, {quantity.at}"
        case other:
            assert_never(other)
    return what, unit


def _estimate(quantity: Quantity, stored: Stored) -> Estimate:
    """Raises ValueError, in words, if the stored results do not give it."""
    match quantity:
        case Mean():
            values = _select_values(stored, quantity.metric, quantity.at)
        case Ratio():
            return _divide(quantity, stored)
        case Share():
            values = _find_shares(quantity, stored)
        case Origin():
            values = _find_misses(quantity, stored)
        case OriginShare():
            values = _find_portions(quantity, stored)
        case Searched():
            values = _find_searched(quantity, stored)
        case Broken():
            values = _find_broken(quantity, stored)
        case other:
            assert_never(other)
    return _average(values)


def _average(values: dict[int, float]) -> Estimate:
    if not values:
        raise ValueError("no valid run is stored")
    return estimate_mean([values[seed] for seed in sorted(values)])


def _divide(quantity: Ratio, stored: Stored) -> Estimate:
    above, below = (
        _select_values(stored, quantity.metric, point) for point in (quantity.at, quantity.over)
    )
    seeds = sorted(set(above) & set(below))
    if not seeds:
        raise ValueError("no seed has valid runs of both")
    return estimate_ratio([above[s] for s in seeds], [below[s] for s in seeds])


def _select_values(stored: Stored, metric: str, point: Point) -> dict[int, float]:
    """The metric of valid runs by seed."""
    rows = _filter(stored.runs, point).filter(
        (pl.col("outcome") == Outcome.MEASURED.value) & pl.col(metric).is_not_null()
    )
    return dict(rows.select("seed", metric).iter_rows())


def _find_shares(quantity: Share, stored: Stored) -> dict[int, float]:
    rows = _filter(stored.ledgers, quantity.at).filter(pl.col("valid"))
    return _sum_by_seed(rows, pl.col("name").is_in(quantity.parts))


def _find_misses(quantity: OnMemory, stored: Stored) -> dict[int, float]:
    rows = _filter(stored.origins, quantity.at).filter(quantity="misses")
    origin = pl.col("name").map_elements(find_origin, return_dtype=pl.String)
    return _sum_by_seed(rows, origin.is_in(quantity.origins))


def _find_portions(quantity: OriginShare, stored: Stored) -> dict[int, float]:
    rows = _filter(stored.origins, quantity.at).filter(quantity="misses")
    total = _sum_by_seed(rows, pl.lit(value=True))
    return {seed: value / total[seed] for seed, value in _find_misses(quantity, stored).items()}


def _find_searched(quantity: Searched, stored: Stored) -> dict[int, float]:
    """1 for a seed whose search ended with a rate, 0 for one in which none was borne."""
    rows = stored.peaks.filter(design=quantity.design, server=quantity.server)
    return {seed: float(low is not None) for seed, low in rows.select("seed", "low").iter_rows()}


def _find_broken(quantity: Broken, stored: Stored) -> dict[int, float]:
    """1 for a seed whose run broke the gate, 0 for the others."""
    rows = _filter(stored.runs, quantity.at).filter(
        pl.col("outcome").is_in([Outcome.MEASURED.value, Outcome.INVALID.value])
    )
    return {
        seed: float(quantity.gate in list_gates(reasons or ""))
        for seed, reasons in rows.select("seed", "reasons").iter_rows()
    }


def _sum_by_seed(rows: pl.DataFrame, wanted: pl.Expr) -> dict[int, float]:
    """Sums of what is ``wanted``; a seed with rows of which none is has 0."""
    summed = rows.group_by("seed").agg(pl.col("value").filter(wanted).sum())
    return dict(summed.select("seed", "value").iter_rows())


def _filter(table: pl.DataFrame, point: Point) -> pl.DataFrame:
    wanted: dict[str, Any] = point.model_dump()
    return table.filter(pl.all_horizontal(pl.col(name) == value for name, value in wanted.items()))
