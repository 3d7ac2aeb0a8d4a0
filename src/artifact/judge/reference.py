# SPDX-License-Identifier: MIT
"""Reference results: what each run of a tier gave, with digests, small enough to be committed.

The same inputs must give the same bytes on the user's machine; where the inputs differ, the
verdicts can still be held against those of the reference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict

from artifact.judge.results import MISSING, SCHEMA, Results, identify
from artifact.judge.verdicts import Judgement
from artifact.runs.plan import Plan, PlannedRun
from artifact.runs.rehearsal import SYNTHETIC
from artifact.runs.searches import tabulate_brackets
from artifact.statistics.estimates import bound_interval
from artifact.study.designs import IDENTITY, Tier
from ground.documents import read_made
from ground.errors import ExitCode, UsageError
from ground.files import digest_bytes, write_atomically
from ground.paths import PROJECT

FOLDER = PROJECT / "results" / "reference"
HEAD = "reference.json"
RUNS = "runs.csv"
PEAKS = "peaks.csv"
TABLES = ("origins", "symbols", "latencies", "ledgers", "courses")  # of Results, beside the runs
RUNS_SCHEMA = {name: kind for name, kind in SCHEMA.items() if name != "key"} | {
    "experiment": pl.String
}


class Head(BaseModel):
    """Where reference results come from: ``commit`` made them from ``products``; ``results``
    stands for all of them together; ``verdicts`` were drawn from them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tier: Tier
    commit: str
    results: str
    products: dict[str, str]
    verdicts: tuple[Judgement, ...]


@dataclass(frozen=True)
class Reference:
    """Committed results of a tier: where they come from, and one row a run (RUNS_SCHEMA)."""

    head: Head
    runs: pl.DataFrame


class Match(StrEnum):
    """How a result compares with its reference."""

    SAME = "same"
    DIFFERENT = "different"
    OTHER_SOURCES = "other sources"
    CHANGED = "experiment changed"
    ABSENT = "no reference"


class Agreement(StrEnum):
    """How a verdict compares with the reference's."""

    SAME = "same"
    OVERLAPS = "intervals overlap"
    APART = "intervals are apart"
    ABSENT = "not in both"


@dataclass(frozen=True)
class Comparison:
    """A tier's results beside the reference's: matches by run, ``verdicts`` with the reference's
    (None if it has none), the products that differ."""

    commit: str
    matches: Mapping[str, Match]
    verdicts: tuple[tuple[Judgement, Judgement | None], ...]
    products: tuple[str, ...]

    def describe(self) -> str:
        """In a line."""
        runs = Counter(self.matches.values())
        same = sum(other is not None and mine.verdict == other.verdict
                   for mine, other in self.verdicts)  # fmt: skip
        counts = ", ".join(f"{count} {match}" for match, count in sorted(runs.items()))
        return (
            f"reference ({self.commit[:12]}): runs: {counts or 'none'}; "
            f"{same} of {len(self.verdicts)} verdicts are the same"
        )


def find_folder(tier: Tier) -> Path:
    """Where the reference results of ``tier`` are committed."""
    return FOLDER / tier.value


def digest_experiment(run: PlannedRun) -> str:
    """Identity of a run's experiment, host limits left out."""
    return digest_bytes(run.experiment.model_dump_json(exclude={"limits"}).encode())


def write_reference(
    results: Results, judgements: Sequence[Judgement], folder: Path, commit: str
) -> int:
    """Write ``results`` as the reference into ``folder``; return the number of runs.

    Raises UsageError if a run is missing: a reference is whole.
    """
    if missing := results.runs.filter(outcome=MISSING).height:
        raise UsageError(
            f"{missing} runs of the {results.plan.tier} tier are not stored",
            hint=f"./invoke reproduce --tier {results.plan.tier}",
        )
    experiments = pl.DataFrame(
        [(*identify(run), digest_experiment(run)) for run in results.plan.runs],
        schema={name: RUNS_SCHEMA[name] for name in (*IDENTITY, "experiment")},
        orient="row",
    )
    runs = results.runs.drop("key").join(experiments, on=IDENTITY, how="left").select(*RUNS_SCHEMA)
    head = Head(
        tier=results.plan.tier,
        commit=commit,
        results=results.digest,
        products=dict(sorted(results.plan.products.items())),
        verdicts=tuple(j.model_copy(update={"keys": ()}) for j in judgements),
    )
    write_atomically(folder / RUNS, runs.sort(IDENTITY).write_csv().encode())
    for name in TABLES:
        write_atomically(folder / f"{name}.csv", getattr(results, name).write_csv().encode())
    write_atomically(folder / PEAKS, tabulate_brackets(results.peaks).write_csv().encode())
    write_atomically(folder / HEAD, (head.model_dump_json(indent=1) + "\n").encode())
    return runs.height


