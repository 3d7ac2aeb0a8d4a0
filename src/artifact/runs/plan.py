# SPDX-License-Identifier: MIT
"""From experiment files to the list of runs, in order, written down before the first run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from artifact.runs.bisection import make_grid
from artifact.runs.changes import describe_changes
from artifact.runs.keys import collect_inputs, find_key
from artifact.study.designs import Criterion, Design, Tier, Variant
from ground.documents import MisfitError, read_made
from ground.errors import UsageError
from ground.files import write_atomically
from ground.seeds import generator
from testbed.experiment import Experiment


class PlannedRun(BaseModel):
    """One run of a plan: its place in the design, its experiment, its key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    design: str
    server: str
    variant: str
    level: int
    seed: int
    key: str
    experiment: Experiment

    @property
    def label(self) -> str:
        """The run's name for people."""
        place = f"{self.design}/{self.server}/{self.variant}"
        return f"{place}/{self.experiment.load.level_name}={self.level}/seed={self.seed}"


class PlannedSearch(BaseModel):
    """The search for one server's peak load in seeds 1..``seeds``, among ``rates``, of those that
    it ``bears``.

    ``experiment`` is that of the lowest rate and seed 1; each run lasts ``seconds``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    design: str
    server: str
    variant: str
    seeds: int
    rates: tuple[int, ...]
    accuracy: float
    bears: Criterion = Criterion.SUSTAINS
    seconds: float
    experiment: Experiment

    def plan_probe(self, rate: int, seed: int, products: Mapping[str, str]) -> PlannedRun:
        """The run that says whether ``rate`` is borne in ``seed``."""
        load = self.experiment.load
        offered = load.describe_level(rate, self.seconds, 0)
        change = {"seed": seed, "load": load.model_copy(update=offered)}
        experiment = self.experiment.model_copy(update=change)
        return PlannedRun(
            design=self.design,
            server=self.server,
            variant=self.variant,
            level=rate,
            seed=seed,
            key=find_key(collect_inputs(experiment, products)),
            experiment=experiment,
        )


class Plan(BaseModel):
    """All runs of a tier in the order in which they are started, and what they depend on.

    ``searches`` choose further runs as results come in (`artifact.runs.searches`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tier: Tier
    designs: tuple[str, ...]
    products: dict[str, str]
    notes: tuple[str, ...] = ()
    runs: tuple[PlannedRun, ...]
    searches: tuple[PlannedSearch, ...] = ()

    @property
    def seeds(self) -> int:
        """How many seeds the design with the most of them has."""
        found: dict[str, set[int]] = {}
        for run in self.runs:
            found.setdefault(run.design, set()).add(run.seed)
        return max((len(seeds) for seeds in found.values()), default=0)

    @property
    def keys(self) -> list[str]:
        """Keys of all runs, each once, in order (two designs may share a run)."""
        return list(dict.fromkeys(run.key for run in self.runs))

    def take_shard(self, index: int, count: int) -> Plan:
        """The part ``index`` (from 1) of ``count`` parts of this plan: every count-th run, every
        count-th search."""
        if not 1 <= index <= count:
            raise UsageError(f"no shard {index}/{count}", hint="give --shard 1/N to N/N")
        part = slice(index - 1, None, count)
        return self.model_copy(
            update={"runs": self.runs[part], "searches": self.searches[part]},
        )


def make_plan(
    tier: Tier,
    designs: Sequence[Design],
    products: Mapping[str, str],
    notes: tuple[str, ...] = (),
) -> Plan:
    """The runs of ``tier``: pointer chases first, since they say whether the machine is right;
    then seed 1 over all levels, so that figures come early, those with the most levels before
    the others; the other seeds in an order drawn from each design's fixed seed, so that no drift
    of the host can follow a factor."""
    first: list[PlannedRun] = []
    rest: list[PlannedRun] = []
    for design in sorted(designs, key=lambda design: _find_turn(design, tier)):
        runs = list_runs(design, tier, products)
        first += [run for run in runs if run.seed == 1]
        others = [run for run in runs if run.seed != 1]
        order = generator(design.order_seed, f"order of {design.id}").permutation(len(others))
        rest += [others[i] for i in order]
    return Plan(
        tier=tier,
        designs=tuple(design.id for design in designs),
        products=dict(products),
        notes=notes,
        runs=tuple(first + rest),
        searches=tuple(search for design in designs for search in list_searches(design, tier)),
    )


def _find_turn(design: Design, tier: Tier) -> tuple[bool, int]:
    scope = design.tier.get(tier)
    return not design.kind.program, -len(scope.levels) if scope else 0


def list_runs(design: Design, tier: Tier, products: Mapping[str, str]) -> list[PlannedRun]:
    """The runs of one design in the order of its factors; none if it has no such tier."""
    scope = design.tier.get(tier)
    if scope is None:
        return []
    points = (
        (server, variant, level, seed)
        for seed in range(scope.first_seed, scope.first_seed + scope.seeds)
        for variant in design.find_variants(scope)
        for server in scope.servers
        for level in scope.levels
        if seed in scope.list_seeds(level)
    )
    return [_plan_run(design, *point, products=products) for point in points]


def list_searches(design: Design, tier: Tier) -> list[PlannedSearch]:
    """The peak searches of one design, one a server."""
    scope = design.tier.get(tier)
    if scope is None or scope.search is None:
        return []
    asked = scope.search
    rates = make_grid(asked.lowest, asked.highest, asked.accuracy)
    variant = design.find_variants(scope)[0]
    return [
        PlannedSearch(
            design=design.id,
            server=server,
            variant=variant.name,
            seeds=scope.seeds,
            rates=rates,
            accuracy=asked.accuracy,
            bears=asked.bears,
            seconds=design.seconds,
            experiment=design.finalize_experiment(server, variant, rates[0], 1),
        )
        for server in scope.servers
    ]


def _plan_run(
    design: Design,
    server: str,
    variant: Variant,
    level: int,
    seed: int,
    *,
    products: Mapping[str, str],
) -> PlannedRun:
    experiment = design.finalize_experiment(server, variant, level, seed)
    return PlannedRun(
        design=design.id,
        server=server,
        variant=variant.name,
        level=level,
        seed=seed,
        key=find_key(collect_inputs(experiment, products)),
        experiment=experiment,
    )


def record_plan(plan: Plan, path: Path, *, replan: bool = False) -> None:
    """Write the manifest of planned runs to ``path`` before the first run.

    If another plan is recorded there, raises UsageError with the differences, unless
    ``replan``: results of two configurations must not meet in one figure unseen.  Fewer or more
    designs are no other configuration, since a part of a tier may be asked for.
    """
    if path.is_file() and not replan:
        _refuse_other(path, plan)
    write_atomically(path, render_plan(plan).encode())


def _refuse_other(path: Path, wanted: Plan) -> None:
    """Raise UsageError if the plan recorded at ``path`` does not agree with the one ``wanted``."""
    recorded = path.read_bytes().decode(errors="replace")
    try:
        if _agree(read_made(Plan, recorded.encode()), wanted):
            return
    except MisfitError:
        pass  # of another version: what differs is told
    try:
        changes = describe_changes(recorded, render_plan(wanted))
    except ValueError:
        raise UsageError(f"{path} is not a plan", hint="run with --replan") from None
    raise UsageError(
        f"the plan differs from the one recorded in {path}:\n{changes}",
        hint="undo the change, or accept the new plan with --replan (finished runs whose inputs "
        "did not change are kept)",
    )


def _agree(one: Plan, other: Plan) -> bool:
    """Whether the plans have the same products, and the same runs of each design in both."""
    common = {*one.designs} & {*other.designs}

    def select(plan: Plan) -> tuple[object, ...]:
        runs = [run for run in plan.runs if run.design in common]
        searches = [search for search in plan.searches if search.design in common]
        return plan.tier, plan.products, plan.notes, runs, searches

    return select(one) == select(other)


def load_plan(path: Path) -> Plan:
    """The plan recorded at ``path``.  Raises UsageError if there is none."""
    try:
        return read_made(Plan, path.read_bytes())
    except FileNotFoundError:
        raise UsageError(f"no plan at {path}", hint="run ./invoke reproduce first") from None
    except MisfitError as misfit:
        raise UsageError(f"{path} is not a plan: {misfit}", hint="run with --replan") from None


def render_plan(plan: Plan) -> str:
    """The manifest's text; equal plans give equal text."""
    return plan.model_dump_json(indent=1) + "\n"
