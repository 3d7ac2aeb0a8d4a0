# SPDX-License-Identifier: MIT
"""Results of a plan as a table: one row a run, what is missing or invalid included."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from artifact.judge.courses import SCHEMA as COURSE_SCHEMA
from artifact.judge.courses import list_moments
from artifact.judge.ledgers import SCHEMA as LEDGER_SCHEMA
from artifact.judge.ledgers import tabulate_ledger
from artifact.judge.origins import SCHEMA as ORIGIN_SCHEMA
from artifact.judge.origins import tabulate_attribution
from artifact.runs.plan import Plan, PlannedRun
from artifact.runs.searches import NoPeak, Peak, expand_plan, follow_searches
from artifact.runs.store import DamageError, Entry, Outcome, Store
from artifact.runs.symbols import NAME as SYMBOLS_FILE
from artifact.runs.symbols import SCHEMA as SYMBOL_SCHEMA
from artifact.runs.symbols import read_misses
from artifact.statistics.estimates import estimate_mean
from artifact.study.designs import IDENTITY
from artifact.study.metrics import METRICS, find_metric
from ground.files import canonical_json, digest_bytes
from testbed.gates.run import LOSS_GATES
from testbed.measurement import Measurement, Zone

MISSING = "missing"
SEPARATOR = "; "  # of reasons in one column

SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "design": pl.String,
    "server": pl.String,
    "variant": pl.String,
    "level": pl.Int64,
    "seed": pl.Int64,
    "key": pl.String,
    "outcome": pl.String,
    "zone": pl.String,
    "only_lost": pl.Boolean,
    "reasons": pl.String,
    "digest": pl.String,
    **dict.fromkeys(METRICS, pl.Float64),
}


LATENCY_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "design": pl.String,
    "variant": pl.String,
    "valid": pl.Boolean,
    "working_set_bytes": pl.Int64,
    "cycles": pl.Float64,
    "stretches": pl.Int64,
}


@dataclass(frozen=True)
class Results:
    """``plan`` includes the runs of peak searches.  ``runs`` has one row per run, ``latencies``
    one per working set of each pointer chase, ``origins`` what the runs that marked memory found
    (`artifact.judge.origins`), ``symbols`` the misses by function of those that were profiled
    (`artifact.runs.symbols`), ``ledgers`` where the connections of closed loops were
    (`artifact.judge.ledgers`), ``peaks`` what the searches found, ``courses`` what spikes did in
    time
    (`artifact.judge.courses`); ``digest`` stands for all results together."""

    plan: Plan
    runs: pl.DataFrame
    latencies: pl.DataFrame
    digest: str
    origins: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=ORIGIN_SCHEMA))
    peaks: tuple[Peak | NoPeak, ...] = ()
    courses: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=COURSE_SCHEMA))
    symbols: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SYMBOL_SCHEMA))
    ledgers: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=LEDGER_SCHEMA))


def load_results(plan: Plan, store: Store) -> Results:
    """The results of ``plan`` that ``store`` holds; a damaged entry counts as missing."""
    standing = follow_searches(plan, store)
    plan = expand_plan(plan, standing)
    entries = [(run, _find_entry(store, run.key)) for run in plan.runs]
    rows = [_make_row(run, entry) for run, entry in entries]
    origins = [row for run, entry in entries for row in _list_origins(run, entry)]
    frame = pl.DataFrame(rows, schema=SCHEMA).sort(IDENTITY)
    sets = [row for run, entry in entries if entry for row in _list_latencies(run, entry)]
    latencies = pl.DataFrame(sets, schema=LATENCY_SCHEMA)
    digests = dict(frame.select("key", "digest").drop_nulls().iter_rows())
    found = pl.DataFrame(origins, schema=ORIGIN_SCHEMA, orient="row")
    digest = digest_bytes(canonical_json(digests))
    functions = [row for run, entry in entries for row in _list_symbols(run, entry, store)]
    symbols = pl.DataFrame(functions, schema=SYMBOL_SCHEMA, orient="row")
    found = found.sort(found.columns)
    moments = [row for run, entry in entries for row in _list_moments(run, entry)]
    courses = pl.DataFrame(moments, schema=COURSE_SCHEMA, orient="row")
    samples = [row for run, entry in entries for row in _list_ledger(run, entry)]
    ledgers = pl.DataFrame(samples, schema=LEDGER_SCHEMA, orient="row")
    return Results(plan, frame, latencies, digest, found, standing.peaks, courses, symbols, ledgers)


def identify(run: PlannedRun) -> tuple[object, ...]:
    """What tells ``run`` from the others of its tier (IDENTITY)."""
    return tuple(getattr(run, name) for name in IDENTITY)


def _list_moments(run: PlannedRun, entry: Entry | None) -> list[tuple[object, ...]]:
    """Rows of ``Results.courses``."""
    recovery = entry.measurement.recovery if entry and entry.measurement else None
    return [(*identify(run), *moment) for moment in list_moments(recovery)] if recovery else []


def _list_origins(run: PlannedRun, entry: Entry | None) -> list[tuple[object, ...]]:
    """Rows of ``Results.origins``; a run need not be steady to tell where its misses come from,
    but it must not have lost anything."""
    measurement = entry.measurement if entry else None
    if measurement is None or measurement.attribution is None or measurement.zone is Zone.FAILURE:
        return []
    return [(*identify(run), *item) for item in tabulate_attribution(measurement.attribution)]


def _list_symbols(run: PlannedRun, entry: Entry | None, store: Store) -> list[tuple[object, ...]]:
    """Rows of ``Results.symbols``, under the same condition as the origins'."""
    measurement = entry.measurement if entry else None
    path = store.find_directory(run.key) / SYMBOLS_FILE
    if measurement is None or measurement.zone is Zone.FAILURE or not path.is_file():
        return []
    return [
        (*identify(run), *item) for item in read_misses(path, measurement.load_report.completed)
    ]


