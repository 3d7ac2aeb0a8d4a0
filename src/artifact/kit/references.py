# SPDX-License-Identifier: MIT
"""Committed reference results as docs/results.md shows them: a chapter a tier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from artifact.judge.ledgers import ELSEWHERE
from artifact.judge.reference import HEAD, digest_experiment, find_folder
from artifact.judge.results import list_gates, list_reasons
from artifact.judge.verdicts import Judgement
from artifact.paper.stored import Stored, take_reference
from artifact.report.page import SECTIONS, find_section
from artifact.runs.plan import Plan, PlannedRun
from artifact.runs.store import Outcome
from artifact.study.claims import AnyClaim
from artifact.study.claims.evidence import Verdict
from artifact.study.designs import Tier
from testbed.guest.ledger import TITLES

WAITING: Final = "figure7"  # the design whose ledgers are shown
WAITING_LEVELS: Final = (40, 512, 2500, 4096)
# Columns of the ledger after `accepted`, from the server outwards.
OUTSIDE: Final = (
    *(TITLES[name] for name in ("accept_queue", "handshake", "closing", "held")),
    *(TITLES[name] for name in ("ring", "buffer", "turned_away")),
    ELSEWHERE,
)
UNEXPLAINED: Final = {Verdict.REPRODUCED, Verdict.DIRECTION}  # the band says all


@dataclass(frozen=True)
class Fit:
    """How a reference fits the experiments of today.

    ``today`` of its ``runs`` are of an experiment as it is now, on ``platforms``; ``lacking`` are
    runs that the tier plans and the reference does not have, ``absent`` the designs of which it
    has nothing.
    """

    runs: int
    today: int
    platforms: Mapping[str, int]
    lacking: Mapping[str, int]
    absent: tuple[str, ...]

    @property
    def share(self) -> float:
        """Which part of its runs is of today."""
        return self.today / self.runs if self.runs else 0.0


@dataclass(frozen=True)
class Rejudged:
    """A verdict whose claim now has another band or is about something else."""

    judgement: Judgement
    measured: str
    band: str


@dataclass(frozen=True)
class BrokenRuns:
    """Runs of one server that do not count for the same gates."""

    design: str
    server: str
    variant: str
    outcome: str
    levels: tuple[int, ...]
    runs: int
    gates: str
    example: str


@dataclass(frozen=True)
class LedgerRow:
    """Where the connections of one server stand at one level, in connections, by column; None
    where the reference's ledgers do not know the part."""

    level: int
    server: str
    valid: bool
    seeds: int
    counts: tuple[float | None, ...]


@dataclass(frozen=True)
class Chapter:
    """All that the page says of one tier."""

    stored: Stored
    fit: Fit
    counts: Mapping[Verdict, int]
    sections: tuple[tuple[str, tuple[Judgement, ...]], ...]
    unjudged: tuple[str, ...]
    unmeasured: tuple[str, ...]
    gone: tuple[str, ...]
    rejudged: tuple[Rejudged, ...]
    ledger: tuple[LedgerRow, ...]
    broken: tuple[BrokenRuns, ...]

    @property
    def judged(self) -> int:
        """Verdicts that say something."""
        return sum(n for verdict, n in self.counts.items() if verdict is not Verdict.NOT_JUDGED)

    @property
    def explained(self) -> list[Judgement]:
        """Verdicts that need a word why."""
        return [j for _, listed in self.sections for j in listed if j.verdict not in UNEXPLAINED]


def list_chapters(plans: Mapping[Tier, Plan], claims: Sequence[AnyClaim]) -> list[Chapter]:
    """A chapter for each tier that has a reference, what tells most of today's study first."""
    return order_chapters(
        make_chapter(take_reference(find_folder(tier)), plans[tier], claims)
        for tier in Tier
        if (find_folder(tier) / HEAD).is_file()
    )


def order_chapters(chapters: Iterable[Chapter]) -> list[Chapter]:
    """First what has verdicts, of these what fits today's experiments best, then the larger tier.

    A commit has no age where there is no repository, as in an archive of the sources; the fit
    takes its place.
    """
    order = list(Tier)
    return sorted(
        chapters,
        key=lambda p: (p.judged > 0, p.fit.share, order.index(p.stored.tier)),
        reverse=True,
    )


def make_chapter(stored: Stored, plan: Plan, claims: Sequence[AnyClaim]) -> Chapter:
    """What ``stored`` found, held against the ``plan`` of its tier and the ``claims`` of today."""
    known = {claim.id: claim for claim in claims}
    verdicts = stored.judgements
    judged = [j for j in verdicts if j.verdict is not Verdict.NOT_JUDGED]
    return Chapter(
        stored=stored,
        fit=find_fit(stored.runs, plan),
        counts={v: n for v in Verdict if (n := sum(j.verdict is v for j in verdicts))},
        sections=tuple(_list_sections(judged)),
        unjudged=_name_claims(j.claim for j in verdicts if j.verdict is Verdict.NOT_JUDGED),
        unmeasured=tuple(_list_unmeasured(claims, verdicts)),
        gone=_name_claims(j.claim for j in verdicts if j.claim not in known),
        rejudged=tuple(_list_rejudged(judged, known)),
        ledger=tuple(list_ledger_rows(stored.ledgers)),
        broken=tuple(list_broken(stored.runs)),
    )