def _read_runs(path: Path) -> pl.DataFrame:
    """The table of runs at ``path``; a metric that is younger than the reference is null there."""
    known = pl.read_csv(path, n_rows=0).columns
    kept = {name: kind for name, kind in RUNS_SCHEMA.items() if name in known}
    if lost := [name for name in (*IDENTITY, "digest", "experiment") if name not in kept]:
        raise pl.exceptions.ColumnNotFoundError(f"{path.name} has no column {lost[0]}")
    runs = pl.read_csv(path, schema_overrides=kept, columns=list(kept))
    return pl.concat([pl.DataFrame(schema=RUNS_SCHEMA), runs], how="diagonal")


def load_reference(folder: Path) -> Reference:
    """The reference results in ``folder``.  Raises UsageError if there are none, or broken ones."""
    try:
        head = read_made(Head, (folder / HEAD).read_bytes())
        runs = _read_runs(folder / RUNS)
    except FileNotFoundError:
        raise UsageError(
            f"no reference results at {folder}",
            hint="choose another tier, or record them: ./invoke reference --write --tier TIER",
        ) from None
    except (ValueError, pl.exceptions.PolarsError) as error:
        raise UsageError(
            f"{folder} has no whole reference results: {str(error).splitlines()[0]}",
            hint="restore it from the repository",
        ) from None
    return Reference(head, runs)


def find_reference(plan: Plan) -> Reference | None:
    """The committed reference of the tier of ``plan``; None if there is none, or if the plan is a
    rehearsal, whose numbers stand for nothing."""
    folder = find_folder(plan.tier)
    if SYNTHETIC in plan.products or not (folder / HEAD).is_file():
        return None
    return load_reference(folder)


def compare(results: Results, judgements: Sequence[Judgement], reference: Reference) -> Comparison:
    """Each stored run and each judgement beside the reference's.

    A different result is an error only if it was made from the same build products.
    """
    known = {
        row[:5]: row[5:]
        for row in reference.runs.select(*IDENTITY, "experiment", "digest").iter_rows()
    }
    digests = dict(results.runs.select("key", "digest").iter_rows())
    other = _list_differing_products(results.plan, reference)
    matches = {
        run.label: _compare_run(run, digest, known.get(identify(run)), same_sources=not other)
        for run in results.plan.runs
        if (digest := digests[run.key])
    }
    verdicts = {judgement.id: judgement for judgement in reference.head.verdicts}
    return Comparison(
        reference.head.commit,
        matches,
        tuple((judgement, verdicts.get(judgement.id)) for judgement in judgements),
        tuple(other),
    )


def _compare_run(
    run: PlannedRun, digest: str, known: tuple[str, str] | None, *, same_sources: bool
) -> Match:
    if known is None:
        return Match.ABSENT
    if known[0] != digest_experiment(run):
        return Match.CHANGED
    if known[1] == digest:
        return Match.SAME
    return Match.DIFFERENT if same_sources else Match.OTHER_SOURCES


def _span(judgement: Judgement) -> tuple[float, float]:
    """The interval, which may have an open side; without any, the value alone."""
    alone = judgement.value or 0.0
    return bound_interval(judgement.low, judgement.high) or (alone, alone)


def find_agreement(mine: Judgement, other: Judgement | None) -> Agreement:
    """Whether two intervals for one claim have a ratio in common."""
    if other is None or mine.value is None or other.value is None:
        return Agreement.ABSENT
    here, there = _span(mine), _span(other)
    if (mine.value, here) == (other.value, there):
        return Agreement.SAME
    overlap = here[0] <= there[1] and there[0] <= here[1]
    return Agreement.OVERLAPS if overlap else Agreement.APART


def _list_differing_products(plan: Plan, reference: Reference) -> list[str]:
    """Names of the build products that differ from those of the reference."""
    products = reference.head.products
    names = set(plan.products) | set(products)
    return sorted(n for n in names if plan.products.get(n) != products.get(n))


def find_exit_code(matches: Mapping[str, Match]) -> ExitCode:
    """0 if everything is the same, 1 if the same inputs gave other bytes, else 3."""
    found = set(matches.values())
    if Match.DIFFERENT in found:
        return ExitCode.DOES_NOT_HOLD
    return ExitCode.HOLDS if found == {Match.SAME} else ExitCode.INCONCLUSIVE
