# SPDX-License-Identifier: MIT
"""docs/teaching.md is true: its commands are run, its table is that of the labs."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest

from ground.paths import PROJECT
from labs.catalogue import list_entries, load
from labs.stored import refresh
from labs.submissions import read_mutants
from tests.pages import list_commands, run_command

PAGE = PROJECT / "docs" / "teaching.md"
NOT_ALL_POINTS = 1  # exit status of graders
SELFTEST, TRYOUT, DRIVE = "labs.selftest", "labs.tryout", "labs.drive"
LONG = (SELFTEST, TRYOUT, DRIVE)  # tests of their own, below
IN_PLACE = "labs.data"  # it writes into the project


def find_name(command: str) -> str:
    first, *rest = command.split()
    return rest[0] if first == "./invoke" else first


COMMANDS = list_commands(PAGE)
QUICK = [command for command in COMMANDS if find_name(command) not in {*LONG, IN_PLACE}]


def find_command(name: str) -> str:
    (command,) = (command for command in COMMANDS if find_name(command) == name)
    return command


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every command that takes seconds was given, in the order of the page."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "roster.csv").write_text("ada@example.org,17\n")
    (folder / "labs").symlink_to(PROJECT / "labs")
    for command in QUICK:
        grades = "labs.grade" in command or "grade.py" in command
        status = run_command(command, folder, check=False).returncode
        assert status == (NOT_ALL_POINTS if grades else 0), command
    return folder


def test_the_commands_of_the_page(folder: Path) -> None:
    assert {find_name(command) for command in QUICK} == {
        "labs.list", "labs.start", "labs.grade", "labs.pack", "python3",
    }  # fmt: skip
    assert (folder / "out/cache/check").exists()
    assert (folder / "out/ada/reports/a.md").exists()
    assert "<testsuite" in (folder / "out/cache.xml").read_text()
    assert "run_autograder" in zipfile.ZipFile(folder / "out/cache.zip").namelist()
    roster = zipfile.ZipFile(folder / "evaluation-gradescope.zip").read("roster.csv")
    assert roster == b"ada@example.org,17\n"


def test_the_tables_come_from_the_runs_that_are_the_default(tmp_path: Path) -> None:
    assert find_command(IN_PLACE).split("#")[0].split() == ["./invoke", IN_PLACE]
    runs = PROJECT / "results/reference/full/runs.csv"
    assert {path.name for path in refresh(runs, None, tmp_path)} == {"peak.csv", "runs.csv"}


def test_the_table_is_that_of_the_labs() -> None:
    row = r"^\| `(\w+)` \| [^|]+ \| \d+ \| (\d+) \| (\d+) \| ([^|]+) \|$"
    rows = re.findall(row, PAGE.read_text(), re.MULTILINE)
    expected = []
    for entry in list_entries():
        packages = [*entry.packages, *(["python3-venv"] if entry.needs else [])]
        tests, mutants = len(load(entry).cases), len(read_mutants(entry.name))
        expected.append((entry.name, str(tests), str(mutants), ", ".join(packages) or "-"))
    assert rows == expected


@pytest.mark.slow
def test_the_graders_are_as_they_should_be(tmp_path: Path) -> None:
    """The solution has all points, the stub few; mutants lose as named; the same bytes twice."""
    command = find_command(SELFTEST).replace(SELFTEST, f"{SELFTEST} --json")
    shown = run_command(command, tmp_path, check=False, timeout_s=1500)
    data = json.loads(shown.stdout)
    assert [fault for lab in data["labs"] for fault in lab["wrong"]] == []
    assert [lab["lab"] for lab in data["labs"]] == [entry.name for entry in list_entries()]
    assert data["holds"]
    assert shown.returncode == 0


@pytest.mark.slow
@pytest.mark.real
def test_a_pack_runs_in_a_fresh_root(folder: Path) -> None:
    shown = run_command(find_command(TRYOUT), folder, timeout_s=1500)
    assert "results.json is valid" in shown.stderr


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(3600)
def test_the_policy_of_lab_5_runs_in_the_testbed(folder: Path) -> None:
    shown = run_command(find_command(DRIVE), folder, timeout_s=3000, check=False)
    assert re.search(r"[\d.]+ of 100 points", shown.stderr), shown.stderr[-2000:]
