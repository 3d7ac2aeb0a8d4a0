# SPDX-License-Identifier: MIT
"""The pointer chase: its working sets, what must be seen in them, and what is found wrong."""

from __future__ import annotations

from collections import OrderedDict
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ground.errors import UsageError
from testbed.alone import evaluate_alone
from testbed.cli import plan_experiment
from testbed.experiment import Experiment
from testbed.faults import InfrastructureFailed
from testbed.hardware.geometry import Cache
from testbed.hardware.geometry_files import find_geometries, load_geometry
from testbed.loads.chase import (
    check_plateaus,
    count_chain_instructions,
    find_plateau,
    find_plateau_cycles,
    find_working_sets,
    read_latencies,
)
from testbed.outputs.emissions import read_emissions
from testbed.records import LoadLatency
from testbed.run import write_jobs
from tests.testbed.synthetic import counter_line, frame


@pytest.fixture
def chase() -> Experiment:
    return plan_experiment("nginx", "chase", "banias-1400", "lcn2006", 1)


def see(experiment: Experiment, **wrong: float) -> list[LoadLatency]:
    """What a machine as configured shows, with other cycles for the levels in ``wrong``."""
    cycles = {**find_plateau_cycles(experiment.core), **wrong}
    found = []
    for size in find_working_sets(experiment.geometry):
        level = find_plateau(experiment.geometry, size) or "l2"
        found.append(LoadLatency(working_set_bytes=size, cycles=float(cycles[level]), stretches=1))
    return found


