# SPDX-License-Identifier: MIT
"""Misses by function: from a profile and symbols made by hand to the figure's rows."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from artifact.judge.results import load_results
from artifact.reproduce import ResultFolders, run_sweep
from artifact.runs import symbols
from artifact.runs.engines import LocalEngine
from artifact.runs.forecast import forecast
from artifact.runs.plan import make_plan
from artifact.runs.rehearsal import SyntheticRunner
from artifact.study.designs import Tier, load_design
from testbed.outputs.profile import Symbols

KERNEL = [(0xC1000000, "tcp_ack"), (0xC1000100, "schedule")]
KALLSYMS = "f0001000 t tux_flush\t[tux]\n"
PROFILE = (
    "0xc1000104;0xc1000010 1 20 3\n"  # schedule called tcp_ack, which missed
    "0xc1000010 0 5 0\n"
    "0xf0001008 2 0 7\n"
    "user 1 1 1\n"
)


@pytest.fixture
def profiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a profiled run."""
    server = tmp_path / "server"
    server.mkdir()
    (server / "profile.txt").write_text(PROFILE)
    (server / "instructions.txt").write_text("0xc1000010 9\n")
    text = KALLSYMS.encode()
    frame = b"@@ module-symbols %d\n%s\n" % (len(text), text)
    (server / "frames.bin").write_bytes(frame)
    monkeypatch.setattr(symbols, "read_symbols", lambda _, modules: Symbols(KERNEL, modules))
    return tmp_path


def test_misses_belong_to_the_function_that_missed(profiled: Path) -> None:
    symbols.record_symbols(profiled, Path("vmlinux"))
    found = list(symbols.read_misses(profiled / symbols.NAME, 2))
    assert found == [
        ("tcp_ack", 0.5, 12.5, 1.5),
        ("tux_flush [tux]", 1.0, 0.0, 3.5),
        ("user", 0.5, 0.5, 0.5),
    ]
    assert [path.name for path in (profiled / "server").iterdir()] == ["frames.bin"]


def test_rare_functions_are_put_together_and_nothing_is_lost() -> None:
    rows = [
        ("symbols", server, "base", 2500, seed, f"f{n:02}", 0.0, float(n), 1.0)
        for server in ("tux", "tux-stingy")
        for seed in (1, 2)
        for n in range(40)
    ]
    table = pl.DataFrame(rows, schema=symbols.SCHEMA, orient="row")
    found = symbols.summarize_symbols(table, "symbols", 2500)
    names = found["symbol"].unique(maintain_order=True).to_list()
    assert names == [f"f{n:02}" for n in range(39, 39 - symbols.SHOWN, -1)] + [symbols.REST]
    for server in ("tux", "tux-stingy"):
        total = found.filter(server=server)["value"].sum()
        assert total == pytest.approx(sum(range(40)) + 40)


def test_symbols_are_those_of_the_stored_run(tmp_path: Path) -> None:
    """All misses of the window are in some function."""
    runner = SyntheticRunner(noise=0.0)
    plan = make_plan(Tier.QUICK, [load_design("symbols")], runner.products)
    folders, engine = ResultFolders(tmp_path), LocalEngine(1)
    found = forecast(plan, folders.store, engine)
    run_sweep(plan, runner, engine, folders, found=found)
    results = load_results(plan, folders.store)
    for server in load_design("symbols").tier[Tier.QUICK].servers:
        rows = results.symbols.filter(server=server)
        misses = rows.select(pl.sum_horizontal("fetch", "load", "store").sum()).item()
        total = results.runs.filter(server=server)["l2_total"][0]
        assert misses == pytest.approx(total, rel=1e-3)
    assert load_results(plan, folders.store).digest == results.digest
