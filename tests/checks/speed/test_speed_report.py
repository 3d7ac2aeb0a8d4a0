# SPDX-License-Identifier: MIT
"""Timings of emulation modes: what is paired with what, and what the tables say."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from checks.speed.emulation import find_other, find_samples
from checks.speed.loopback import WORKS, write_job
from checks.speed.machine import Span, Timing, count_instructions, find_spans
from checks.speed.report import (
    Mode,
    Sample,
    SpeedReport,
    find_comparisons,
    find_speeds,
    show_speeds,
)
from checks.speed.server import WORK, write_jobs
from forge.manifest import Manifest
from ground.errors import ArtifactError, UsageError
from testbed.experiment import Experiment
from testbed.hardware.geometry_files import load_geometry
from testbed.hardware.platform_files import DEFAULT_PLATFORM, load_platform
from testbed.loads.ab import Ab

SPEED = {
    Mode.ICOUNT: 80.0,
    Mode.PLUGIN: 6.0,
    Mode.MODEL: 60.0,
    Mode.STALLS: 58.0,
    Mode.OTHER_ICOUNT: 64.0,
    Mode.OTHER_MODEL: 40.0,
    Mode.OTHER_STALLS: 29.0,
}


def sample(mode: Mode, number: int, block: int, load: float) -> Sample:
    """Work at the mode's speed on a host that is slowed down by ``load`` in this round."""
    seconds = 100 * load / SPEED[mode]
    return Sample(
        work="web",
        mode=mode,
        round=number,
        block=block,
        seconds=seconds,
        elapsed=2 * seconds,
        instructions=100_000_000,
    )


SAMPLES = [
    sample(mode, number, block, load)
    for number, load in enumerate((1.0, 1.7, 1.1))
    for block in range(3)
    for mode in Mode
]


def test_rounds_are_paired_so_that_the_hosts_load_cancels() -> None:
    found = {(c.mode, c.base): c for c in find_comparisons(SAMPLES)}
    assert found[Mode.MODEL, Mode.PLUGIN].ratio == pytest.approx(10)
    assert found[Mode.ICOUNT, Mode.MODEL].ratio == pytest.approx(80 / 60)
    assert found[Mode.MODEL, Mode.PLUGIN].rounds == 3
    assert found[Mode.ICOUNT, Mode.OTHER_ICOUNT].ratio == pytest.approx(1.25)
    assert found[Mode.STALLS, Mode.OTHER_STALLS].ratio == pytest.approx(2)


def test_one_round_has_no_interval() -> None:
    comparison = find_comparisons([s for s in SAMPLES if s.round == 0])[0]
    assert comparison.low is None
    assert comparison.ratio == pytest.approx(10)


def test_speeds_are_medians_over_blocks() -> None:
    speeds = {s.mode: s for s in find_speeds(SAMPLES)}
    assert speeds[Mode.ICOUNT].mips == pytest.approx(80 / 1.1)
    assert speeds[Mode.ICOUNT].fastest == pytest.approx(80)
    assert speeds[Mode.ICOUNT].samples == 9


def test_tables_name_each_mode() -> None:
    report = SpeedReport(
        host="a processor",
        processors=2,
        load_before=0.1,
        qemu="0" * 64,
        other_qemu="1" * 64,
        geometry="banias-1400",
        samples=tuple(SAMPLES),
        speeds=find_speeds(SAMPLES),
        comparisons=find_comparisons(SAMPLES),
    )
    out = io.StringIO()
    show_speeds(report, Console(file=out, width=120))
    assert all(mode in out.getvalue() for mode in Mode)
    assert "10.00" in out.getvalue()


def test_spans_need_both_ends_of_the_same_block() -> None:
    moments = {
        b"@@ begin.0.0 ": Span(1, 1),
        b"@@ end.0.0 ": Span(3, 2),
        b"@@ begin.1.0 ": Span(3, 2),
        b"@@ end.1.0 ": Span(7, 5),
    }
    assert find_spans(moments) == {(0, 0): Span(2, 1), (1, 0): Span(4, 3)}


