# SPDX-License-Identifier: MIT
"""The grader core: what is taken, how points come about, what the writers write."""

from __future__ import annotations

import json
import os
import tarfile
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ground import process
from labs.catalogue import HERE, LabFile, list_entries, load
from labs.grader.bench import Bench
from labs.grader.chance import Chance
from labs.grader.errors import GraderError
from labs.grader.grading import Lab, grade
from labs.grader.marks import Case, Mark, Report, full, linear, none
from labs.grader.roster import find_seed
from labs.grader.submission import Wanted
from labs.grader.writers import WRITERS, write_gradescope, write_junit
from labs.handout import write_handout
from labs.pack import PLATFORMS, pack

ENTRIES = list_entries()


def make_lab(*cases: Case) -> Lab:
    return Lab("trial", "A trial", (Wanted("answer.txt", 100),), cases)


def read_answer(bench: Bench) -> Mark:
    return full() if (bench.folder / "answer.txt").read_text() == "42" else none("not 42")


CASES = (
    Case("first", 10, "the answer", read_answer),
    Case("second", 30, "half of it", lambda _bench: Mark(0.5, "half"), parent="first"),
    Case("third", 60, "all of it", lambda _bench: full(), hidden=True),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "answer.txt").write_text("42")
    return tmp_path


def test_points_add_up(folder: Path) -> None:
    report = grade(make_lab(*CASES), folder)
    assert (report.earned, report.possible, report.complete) == (85, 100, True)


def test_a_child_fails_with_its_parent(folder: Path) -> None:
    (folder / "answer.txt").write_text("41")
    report = grade(make_lab(*CASES), folder)
    assert [o.earned for o in report.outcomes] == [0, 0, 60]
    assert "mend first first" in report.outcomes[1].message


def test_one_test_is_chosen_with_its_parents(folder: Path) -> None:
    report = grade(make_lab(*CASES), folder, only="second")
    assert [o.name for o in report.outcomes] == ["first", "second"]


def test_partial_reports_come_as_tests_end(folder: Path) -> None:
    seen: list[Report] = []
    grade(make_lab(*CASES), folder, tell=seen.append)
    assert [len(report.outcomes) for report in seen] == [0, 1, 2, 3, 3]
    assert [report.complete for report in seen] == [False] * 4 + [True]


def test_a_fault_of_the_grader_is_no_mark(folder: Path) -> None:
    def fail(_bench: Bench) -> Mark:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        grade(make_lab(Case("first", 10, "broken", fail)), folder)


@pytest.mark.parametrize("kind", ["symlink", "hard link", "pipe", "folder", "large", "missing"])
def test_only_plain_small_files_are_taken(folder: Path, kind: str) -> None:
    answer = folder / "answer.txt"
    answer.unlink()
    if kind == "symlink":
        answer.symlink_to("/etc/passwd")
    elif kind == "hard link":
        (folder / "other").write_text("42")
        answer.hardlink_to(folder / "other")
    elif kind == "pipe":
        os.mkfifo(answer)
    elif kind == "folder":
        answer.mkdir()
    elif kind == "large":
        answer.write_text("4" * 101)
    report = grade(make_lab(*CASES), folder)
    assert report.earned == 0
    assert all("answer.txt" in o.message for o in report.outcomes)


def test_linear_bands_either_way() -> None:
    assert linear(1.0, 1.05, 2.0, "").share == 1.0
    assert linear(1.5, 1.0, 2.0, "").share == 0.5
    assert linear(3.0, 1.0, 2.0, "").share == 0.0
    assert linear(0.95, 0.9, 0.5, "").share == 1.0
    assert linear(0.7, 0.9, 0.5, "").share == pytest.approx(0.5)


def test_chance_is_the_same_everywhere() -> None:
    chance = Chance("secret", "purpose")
    assert [chance.below(1000) for _ in range(5)] == [19, 807, 881, 516, 193]
    assert sorted(Chance("a", "b").sample(range(9), 9)) == list(range(9))


def test_gradescope_reads_what_is_written(folder: Path) -> None:
    data = json.loads(write_gradescope(grade(make_lab(*CASES), folder)))
    assert data["score"] == 85 == sum(test["score"] for test in data["tests"])
    allowed = {"hidden", "after_due_date", "after_published", "visible"}
    assert {test["visibility"] for test in data["tests"]} <= allowed
    assert {test["status"] for test in data["tests"]} == {"passed", "failed"}