def find_fit(runs: pl.DataFrame, plan: Plan) -> Fit:
    """Hold the experiments of ``runs`` against those of ``plan``, by digest."""
    known = set(runs["experiment"])
    planned = {digest_experiment(run): run for run in plan.runs}
    today = planned | {digest_experiment(run): run for run in _list_probes(plan, runs)}
    fitting = [run for digest, run in today.items() if digest in known]
    designs = {run.design for run in plan.runs} | {search.design for search in plan.searches}
    return Fit(
        runs=len(known),
        today=len(fitting),
        platforms=_count(run.experiment.platform.name for run in fitting),
        lacking=_count(run.design for digest, run in planned.items() if digest not in known),
        absent=tuple(sorted(designs - set(runs["design"]))),
    )


def _list_probes(plan: Plan, runs: pl.DataFrame) -> Iterator[PlannedRun]:
    """Runs of peak searches: which of them there are, only results say."""
    for search in plan.searches:
        here = runs.filter(design=search.design, server=search.server, variant=search.variant)
        for rate, seed in here.select("level", "seed").iter_rows():
            yield search.plan_probe(rate, seed, plan.products)


def _count(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _name_claims(ids: Iterable[str]) -> tuple[str, ...]:
    """Each once, in order."""
    return tuple(dict.fromkeys(ids))


def _list_sections(judged: Iterable[Judgement]) -> Iterator[tuple[str, tuple[Judgement, ...]]]:
    """Verdicts under the headings of the report, in its order."""
    found: dict[str, list[Judgement]] = {title: [] for title in SECTIONS.values()}
    for judgement in judged:
        found.setdefault(find_section(judgement.claim), []).append(judgement)
    yield from ((title, tuple(listed)) for title, listed in found.items() if listed)


def _list_unmeasured(claims: Iterable[AnyClaim], verdicts: Iterable[Judgement]) -> Iterator[str]:
    """Claims of today of which the reference knows nothing, with their servers if it knows some."""
    known = {j.id for j in verdicts}
    for claim in claims:
        lacking = [server for server in claim.servers if f"{claim.id}/{server}" not in known]
        if len(lacking) == len(claim.servers):
            yield claim.id
        else:
            yield from (f"{claim.id}/{server}" for server in lacking)


def _list_rejudged(
    judged: Iterable[Judgement], known: Mapping[str, AnyClaim]
) -> Iterator[Rejudged]:
    for judgement in judged:
        if judgement.claim in known:
            claim = known[judgement.claim]
            measured, band = claim.describe_measure(), claim.describe_band()
            if (measured, band) != (judgement.measured, judgement.band):
                yield Rejudged(judgement, measured, band)


def list_ledger_rows(ledgers: pl.DataFrame) -> Iterator[LedgerRow]:
    """Means over seeds; runs that do not count only where there is no other."""
    table = ledgers.filter(
        pl.col("design") == WAITING,
        pl.col("variant") == "base",
        pl.col("level").is_in(WAITING_LEVELS),
    ).filter(pl.col("valid") == pl.col("valid").max().over("server", "level"))
    groups = table.sort("level", "server").group_by("level", "server", maintain_order=True)
    for (level, server), group in groups:
        seeds = group["seed"].n_unique()
        shares = dict(group.group_by("name").agg(pl.col("value").sum() / seeds).iter_rows())
        outside = [shares.pop(name, None) for name in OUTSIDE]
        found = (sum(shares.values()), *outside)
        counts = tuple(None if share is None else share * level for share in found)
        yield LedgerRow(level, server, bool(group["valid"][0]), seeds, counts)


def list_broken(runs: pl.DataFrame) -> Iterator[BrokenRuns]:
    """Runs that do not count, those of one server together that broke the same gates."""
    found: dict[tuple[str, ...], list[tuple[int, str]]] = {}
    columns = ("design", "server", "variant", "outcome", "level", "reasons")
    rows = runs.filter(pl.col("outcome") != Outcome.MEASURED.value)
    for *whose, level, reasons in rows.sort(*columns).select(columns).iter_rows():
        gates = ", ".join(list_gates(reasons or ""))
        found.setdefault((*whose, gates), []).append((level, reasons or ""))
    for (design, server, variant, outcome, gates), listed in found.items():
        levels = tuple(dict.fromkeys(level for level, _ in listed))
        yield BrokenRuns(
            design, server, variant, outcome, levels, len(listed), gates, _shorten(listed[0][1])
        )


def _shorten(reasons: str) -> str:
    """The first reason, without the name of its gate."""
    return list_reasons(reasons)[0].partition(": ")[2] or reasons
