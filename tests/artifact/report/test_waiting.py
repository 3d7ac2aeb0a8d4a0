# SPDX-License-Identifier: MIT
"""Where connections wait, from stored measurements to the figure's table."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from artifact.judge.ledgers import ELSEWHERE, ORDER, find_shares
from artifact.judge.ledgers import SCHEMA as LEDGER_SCHEMA
from artifact.judge.results import Results
from artifact.report.selection import write_illustrations
from artifact.report.tables.waiting import FIGURES, list_waiting, tabulate_waiting
from artifact.runs.plan import make_plan
from artifact.study.designs import Tier
from artifact.study.loading import Study, load_study
from testbed.guest.ledger import PARTS, TITLES
from testbed.measurement import Ledger


def make_ledger(stages: dict[str, float], **parts: float) -> Ledger:
    full = dict.fromkeys(PARTS, 0.0) | parts
    total = sum(full.values())
    return Ledger(samples=1, parts=full, stages=stages, open=total, mean_gap=0, largest_gap=0)


def test_shares_add_up_and_the_rest_is_elsewhere() -> None:
    ledger = make_ledger({"parse": 60, "body": 20}, accepted=80, accept_queue=100, leaving=5)
    shares = dict(find_shares(ledger, 200))
    assert sum(shares.values()) == pytest.approx(1)
    assert shares[ELSEWHERE] == pytest.approx(0.1)  # 15 on the way, 5 whose FIN is
    assert shares[TITLES["accept_queue"]] == 0.5
    assert TITLES["accepted"] not in shares  # it is told by its stages
    assert set(shares) <= set(ORDER)
    plain = dict(find_shares(make_ledger({}, accepted=80), 100))
    assert plain[TITLES["accepted"]] == 0.8


def make_results(study: Study, rows: list[tuple[object, ...]]) -> Results:
    plan = make_plan(Tier.FULL, study.designs, {"synthetic": "0"})
    ledgers = pl.DataFrame(rows, schema=LEDGER_SCHEMA, orient="row")
    return Results(plan, pl.DataFrame(), pl.DataFrame(), "0" * 64, ledgers=ledgers)


def test_valid_runs_count_and_others_only_without_them() -> None:
    study = load_study()
    rows: list[tuple[object, ...]] = [
        ("figure7", "tux", "base", 40, 1, True, "accepted", 0.5),
        ("figure7", "tux", "base", 40, 2, True, "accepted", 0.7),
        ("figure7", "tux", "base", 40, 3, False, "accepted", 0.1),
        ("figure7", "tux", "base", 4096, 1, False, "accepted", 0.2),
        ("mutants", "tux", "base", 40, 1, True, "accepted", 0.9),
    ]
    table = tabulate_waiting(make_results(study, rows), ("figure7",), "server")
    assert table.rows() == [
        ("tux", 40, True, "accepted", pytest.approx(0.6)),
        ("tux", 4096, False, "accepted", 0.2),
    ]


def test_a_panel_a_platform_shows_the_first_server_alone() -> None:
    study = load_study()
    rows: list[tuple[object, ...]] = [
        ("platform", "tux", "lcn2006", 2500, 1, True, "accepted", 0.5),
        ("platform", "tux", "debian12", 2500, 1, True, "accepted", 0.1),
        ("platform", "tux-stingy", "debian12", 2500, 1, True, "accepted", 0.3),
    ]
    table = tabulate_waiting(make_results(study, rows), ("platform",), "variant")
    assert table.select("panel", "value").rows() == [("debian12", 0.1), ("lcn2006", 0.5)]


def test_results_without_ledgers_have_no_such_figure(tmp_path: Path) -> None:
    study = load_study()
    figures = [figure for design in study.designs for figure in list_waiting(design)]
    assert {figure.name for figure in figures} == set(FIGURES)
    write_illustrations(make_results(study, []), figures, (), (), tmp_path)
    assert not (tmp_path / "figures").exists()
