# SPDX-License-Identifier: MIT
"""Timings of whole runs: what they ask for, and what is made of what they cost."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from rich.console import Console

from checks.speed.scaling import (
    SERIES,
    RunTime,
    ScalingReport,
    Series,
    SweepTime,
    describe,
    parse_workers,
    show_scaling,
)
from ground.errors import UsageError
from testbed.run import write_jobs

LEVELS = [(series, level) for series in SERIES for level in series.levels]


@pytest.mark.parametrize(("series", "level"), LEVELS, ids=lambda x: str(getattr(x, "axis", x)))
def test_each_client_has_a_load_generator(series: Series, level: int) -> None:
    experiment = describe("banias-1400", series.load(level), 1, series.clients(level))
    jobs = write_jobs(experiment)
    assert len(jobs) == 1 + series.clients(level)
    for name, job in jobs.items():
        if name != "server":
            assert "\nab -q" in job or "\nnetperf -H" in job


@pytest.mark.parametrize("series", SERIES, ids=lambda s: s.axis)
def test_levels_differ_in_one_thing(series: Series) -> None:
    found = [
        describe("banias-1400", series.load(level), 1, series.clients(level)).model_dump(
            mode="json"
        )
        for level in series.levels
    ]
    loads = [dump.pop("load") for dump in found]
    machines = [dump.pop("machines") for dump in found]
    assert all(dump == found[0] for dump in found)
    changed = {
        key
        for values in (loads, machines)
        for former, later in pairwise(values)
        for key in former
        if former[key] != later[key]
    }
    assert len(changed) == 1


def test_workers() -> None:
    assert parse_workers("1,2,4") == (1, 2, 4)


@pytest.mark.parametrize("text", ["", "0", "1,", "two", "1;2", "-1"])
def test_workers_that_are_not_numbers(text: str) -> None:
    with pytest.raises(UsageError, match="--workers"):
        parse_workers(text)


def test_tables() -> None:
    report = ScalingReport(
        host="a host",
        processors=2,
        load_before=0.0,
        geometry="banias-1400",
        runs=(
            RunTime(
                axis="requests",
                fixed="c = 256",
                level=5000,
                seconds=6.26,
                processor_s=8.61,
                outcome="measured",
            ),
        ),
        sweeps=(SweepTime(workers=2, runs=8, seconds=31.24, processor_s=59.78),),
    )
    out = io.StringIO()
    show_scaling(report, Console(file=out, width=200))
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert ["requests", "5000", "6.3", "8.6", "measured", "c", "=", "256"] in lines
    assert ["2", "8", "31.2", "59.8"] in lines
    assert ScalingReport.model_validate_json(report.model_dump_json()) == report
