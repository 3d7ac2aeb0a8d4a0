# SPDX-License-Identifier: MIT
"""Peak searches of a plan: which runs they have made, which they want next, what they found.

A search has no state of its own.  It is played again from the run store each time, so it is
resumed, sharded and repeated as all other runs are.
"""

# DEVIATIONS.md: [peak load]

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from artifact.runs.bisection import Bracket, Wanted, find_bracket
from artifact.runs.plan import Plan, PlannedRun, PlannedSearch
from artifact.runs.store import DamageError, Entry, Outcome, Store
from artifact.study.designs import Criterion
from testbed.measurement import Measurement, Zone

GOES_ON = "the search goes on"
# What makes a run say nothing about the server under load.
DISQUALIFYING = frozenset(
    {"offered-rate", "offered-spike", "wrong-responses", "guest-log", "link-share"}
)
BRACKET_SCHEMA: dict[str, type[pl.DataType]] = {
    "design": pl.String,
    "server": pl.String,
    "variant": pl.String,
    "seed": pl.Int64,
    "low": pl.Int64,
    "high": pl.Int64,
}
RECOVERY_S = 1.0  # virtual; in a longer time a client's first repeated SYN would help


@dataclass(frozen=True)
class Peak:
    """What the search of one server in one seed found; ``keys`` are those of its runs."""

    search: PlannedSearch
    seed: int
    bracket: Bracket
    keys: tuple[str, ...]


@dataclass(frozen=True)
class NoPeak:
    """A search without an end: it goes on, or a run that it needs is of no use, as ``problem``
    says."""

    search: PlannedSearch
    seed: int
    keys: tuple[str, ...]
    problem: str


@dataclass(frozen=True)
class Standing:
    """Where the searches of a plan stand."""

    visited: tuple[PlannedRun, ...]
    pending: tuple[PlannedRun, ...]
    peaks: tuple[Peak | NoPeak, ...]


class UselessRunError(ValueError):
    """A run from which nothing follows for the search."""


def bears(entry: Entry, search: PlannedSearch) -> bool:
    """Whether the server bore the rate of a run, by the criterion of ``search``.

    Raises UselessRunError if the run does not tell.
    """
    measurement = entry.measurement
    if entry.outcome is Outcome.SUBJECT_FAILED:
        return False
    if measurement is None:
        raise UselessRunError("; ".join(entry.reasons))
    if useless := [g for g in measurement.failed_gates if g.name in DISQUALIFYING]:
        raise UselessRunError(f"{useless[0].name}: {useless[0].reason}")
    return CRITERIA[search.bears](measurement, search.accuracy)


def sustains(measurement: Measurement, accuracy: float) -> bool:
    """Whether the server kept up: all replied to within ``accuracy``, nothing lost."""
    window, report = measurement.window, measurement.load_report
    if window is None or measurement.zone is Zone.FAILURE or report.errors:
        return False
    return window.requests_per_s >= (1 - accuracy) * window.arrivals_per_s


def recovers(measurement: Measurement, _: float) -> bool:
    """Whether the server was over the spike in time."""
    recovery = measurement.recovery
    if recovery is None:
        raise UselessRunError("the run had no spike")
    return recovery.recovered_s is not None and recovery.recovered_s <= RECOVERY_S


CRITERIA: Mapping[Criterion, Callable[[Measurement, float], bool]] = {
    Criterion.SUSTAINS: sustains,
    Criterion.RECOVERS: recovers,
}


def follow_searches(plan: Plan, store: Store) -> Standing:
    """Play all searches of ``plan`` again from what ``store`` holds."""
    visited: list[PlannedRun] = []
    pending: list[PlannedRun] = []
    peaks: list[Peak | NoPeak] = []
    for search in plan.searches:
        start: int | None = None
        for seed in range(1, search.seeds + 1):
            peak, runs, wanted = _follow(plan, search, seed, start, store)
            peaks.append(peak)
            visited += runs
            pending += [wanted] if wanted else []
            if seed == 1:
                if wanted:
                    break  # its peak is where the other seeds begin
                start = peak.bracket.guess if isinstance(peak, Peak) else None
    return Standing(tuple(visited), tuple(pending), tuple(peaks))


def _follow(
    plan: Plan, search: PlannedSearch, seed: int, start: int | None, store: Store
) -> tuple[Peak | NoPeak, list[PlannedRun], PlannedRun | None]:
    """One seed's search: what it found, the runs that it visited, the run that it wants."""
    runs: list[PlannedRun] = []
    try:
        found = find_bracket(search.rates, _make_oracle(plan, search, seed, store, runs), start)
    except UselessRunError as error:
        return NoPeak(search, seed, tuple(run.key for run in runs), str(error)), runs, None
    if isinstance(found, Wanted):
        wanted = runs.pop()
        keys = tuple(run.key for run in runs)
        return NoPeak(search, seed, keys, GOES_ON), runs, wanted
    return Peak(search, seed, found, tuple(run.key for run in runs)), runs, None


def _make_oracle(
    plan: Plan, search: PlannedSearch, seed: int, store: Store, runs: list[PlannedRun]
) -> Callable[[int], bool | None]:
    """What the store knows of a rate; each run that is asked for is added to ``runs``."""

    def ask(rate: int) -> bool | None:
        run = search.plan_probe(rate, seed, plan.products)
        runs.append(run)
        try:
            entry = store.load(run.key)
        except DamageError:
            entry = None
        return None if entry is None else bears(entry, search)

    return ask


def expand_plan(plan: Plan, standing: Standing) -> Plan:
    """``plan`` with the runs of its searches, those that come next included."""
    planned = {(run.design, run.key) for run in plan.runs}
    further = (*standing.visited, *standing.pending)
    new = tuple(run for run in further if (run.design, run.key) not in planned)
    return plan.model_copy(update={"runs": plan.runs + new})


def tabulate_brackets(peaks: Iterable[Peak | NoPeak]) -> pl.DataFrame:
    """One row a search and seed that found the peak (BRACKET_SCHEMA): between which rates."""
    rows = [
        (p.search.design, p.search.server, p.search.variant, p.seed, p.bracket.low, p.bracket.high)
        for p in peaks
        if isinstance(p, Peak)
    ]
    return pl.DataFrame(rows, schema=BRACKET_SCHEMA, orient="row")


def restore_brackets(plan: Plan, table: pl.DataFrame) -> tuple[Peak, ...]:
    """What `tabulate_brackets` has of the searches of ``plan``, without the runs behind it."""
    searches = {(s.design, s.server, s.variant): s for s in plan.searches}
    return tuple(
        Peak(searches[design, server, variant], seed, Bracket(low, high, ()), ())
        for design, server, variant, seed, low, high in table.iter_rows()
        if (design, server, variant) in searches
    )