def _list_ledger(run: PlannedRun, entry: Entry | None) -> list[tuple[object, ...]]:
    """Rows of ``Results.ledgers``, of invalid runs too: where connections are may be the reason."""
    if entry is None or entry.measurement is None:
        return []
    valid = entry.outcome is Outcome.MEASURED
    return [(*identify(run), valid, *item) for item in tabulate_ledger(entry.measurement)]


def _find_entry(store: Store, key: str) -> Entry | None:
    try:
        return store.load(key)
    except DamageError:
        return None


def list_reasons(reasons: str) -> list[str]:
    """What was wrong with a run, from its column ``reasons``: a gate each, then what it found."""
    return reasons.split(SEPARATOR)


def list_gates(reasons: str) -> list[str]:
    """The validity gates that a run broke, from its column ``reasons``."""
    return [reason.partition(":")[0] for reason in list_reasons(reasons)]


def _make_row(run: PlannedRun, entry: Entry | None) -> dict[str, object]:
    row: dict[str, object] = {
        "design": run.design,
        "server": run.server,
        "variant": run.variant,
        "level": run.level,
        "seed": run.seed,
        "key": run.key,
        "outcome": entry.outcome.value if entry else MISSING,
        "zone": Zone.UNKNOWN.value,
        "reasons": SEPARATOR.join(entry.reasons) if entry else "not run yet",
        "digest": entry.digest if entry else None,
    }
    if entry and entry.measurement:
        row["zone"] = entry.measurement.zone.value
        row["only_lost"] = _has_only_lost(entry.measurement)
        row |= {name: metric.find(entry.measurement) for name, metric in METRICS.items()}
    return row


def _list_latencies(run: PlannedRun, entry: Entry) -> list[dict[str, object]]:
    return [
        {
            "design": run.design,
            "variant": run.variant,
            "valid": entry.outcome is Outcome.MEASURED,
            **latency.model_dump(),
        }
        for latency in (entry.measurement.latencies if entry.measurement else ())
    ]


def _has_only_lost(measurement: Measurement) -> bool:
    """Whether the run broke gates, and all of them because something was lost."""
    broken = {gate.name for gate in measurement.gates if not gate.passed}
    return bool(broken) and broken <= LOSS_GATES


def select_valid(
    results: Results,
    design: str,
    metric: str,
    *,
    server: str,
    variant: str = "base",
    lossy: bool = False,
) -> pl.DataFrame:
    """Valid values of ``metric``: columns level, seed, value, key.

    With ``lossy`` those runs, too, in which connections were lost and nothing else was wrong.
    """
    find_metric(metric)
    accepted = pl.col("outcome") == Outcome.MEASURED.value
    if lossy:
        accepted = accepted | pl.col("only_lost").fill_null(False)
    return results.runs.filter(
        (pl.col("design") == design)
        & (pl.col("server") == server)
        & (pl.col("variant") == variant)
        & accepted
        & pl.col(metric).is_not_null()
    ).select("level", "seed", pl.col(metric).alias("value"), "key")


def find_pairs(
    results: Results,
    design: str,
    metric: str,
    *,
    server: str,
    variant: str,
    level: int,
    base: int,
) -> tuple[list[float], list[float]]:
    """Valid values at ``level`` and at ``base`` of the seeds that have both, in their order."""
    frame = select_valid(results, design, metric, server=server, variant=variant)
    columns = [
        dict(frame.filter(pl.col("level") == c).select("seed", "value").iter_rows())
        for c in (level, base)
    ]
    seeds = sorted(set(columns[0]) & set(columns[1]))
    return [columns[0][s] for s in seeds], [columns[1][s] for s in seeds]


def summarize(results: Results, design: str, metric: str) -> pl.DataFrame:
    """Mean over seeds with interval, for each server, variant and level of ``design``.

    Columns: server, variant, level, valid, value, low, high, seeds, zone.  Valid and invalid runs
    make rows of their own, so that a figure can show both and mix neither.  ``low`` and ``high``
    are null where there is no interval.
    """
    find_metric(metric)
    runs = results.runs.filter((pl.col("design") == design) & pl.col(metric).is_not_null())
    valid = pl.col("outcome") == Outcome.MEASURED.value
    rows = []
    groups = runs.with_columns(valid=valid).group_by(
        "server", "variant", "level", "valid", maintain_order=True
    )
    for (server, variant, level, is_valid), group in groups:
        estimate = estimate_mean(group.sort("seed")[metric].to_list())
        rows.append(
            {
                "server": server,
                "variant": variant,
                "level": level,
                "valid": is_valid,
                "value": estimate.value,
                "low": estimate.low,
                "high": estimate.high,
                "seeds": estimate.n,
                "zone": group["zone"].mode().sort()[0],
            }
        )
    schema = {
        "server": pl.String,
        "variant": pl.String,
        "level": pl.Int64,
        "valid": pl.Boolean,
        "value": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "seeds": pl.Int64,
        "zone": pl.String,
    }
    return pl.DataFrame(rows, schema=schema).sort("server", "variant", "level", "valid")


def count_outcomes(results: Results) -> dict[str, int]:
    """Number of runs by how they ended, ``missing`` among them."""
    counted = results.runs.unique("key").group_by("outcome").len().sort("outcome")
    return dict(counted.iter_rows())
