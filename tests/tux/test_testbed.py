# SPDX-License-Identifier: MIT
"""TUX on the testbed: the same bytes twice, and each miss booked to a region once."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.cli import plan_experiment
from testbed.experiment import Experiment, Instruments
from testbed.machines.products import load_products
from testbed.measurement import Measurement
from testbed.outputs.counters import read_counters
from testbed.outputs.emissions import read_emissions
from testbed.outputs.profile import parse_module_symbols, read_instructions, read_symbols
from testbed.run import run_products

pytestmark = pytest.mark.real
# The number alive swings between 0 and 50 within 3 ms: its mean needs some hundred samples.
LOAD, LONG_LOAD = "ab -c 50 -n 1500", "ab -c 50 -n 12000"


def plan(load: str = LOAD, **instruments: bool) -> Experiment:
    planned = plan_experiment("tux", load, "banias-1400", "lcn2006", 3)
    return planned.model_copy(update={"instruments": Instruments(**instruments)})


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Measurement, Path]:
    directory = tmp_path_factory.mktemp("marked")
    return run_products(plan(LONG_LOAD, regions=True), load_products(), directory), directory


def test_the_same_run_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = (run_products(plan(), load_products(), tmp_path / name) for name in ("one", "two"))
    assert one == two
    assert len(one.artefacts) >= 5
    assert one.window is not None
    assert one.window.instructions_per_request.user == 0


def test_every_miss_is_booked_once(marked: tuple[Measurement, Path]) -> None:
    measurement, directory = marked
    last = read_counters(directory / "server" / "counters.jsonl")[-1]
    assert sum(last.region_l2) == sum(last.l2_load) + sum(last.l2_store)
    found = measurement.attribution
    assert found is not None
    assert measurement.window is not None
    total = measurement.window.misses_per_request.l2_total
    assert sum(found.misses_per_request.values()) == pytest.approx(total, rel=0.02)
    assert found.misses_per_request.get("unmarked", 0) < 0.15 * total


def test_objects_alive_add_up(marked: tuple[Measurement, Path]) -> None:
    found = marked[0].attribution
    assert found is not None
    kinds = {kind.name: kind for kind in found.objects}
    assert set(kinds) == {"request", "socket", "header", "abuf", "file", "page"}
    assert 0 < kinds["request"].live <= 50
    assert kinds["request"].peak <= 50
    # Header buffers of 3000 bytes, one a request at most; a sample can fall between the counts.
    assert kinds["header"].bytes == pytest.approx(3000 * kinds["header"].live, rel=1e-3)
    assert kinds["header"].live <= kinds["request"].live


def test_the_ledger_agrees_with_the_servers_own_samples(
    marked: tuple[Measurement, Path],
) -> None:
    """The emulator reads from outside what an interrupt of the guest counts more often."""
    measurement, _ = marked
    ledger, found = measurement.ledger, measurement.attribution
    assert ledger is not None
    assert ledger.samples > 100
    assert found is not None
    alive = {kind.name: kind.live for kind in found.objects}
    assert sum(ledger.stages.values()) == pytest.approx(alive["request"], rel=0.2, abs=2)
    # TUX knows what it has accepted, the kernel what has left the accept queue.
    assert sum(ledger.stages.values()) == pytest.approx(ledger.parts["accepted"], abs=1)
    assert sum(ledger.parts.values()) == pytest.approx(ledger.open, abs=1)


def test_functions_of_the_module_are_counted(tmp_path: Path) -> None:
    measurement = run_products(plan(profile=True), load_products(), tmp_path)
    emitted = read_emissions(tmp_path / "server" / "frames.bin")
    modules = parse_module_symbols(emitted.text("module-symbols"))
    symbols = read_symbols(load_products().symbols, modules)
    counts = dict(read_instructions(tmp_path / "server" / "instructions.txt", symbols))
    last = read_counters(tmp_path / "server" / "counters.jsonl")[-1]
    assert sum(counts.values()) == pytest.approx(sum(last.insn), rel=0.01)
    assert counts["user"] == pytest.approx(last.insn[0], rel=0.01)
    own = sum(count for name, count in counts.items() if name.endswith("[tux]"))
    assert 1000 < own / measurement.load_report.completed < 10_000
