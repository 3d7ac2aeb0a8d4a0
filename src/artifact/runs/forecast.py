# SPDX-License-Identifier: MIT
"""How long a plan will take and how much disk it needs, from what runs cost on this host.

Costs are processor seconds: how long a run lasts hangs on how many go on beside it, what it
computes does not.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from artifact.runs.bisection import expect_probes
from artifact.runs.plan import Plan, PlannedRun
from artifact.runs.searches import GOES_ON, NoPeak, follow_searches
from artifact.runs.store import Cost, Store
from artifact.runs.sweep import Engine
from testbed.experiment import Experiment

# Used until something was measured here, processor seconds on the host of docs/speed.md: boot of
# both machines, then each request.
ASSUMED_BOOT_S = 2.5
ASSUMED_REQUEST_S: Final = {"apache": 0.0033, "lighttpd": 0.00175, "nginx": 0.00175}
ASSUMED_OTHER_REQUEST_S = 0.00115  # TUX's, in all variants
ASSUMED_WAIT_S = 0.0014  # more for a request of a connection by itself: both machines wait for it
ASSUMED_STREAM_S = 18.0  # a load that is no number of requests
ASSUMED_ALONE_S = 2.0  # one machine, no traffic
ASSUMED_BYTES = 3 << 20
ALONE: Final = "alone"  # in the place of a server: one machine, no traffic
MACHINES: Final = ("qemu", "server.kernel", "client.kernel", "client.root")  # what sets the pace

Shape = tuple[str, int, int]


@dataclass(frozen=True)
class Forecast:
    """What the missing runs of a plan will take.

    ``run_s`` has the processor seconds of each missing run by key, ``search_s`` those that the
    peak searches will take in about ``probes`` runs more; ``jobs`` runs at once keep
    ``busy_cores`` busy; ``measured`` counts the runs on this host behind the numbers, 0 if they
    are assumed; ``first_s`` are host seconds to the first curve.
    """

    run_s: Mapping[str, float]
    bytes: int
    jobs: int
    busy_cores: float
    measured: int
    first_s: float
    probes: int = 0
    search_s: float = 0.0

    @property
    def seconds(self) -> float:
        """Host seconds with ``jobs`` runs at once, if the host does nothing else."""
        return (sum(self.run_s.values()) + self.search_s) / self.busy_cores


def find_shape(experiment: Experiment) -> Shape:
    """What a run's cost hangs on: server, concurrency (or rate), requests."""
    if experiment.load.program:
        return ALONE, 0, 0
    return experiment.server, *experiment.load.work


def list_known_costs(store: Store, products: Mapping[str, str]) -> list[tuple[Shape, Cost]]:
    """Shapes and costs of all runs that were performed on this host, of any plan: by the machines
    of ``products`` if there are any, else by any machines, which may have been slower or faster.

    Entries are read without a check of their digests: a wrong estimate does no harm.
    """
    same: list[tuple[Shape, Cost]] = []
    others: list[tuple[Shape, Cost]] = []
    for key in store.find_keys():
        cost = store.find_cost(key)
        inputs = store.peek_inputs(key)
        if cost is None or inputs is None:
            continue
        experiment, made_by = inputs
        alike = all(made_by.get(name) == products.get(name) for name in MACHINES)
        (same if alike else others).append((find_shape(experiment), cost))
    return same or others