def count_misses(cache: Cache, stride: int, size: int, seed: int) -> tuple[int, int]:
    """Misses and loads of the second round of a cyclic random walk; a plain LRU cache."""
    sets: list[OrderedDict[int, None]] = [OrderedDict() for _ in range(cache.sets)]
    order = np.random.default_rng(seed).permutation(size // stride)
    misses = 0
    for turn in range(2):
        for index in order.tolist():
            tag = index * stride // cache.line
            lines = sets[tag % cache.sets]
            if tag in lines:
                lines.move_to_end(tag)
                continue
            misses += turn
            lines[tag] = None
            if len(lines) > cache.ways:
                lines.popitem(last=False)
    return misses, len(order)


@settings(max_examples=20, deadline=None)
@given(name=st.sampled_from(find_geometries()), data=st.data())
def test_off_the_steps_all_loads_hit_or_all_miss(name: str, data: st.DataObject) -> None:
    geometry = load_geometry(name).geometry
    size = data.draw(st.sampled_from([s for s in find_working_sets(geometry) if s < 1 << 20]))
    level = find_plateau(geometry, size)
    stride = geometry.l2.line
    for cache, fits in (
        (geometry.l1d, level == "l1d"),
        (geometry.l2, level in {"l1d", "l2"}),
    ):
        misses, loads = count_misses(cache, stride, size, seed=size)
        if level is not None:
            assert misses == (0 if fits else loads)


@pytest.mark.parametrize("name", find_geometries())
def test_the_working_sets_enclose_each_step_by_one_way(name: str) -> None:
    geometry = load_geometry(name).geometry
    sizes = find_working_sets(geometry)
    assert sizes == sorted(set(sizes))
    assert all(size % geometry.l2.line == 0 for size in sizes)
    for cache, below, above in ((geometry.l1d, "l1d", "l2"), (geometry.l2, "l2", "memory")):
        assert find_plateau(geometry, cache.size - cache.way_bytes) == below
        assert find_plateau(geometry, cache.size) is None
        assert find_plateau(geometry, cache.size + cache.way_bytes) == above
        assert {cache.size - cache.way_bytes, cache.size + cache.way_bytes} <= set(sizes)


def test_links_last_as_long_as_a_hit() -> None:
    cores = {name: load_geometry(name).core for name in find_geometries()}
    counts = {name: count_chain_instructions(core) for name, core in cores.items()}
    # 16 x 3 at CPI 1, 16 x 3 at 6/5, 16 x 4 at 1/2
    assert counts == {
        "banias-1400": 48,
        "tualatin-1400": 40,
        "skylake-sp-2500": 128,
        "zen4-3700": 128,
    }
    with pytest.raises(ValueError, match="whole number"):
        count_chain_instructions(cores["banias-1400"].model_copy(update={"base_cpi": Fraction(7)}))


def test_a_core_that_cannot_be_spelt_out_is_a_usage_error(tmp_path: Path) -> None:
    text = load_geometry("banias-1400").path.read_text()
    path = tmp_path / "slow.toml"
    path.write_text(text.replace('base_cpi = { value = "1"', 'base_cpi = { value = "3"'))
    with pytest.raises(UsageError, match="16 instructions"):
        plan_experiment("nginx", "chase", str(path), "lcn2006", 1)


def test_the_job_takes_one_machine(chase: Experiment) -> None:
    jobs = write_jobs(chase)
    assert list(jobs) == ["server"]
    sizes = " ".join(str(size) for size in find_working_sets(chase.geometry))
    assert f"pchase 64 48 {sizes} > /run/chase || fail" in jobs["server"]


@pytest.mark.parametrize("level", ["l1d", "l2", "memory"])
def test_a_wrong_plateau_breaks_its_gate_alone(chase: Experiment, level: str) -> None:
    right = find_plateau_cycles(chase.core)[level]
    assert all(gate.passed for gate in check_plateaus(chase, see(chase)))
    assert all(
        gate.passed for gate in check_plateaus(chase, see(chase, **{level: float(right) * 1.009}))
    )
    gates = check_plateaus(chase, see(chase, **{level: float(right) * 0.98}))
    assert [gate.name for gate in gates if not gate.passed] == [f"plateau-{level}"]


def test_a_cache_of_another_size_breaks_a_gate(chase: Experiment) -> None:
    """Latencies of a machine whose L2 has a way less."""
    l2 = chase.geometry.l2.model_copy(update={"size": 1 << 19, "ways": 4})
    small = chase.model_copy(update={"geometry": chase.geometry.model_copy(update={"l2": l2})})
    found = {latency.working_set_bytes: latency for latency in see(small)}
    seen = [
        found.get(size, LoadLatency(working_set_bytes=size, cycles=134.0, stretches=1))
        for size in find_working_sets(chase.geometry)
    ]
    gates = check_plateaus(chase, seen)
    assert [gate.name for gate in gates if not gate.passed] == ["plateau-l2"]


def write_run(experiment: Experiment, directory: Path, lines: list[str]) -> None:
    place = directory / "server"
    place.mkdir(parents=True)
    (place / "console.txt").write_text("ready\n")
    (place / "frames.bin").write_bytes(
        frame("chase", "".join(lines)) + frame("dmesg", "Linux\n") + frame("finished", "ok\n")
    )
    (place / "counters.jsonl").write_text(
        counter_line("start", -1) + counter_line("stop", -1, t=5_250_000_000)
    )


def print_lines(experiment: Experiment) -> list[str]:
    mhz = experiment.core.clock_mhz
    return [
        f"{latency.working_set_bytes} {latency.cycles * 1000 / mhz:.4f} 1\n"
        for latency in see(experiment)
    ]


def test_a_finished_run_is_measured(chase: Experiment, tmp_path: Path) -> None:
    write_run(chase, tmp_path, print_lines(chase))
    measurement = evaluate_alone(chase, tmp_path, {"qemu": "0"})
    assert measurement.status == "valid"
    assert measurement.window is None
    assert measurement.virtual_s == pytest.approx(0.25)
    assert measurement.latencies[0].cycles == pytest.approx(3, rel=1e-3)
    assert {artefact.name for artefact in measurement.artefacts} == {
        "server/console.txt",
        "server/counters.jsonl",
        "server/frames.bin",
    }


@pytest.mark.parametrize("spoil", ["cut", "word", "order"])
def test_a_spoilt_output_is_named(chase: Experiment, tmp_path: Path, spoil: str) -> None:
    lines = print_lines(chase)
    lines = {"cut": lines[:-1], "word": ["x y z\n", *lines[1:]], "order": lines[::-1]}[spoil]
    write_run(chase, tmp_path, lines)
    emissions = read_emissions(tmp_path / "server" / "frames.bin")
    with pytest.raises(InfrastructureFailed, match="pchase"):
        read_latencies(chase, emissions)