def test_job_and_counters_agree_on_the_order_of_blocks(tmp_path: Path) -> None:
    """The notes that the job makes are those that instructions are counted between."""
    lines = write_job(2).splitlines()
    notes = [int(line.split()[2]) for line in lines if line.startswith("mark note")]
    assert notes == list(range(4 * len(WORKS)))
    begins = [line.split()[1] for line in lines if line.startswith("emit begin")]
    stream = tmp_path / "counters"
    record = (
        '{"ev":"note","arg":%d,"t":0,"link_ns":-1,"units":0,"stall_milli":0,"idle_ns":0,'
        '"insn":[%d,0],"l1i":[0,0],"l1d_load":[0,0],"l1d_store":[0,0],"l2_fetch":[0,0],'
        '"l2_load":[0,0],"l2_store":[0,0],"writeback":0,"dma_lines":0,"region_l2":[0],'
        '"events":{"mmio_read":0,"mmio_write":0,"port_read":0,"port_write":0,"interrupt":0,'
        '"trap":0,"iret":0}}'
    )
    stream.write_text("\n".join(record % (n, 10**n) for n in notes))
    counted = count_instructions(stream, len(WORKS))
    assert counted == {
        tuple(int(k) for k in name.split(".")[1:]): 10 ** (2 * pair + 1) - 10 ** (2 * pair)
        for pair, name in enumerate(begins)
    }


def test_without_a_stream_nothing_is_counted(tmp_path: Path) -> None:
    assert count_instructions(tmp_path / "counters", 1) == {}


def time_server(instructions: dict[tuple[str, int], int], report: bytes = b"same") -> Timing:
    return Timing({(WORK, 0): Span(2, 1)}, instructions, report)


def test_modes_without_a_count_have_that_of_the_model() -> None:
    timings = {
        Mode.ICOUNT: time_server({}),
        Mode.PLUGIN: time_server({}),
        Mode.MODEL: time_server({(WORK, 0): 100}),
        Mode.STALLS: time_server({(WORK, 0): 120}, b"another virtual time"),
    }
    found = {s.mode: s.instructions for s in find_samples(timings, 0)}
    assert found == {Mode.ICOUNT: 100, Mode.PLUGIN: 100, Mode.MODEL: 100, Mode.STALLS: 120}


@pytest.mark.parametrize("mode", [Mode.ICOUNT, Mode.PLUGIN, Mode.OTHER_ICOUNT])
def test_a_mode_that_did_other_work_is_refused(mode: Mode) -> None:
    timings = {m: time_server({(WORK, 0): 100}) for m in Mode}
    timings[mode] = time_server({}, b"other")
    with pytest.raises(ArtifactError, match="did not do the same work"):
        find_samples(timings, 0)


def test_another_build_is_counted_by_its_own_model() -> None:
    timings = {
        Mode.ICOUNT: time_server({}),
        Mode.MODEL: time_server({(WORK, 0): 100}),
        Mode.OTHER_ICOUNT: time_server({}, b"in its own virtual time"),
        Mode.OTHER_MODEL: time_server({(WORK, 0): 103}, b"in its own virtual time"),
    }
    found = {s.mode: s.instructions for s in find_samples(timings, 0)}
    assert found[Mode.ICOUNT] == 100
    assert found[Mode.OTHER_ICOUNT] == 103


def test_another_build_that_is_not_there_is_refused_before_anything_runs(tmp_path: Path) -> None:
    manifest = Manifest.model_construct()
    with pytest.raises(UsageError, match="no such file"):
        find_other(manifest, tmp_path / "qemu-system-i386")


def test_server_is_timed_from_lock_step_to_the_end_of_the_load() -> None:
    geometry = load_geometry("banias-1400")
    experiment = Experiment(
        server="nginx",
        load=Ab(concurrency=8, requests=80),
        geometry=geometry.geometry,
        core=geometry.core,
        platform=load_platform(DEFAULT_PLATFORM).platform,
    )
    lines = write_jobs(experiment)["server"].splitlines()
    wanted = ["mark start", "mark sync", "mark note 0", "emit begin.0.0 < /dev/null"]
    wanted += ["wait $w1", "emit end.0.0 < /dev/null", "mark note 1", "mark stop"]
    assert [line for line in lines if line in wanted] == wanted
