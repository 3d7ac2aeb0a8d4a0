# SPDX-License-Identifier: MIT
"""Geometry files and the core model: checks that name the remedy, conversion without loss."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ground.errors import UsageError
from testbed.experiment import Experiment
from testbed.hardware.geometry import Cache, Core, Events, Penalties, finalize_rate, finalize_stall
from testbed.hardware.geometry_files import find_geometries, load_geometry
from testbed.hardware.platform_files import DEFAULT_PLATFORM, load_platform
from testbed.loads.ab import Ab

BANIAS = Path(load_geometry("banias-1400").path)


@pytest.mark.parametrize("name", find_geometries())
def test_shipped_geometries_are_whole(name: str) -> None:
    file = load_geometry(name)
    assert file.geometry.name == name
    assert len(file.sources) == 32
    assert all(source.source for source in file.sources)


def test_banias_is_the_machine_of_the_paper() -> None:
    geometry = load_geometry("banias-1400").geometry
    assert geometry.l2.sets == 2048
    assert geometry.l2.way_bytes // 4096 == 32  # page colours
    core = load_geometry("banias-1400").core
    assert core.l1d_hit == 3
    assert core.l1d_hit + core.l1.load == 9
    assert core.l1d_hit + core.l1.load + core.l2.load == 134


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ways = { value = 8", "ways = { value = 3", "power of two"),
        ('value = "32KiB"', 'value = "33KiB"', "power of two"),
        ("line = { value = 64", "line = { value = 48", "line = 48 is not a power of two"),
        ("ways = { value = 8", "ways = { value = 16", "at most 15 ways"),
        ("ways = { value = 8", "ways = { value = 4", "at least 8 ways"),
        ('source = "CPUID descriptor 0x87"', 'source = ""', "has no source"),
        ('value = "1", source = "assumed', 'value = 1.5, source = "assumed', "as a string like"),
        (", sweep = ['4/5', '1', '13/10', '8/5']", "", "assumed but has no sweep"),
        ("[core.l2]", "[core.l3]", "core.l3"),
        ("entries = { value = 128", "entries = { value = 100", "power of two"),
    ],
)  # fmt: skip
def test_errors_name_file_field_and_remedy(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = BANIAS.read_text()
    assert old in text
    path = tmp_path / "wrong.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(UsageError) as caught:
        load_geometry(str(path))
    assert message in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_unknown_geometry_lists_the_known() -> None:
    with pytest.raises(UsageError) as caught:
        load_geometry("pentium-9")
    assert "banias-1400" in caught.value.hint


@given(
    ways=st.integers(1, 32), line=st.sampled_from([16, 32, 64, 128, 256]), sets=st.integers(1, 8192)
)
def test_cache_shape(ways: int, line: int, sets: int) -> None:
    """Exactly the sizes with a power of two of sets are accepted."""
    size = ways * line * sets
    if sets & (sets - 1):
        with pytest.raises(ValueError, match="power of two"):
            Cache(size=size, ways=ways, line=line)
    else:
        assert Cache(size=size, ways=ways, line=line).sets == sets


cpis = st.fractions(Fraction(1, 8), Fraction(8), max_denominator=60)
cycles = st.fractions(Fraction(0), Fraction(500), max_denominator=10)


@given(clock=st.integers(100, 5000), cpi=cpis, penalty=cycles)
def test_conversion_is_exact_to_half_a_thousandth(
    clock: int, cpi: Fraction, penalty: Fraction
) -> None:
    """A unit lasts base CPI cycles exactly; a stall in ns differs by rounding alone."""
    zero = Penalties(fetch=0, load=0, store=0)
    free = Events.model_validate(dict.fromkeys(Events.model_fields, 0))
    core = Core(
        clock_mhz=clock, base_cpi=cpi, l1d_hit=3, l1=zero, l2=zero, itlb=0, dtlb=0, events=free
    )
    rate = finalize_rate(core)
    assert rate.ns * clock == cpi * 1000
    stall = Fraction(finalize_stall(core, penalty), 1000) * rate.ns
    exact = penalty * 1000 / clock
    assert abs(stall - exact) <= rate.ns / 2000


@given(seed=st.integers(0, 2**31 - 1), concurrency=st.integers(1, 5000), extra=st.integers(0, 99))
def test_experiment_round_trips(seed: int, concurrency: int, extra: int) -> None:
    file = load_geometry("tualatin-1400")
    experiment = Experiment(
        server="nginx",
        load=Ab(concurrency=concurrency, requests=concurrency + extra),
        geometry=file.geometry,
        core=file.core,
        platform=load_platform(DEFAULT_PLATFORM).platform,
        seed=seed,
    )
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment


def test_unknown_fields_are_refused(experiment: Experiment) -> None:
    text = experiment.model_dump_json().replace('"seed":1', '"seed":1,"sed":2')
    with pytest.raises(ValueError, match="sed"):
        Experiment.model_validate_json(text)
