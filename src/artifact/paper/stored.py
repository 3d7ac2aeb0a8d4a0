# SPDX-License-Identifier: MIT
"""Stored results as the paper takes them: of a tier that was run here, or of the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from artifact.judge.ledgers import SCHEMA as LEDGER_SCHEMA
from artifact.judge.origins import SCHEMA as ORIGIN_SCHEMA
from artifact.judge.reference import PEAKS, load_reference
from artifact.judge.results import Results
from artifact.judge.verdicts import Judgement
from artifact.runs.rehearsal import SYNTHETIC
from artifact.runs.searches import BRACKET_SCHEMA, tabulate_brackets
from artifact.study.designs import Tier
from ground.checkout import describe_commit


@dataclass(frozen=True)
class Stored:
    """Verdicts and tables of one tier; ``runs``, ``ledgers`` and ``origins`` are as in
    `artifact.judge.results.Results`, ``peaks`` as in `artifact.runs.searches.BRACKET_SCHEMA`;
    ``commit`` made them and ``digest`` stands for them all."""

    tier: Tier
    commit: str
    digest: str
    synthetic: bool
    judgements: tuple[Judgement, ...]
    runs: pl.DataFrame
    ledgers: pl.DataFrame
    origins: pl.DataFrame
    peaks: pl.DataFrame


def take_results(results: Results, judgements: Sequence[Judgement]) -> Stored:
    """What was run here."""
    return Stored(
        tier=results.plan.tier,
        commit=describe_commit(),
        digest=results.digest,
        synthetic=SYNTHETIC in results.plan.products,
        judgements=tuple(judgements),
        runs=results.runs,
        ledgers=results.ledgers,
        origins=results.origins,
        peaks=tabulate_brackets(results.peaks),
    )


def take_reference(folder: Path) -> Stored:
    """What is committed in ``folder``.  Raises UsageError if there is nothing whole."""
    known = load_reference(folder)
    return Stored(
        tier=known.head.tier,
        commit=known.head.commit,
        digest=known.head.results,
        synthetic=SYNTHETIC in known.head.products,
        judgements=known.head.verdicts,
        runs=known.runs,
        ledgers=read_table(folder / "ledgers.csv", LEDGER_SCHEMA),
        origins=read_table(folder / "origins.csv", ORIGIN_SCHEMA),
        peaks=read_table(folder / PEAKS, BRACKET_SCHEMA),
    )


def read_table(path: Path, schema: Mapping[str, type[pl.DataType] | pl.DataType]) -> pl.DataFrame:
    """The table at ``path``; an empty one if the reference is older than the table."""
    if not path.is_file():
        return pl.DataFrame(schema=schema)
    return pl.read_csv(path, schema_overrides=schema)
