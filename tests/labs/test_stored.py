# SPDX-License-Identifier: MIT
"""The labs' tables from stored runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ground.errors import UsageError
from labs.stored import make_course, make_peak, read_runs, refresh

HEADER = "design,server,variant,level,seed,outcome,throughput,latency_p99\n"
PEAK = "peak,tux,base,4000,1,measured,3999.6,\npeak,tux,base,8000,1,invalid,1,\n"
LEVELS = "".join(
    f"figure7,{server},base,{level},{seed},measured,{level}.25,{seed}.5\n"
    for server in ("tux", "tux-stingy", "tux-stingy-net")
    for level in (16, 64)
    for seed in range(1, 6 if level == 16 else 4)
)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_valid_runs_become_tables(tmp_path: Path) -> None:
    runs = write(tmp_path / "runs.csv", HEADER + PEAK + LEVELS)
    changed = refresh(runs, None, tmp_path)
    assert [path.name for path in changed] == ["peak.csv", "runs.csv"]
    peak = (tmp_path / "overload/peak.csv").read_text().splitlines()
    assert peak == ["server,offered_per_s,seed,replies_per_s", "tux,4000,1,4000"]
    levels = (tmp_path / "evaluation/runs.csv").read_text().splitlines()
    assert len(levels) == 1 + 3 * 5  # 64 has too few seeds
    assert levels[1] == "tux,16,1,16.2,1.5"
    assert refresh(runs, None, tmp_path) == []


def test_runs_beyond_the_peak_come_first(tmp_path: Path) -> None:
    beyond = "overload,tux,base,41000,1,measured,8271,\n"
    runs = read_runs(write(tmp_path / "runs.csv", HEADER + PEAK + beyond))
    assert make_peak(runs).splitlines()[1:] == ["tux,41000,1,8271"]


def test_a_course_is_that_of_a_spike(tmp_path: Path) -> None:
    moment = {"at_ms": 5.0, "replies_per_s": 17000.4, "open_connections": 32.0}
    text = json.dumps({"recovery": {"course": [moment]}})
    course = make_course(write(tmp_path / "measurement.json", text))
    assert course == "at_ms,replies_per_s,open_connections\n5.0,17000,32\n"
    with pytest.raises(UsageError, match="no course"):
        make_course(write(tmp_path / "other.json", '{"recovery": null}'))


def test_another_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a table of runs"):
        read_runs(write(tmp_path / "other.csv", "a,b\n1,2\n"))
    with pytest.raises(UsageError, match="overload or peak"):
        make_peak(read_runs(write(tmp_path / "runs.csv", HEADER + LEVELS)))
