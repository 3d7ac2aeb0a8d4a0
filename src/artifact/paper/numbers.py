# SPDX-License-Identifier: MIT
"""The measured numbers of the paper, each under a name: verdicts, and quantities beside them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import polars as pl
from pydantic import BaseModel, ConfigDict

from artifact.judge.verdicts import Judgement
from artifact.paper.quantities import Finding, Quantity, find_quantity
from artifact.paper.stored import Stored
from artifact.study.claims.evidence import Verdict
from ground.documents import load_made
from ground.errors import UsageError
from ground.files import write_atomically

NAME: Final = "numbers.json"
COUNT: Final = "a count"


class State(StrEnum):
    """Whether a number may stand in a paper: only a measured one may."""

    MEASURED = "measured"
    SYNTHETIC = "synthetic"
    NOT_JUDGED = "not judged"
    MISSING = "missing"


class Number(BaseModel):
    """A number and what it rests on.

    ``low`` and ``high`` are the 95 % interval, or one of them a bound, ``seeds`` the boots behind
    it.  ``verdict``, ``original`` (the number of the original paper), ``band``, ``statement`` and
    ``location`` are those of a claim; a quantity has none.  ``value`` is None where the results do
    not give one, as ``reason`` says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: State
    value: float | None = None
    low: float | None = None
    high: float | None = None
    seeds: int = 0
    unit: str = ""
    measured: str = ""
    reason: str = ""
    verdict: Verdict | None = None
    original: float | None = None
    band: str = ""
    statement: str = ""
    location: str = ""


class Numbers(BaseModel):
    """All numbers of one tier's results, with where they come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tier: str
    commit: str
    results: str
    synthetic: bool
    numbers: dict[str, Number]

    @property
    def verdicts(self) -> dict[str, Number]:
        """Those that are verdicts, in the order of the claims."""
        return {name: n for name, n in self.numbers.items() if n.statement}

    def write(self, path: Path) -> None:
        """Write them to ``path`` as JSON."""
        text = json.dumps(self.model_dump(mode="json", exclude_defaults=True), indent=1)
        write_atomically(path, text.encode() + b"\n")


def load_numbers(path: Path) -> Numbers:
    """What `Numbers.write` wrote.  Raises UsageError if it is not that."""
    return load_made(Numbers, path, "make it with: ./invoke paper --record")


def collect_numbers(stored: Stored, quantities: Sequence[Quantity]) -> Numbers:
    """Every verdict of ``stored`` as CLAIM/SERVER, every one of ``quantities`` by its name, and
    how many verdicts and runs there are of each kind."""
    named = [(j.id, _take_verdict(j, synthetic=stored.synthetic)) for j in stored.judgements]
    named += [
        (quantity.name, _take_finding(find_quantity(quantity, stored), synthetic=stored.synthetic))
        for quantity in quantities
    ]
    named += _count(stored)
    if twice := [name for name, count in Counter(name for name, _ in named).items() if count > 1]:
        raise UsageError(f"two numbers have the name {twice[0]}", hint="rename the quantity")
    return Numbers(
        tier=stored.tier.value,
        commit=stored.commit,
        results=stored.digest,
        synthetic=stored.synthetic,
        numbers=dict(named),
    )


def _find_state(*, synthetic: bool, known: bool) -> State:
    if not known:
        return State.MISSING
    return State.SYNTHETIC if synthetic else State.MEASURED


def _take_verdict(judgement: Judgement, *, synthetic: bool) -> Number:
    state = _find_state(synthetic=synthetic, known=True)
    if judgement.verdict is Verdict.NOT_JUDGED:
        state = State.NOT_JUDGED
    return Number(
        state=state,
        value=judgement.value,
        low=judgement.low,
        high=judgement.high,
        seeds=judgement.seeds,
        measured=judgement.measured,
        reason=judgement.reason,
        verdict=judgement.verdict,
        original=judgement.paper,
        band=judgement.band,
        statement=judgement.statement,
        location=judgement.location,
    )


def _take_finding(found: Finding, *, synthetic: bool) -> Number:
    estimate = found.estimate
    return Number(
        state=_find_state(synthetic=synthetic, known=estimate is not None),
        value=estimate.value if estimate else None,
        low=estimate.low if estimate else None,
        high=estimate.high if estimate else None,
        seeds=estimate.n if estimate else 0,
        unit=found.unit,
        measured=found.measured,
        reason=found.problem,
    )


def _count(stored: Stored) -> Iterable[tuple[str, Number]]:
    """``verdicts.KIND`` and ``runs.OUTCOME`` with their sums; a count of none is 0, not missing."""
    kinds = Counter(j.verdict for j in stored.judgements)
    outcomes = stored.runs.unique("digest") if stored.runs.height else stored.runs
    ended = Counter(outcomes["outcome"].drop_nulls().to_list())
    counts = {f"verdicts.{kind.name.lower().replace('_', '-')}": kinds[kind] for kind in Verdict}
    counts["verdicts.all"] = kinds.total()
    counts |= {f"runs.{name}": ended[name] for name in ("measured", "invalid", "subject-failed")}
    counts["runs.all"] = ended.total()
    counts["seeds.most"] = int(str(stored.runs.select(pl.col("seed").n_unique()).item()))
    for name, count in counts.items():
        state = _find_state(synthetic=stored.synthetic, known=ended.total() > 0)
        yield name, Number(state=state, value=float(count), measured=COUNT)