def test_junit_is_xml_whatever_a_message_holds(folder: Path) -> None:
    odd = Case("odd", 100, "odd", lambda _bench: none("<&\x00\x1b]]>\nnext"))
    root = ElementTree.fromstring(write_junit(grade(make_lab(odd), folder)))
    assert root.get("failures") == "1"


def test_autolab_reads_the_last_line(folder: Path) -> None:
    text = WRITERS["autolab"](grade(make_lab(*CASES), folder))
    assert json.loads(text.splitlines()[-1])["scores"] == {"first": 10, "second": 15, "third": 60}


def test_a_student_has_the_seed_of_the_roster(tmp_path: Path) -> None:
    roster, metadata = tmp_path / "roster.csv", tmp_path / "metadata.json"
    metadata.write_text(json.dumps({"users": [{"email": "Ada@example.org"}]}))
    assert find_seed(roster, metadata) == 0
    roster.write_text("bob@example.org,3\nada@example.org,17\n")
    assert find_seed(roster, metadata) == 17
    roster.write_text("bob@example.org,3\n")
    with pytest.raises(GraderError, match=r"ada@example\.org"):
        find_seed(roster, metadata)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_lab_has_100_points_and_all_its_parts(entry: LabFile) -> None:
    lab = load(entry)
    assert lab.find_faults() == []
    assert sum(case.points for case in lab.cases) == 100
    assert (entry.folder / "README.md").exists()
    assert (entry.folder / "instructor.md").exists()
    assert list(entry.folder.glob("*.svg"))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_handout_contains_nothing_that_is_hidden(entry: LabFile, tmp_path: Path) -> None:
    write_handout(entry, tmp_path / "handout", seed=3)
    names = {path.name for path in (tmp_path / "handout").rglob("*")}
    assert not names & {"hidden.py", "model.py", "solutions", "instructor.md", "mutants.toml"}
    with pytest.raises(GraderError, match="exists"):
        write_handout(entry, tmp_path / "handout", seed=3)


def test_a_pack_goes_into_a_folder_that_is_made_for_it(tmp_path: Path) -> None:
    target = tmp_path / "out" / "cache.zip"
    entry = next(entry for entry in ENTRIES if entry.name == "cache")
    pack(entry, "plain", target, secret="s", roster=None)
    assert zipfile.is_zipfile(target)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_pack_has_the_same_bytes_and_no_solution(
    entry: LabFile, platform: str, tmp_path: Path
) -> None:
    one, two = tmp_path / "one.zip", tmp_path / "two.zip"
    pack(entry, platform, one, secret="s", roster=None)
    pack(entry, platform, two, secret="s", roster=None)
    assert one.read_bytes() == two.read_bytes()
    names = zipfile.ZipFile(one).namelist()
    own = [name for name in names if "labs/" in name]  # Stingy's tools have mutants of their own
    assert not [name for name in own if "solution" in name or "mutant" in name]
    assert "setup.sh" in names


def test_autolabs_makefile_grades_a_handin(tmp_path: Path) -> None:
    entry = next(entry for entry in ENTRIES if entry.name == "evaluation")
    pack(entry, "autolab", tmp_path / "pack.zip", secret="s", roster=None)
    zipfile.ZipFile(tmp_path / "pack.zip").extractall(tmp_path)
    answers = HERE / "evaluation/handout/answers.toml"
    with tarfile.open(tmp_path / "handin.tar", "w") as handin:
        handin.add(answers, answers.name)
    shown = process.run(["make", "-s", "-f", "autograde-Makefile"], cwd=tmp_path).stdout
    scores = json.loads(shown.splitlines()[-1])["scores"]
    assert scores.keys() == {case.name for case in load(entry).cases}
    assert scores["form"] == 4


def test_a_grader_that_all_may_read_is_noticed(tmp_path: Path) -> None:
    from labs.grader.grading import is_open_to_all

    file = tmp_path / "folder" / "file"
    file.parent.mkdir()
    file.write_text("")
    file.parent.chmod(0o700)
    assert not is_open_to_all(file)
    assert is_open_to_all(Path("/etc/passwd"))