def forecast(plan: Plan, store: Store, engine: Engine) -> Forecast:
    """Seconds and bytes of those runs of ``plan`` that are not in ``store`` yet, on ``engine``."""
    known = list_known_costs(store, plan.products)
    exact: dict[Shape, list[float]] = defaultdict(list)
    for shape, cost in known:
        exact[shape].append(cost.processor_s)
    pace = _find_pace(known)
    present = set(store.find_keys())
    missing: dict[str, PlannedRun] = {}
    for run in plan.runs:
        if run.key not in present:
            missing.setdefault(run.key, run)  # of designs that share a run, the first
    run_s = {key: _predict(run.experiment, exact, pace) for key, run in missing.items()}
    # One machine alone leaves next to nothing: among the others it would make them look small.
    sizes = [cost.bytes for shape, cost in known if shape[0] != ALONE]
    probes, search_s = _forecast_searches(plan, store, exact, pace)
    size = statistics.mean(sizes) if sizes else ASSUMED_BYTES
    return Forecast(
        run_s=run_s,
        bytes=round(size * (len(missing) + probes)),
        jobs=engine.slots,
        busy_cores=engine.busy_cores,
        measured=len(known),
        first_s=_sum_first(missing.values(), run_s) / engine.busy_cores,
        probes=probes,
        search_s=search_s,
    )


def _forecast_searches(
    plan: Plan, store: Store, exact: Mapping[Shape, list[float]], pace: float
) -> tuple[int, float]:
    """About how many runs the peak searches will take, and how many processor seconds."""
    probes, seconds = 0, 0.0
    standing = follow_searches(plan, store)
    for search in plan.searches:
        mine = [peak for peak in standing.peaks if peak.search == search]
        without = [peak for peak in mine if isinstance(peak, NoPeak)]
        ended = len(mine) - sum(peak.problem == GOES_ON for peak in without)
        open_seeds = search.seeds - ended
        if not open_seeds:
            continue
        made = sum(len(peak.keys) for peak in without)
        left = max(open_seeds, expect_probes(search.rates, open_seeds) - made)
        middle = search.plan_probe(search.rates[len(search.rates) // 2], 1, plan.products)
        probes += left
        seconds += left * _predict(middle.experiment, exact, pace)
    return probes, seconds


def _find_pace(known: Iterable[tuple[Shape, Cost]]) -> float:
    """How much slower than assumed this host is."""
    return statistics.median(
        [cost.processor_s / _assume(shape) for shape, cost in known] or [1.0],
    )


def _assume(shape: Shape) -> float:
    if shape[0] == ALONE:
        return ASSUMED_ALONE_S
    server, level, requests = shape
    if not requests:
        return ASSUMED_STREAM_S
    request_s = ASSUMED_REQUEST_S.get(server, ASSUMED_OTHER_REQUEST_S)
    return ASSUMED_BOOT_S + requests * (request_s + (ASSUMED_WAIT_S if level == 1 else 0))


def _predict(experiment: Experiment, exact: Mapping[Shape, list[float]], pace: float) -> float:
    shape = find_shape(experiment)
    if measured := exact.get(shape):
        return statistics.median(measured)
    return _assume(shape) * pace


def _sum_first(runs: Iterable[PlannedRun], run_s: Mapping[str, float]) -> float:
    """Processor seconds until the first curve: seed 1 of the first server under load is whole."""
    seconds = 0.0
    curve: tuple[str, str] | None = None
    for run in runs:
        if not run.experiment.load.program:
            curve = curve or (run.design, run.server)
            if (run.design, run.server) != curve or run.seed != 1:
                break
        seconds += run_s[run.key]
    return seconds


def describe_time(seconds: float) -> str:
    """Seconds for people: "40 s", "12 min", "3 h 05 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


def describe_forecast(plan: Plan, found: Forecast) -> str:
    """One line for the announcement of a sweep."""
    total = len(plan.keys)
    missing = len(found.run_s)
    if not missing and not found.probes:
        return f"{plan.tier} tier: all {total} runs are in the store"
    basis = f"from {found.measured} runs measured here" if found.measured else "assumed, no run yet"
    return (
        f"{plan.tier} tier: {missing} of {total} runs to do"
        + (f" and about {found.probes} of the peak searches" if found.probes else "")
        + f", about {describe_time(found.seconds)} with {found.jobs} at once (first curve after "
        f"about {describe_time(found.first_s)}) and {found.bytes / 1e6:.0f} MB of disk ({basis})"
    )
