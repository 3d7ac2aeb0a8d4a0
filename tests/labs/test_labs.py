# SPDX-License-Identifier: MIT
"""What holds of every lab, and models of single ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from labs.allocator.plans import Recipe, make_plan
from labs.allocator.proof import Slots, find_violation
from labs.catalogue import HERE, LabFile, list_entries, load
from labs.colouring.misses import ROUNDS, count_lines, count_misses, find_crowded, pack_naively
from labs.colouring.problems import SMALL, make_pages
from labs.drawing import FIGURES, draw
from labs.evaluation.judging import Answer, find_report, measure_overlap
from labs.evaluation.reports import T_975
from labs.grader.chance import Chance
from labs.overload.running import take_all
from labs.overload.world import Costs, Load, World
from labs.parser.running import PICK, PLANTED, REFERENCE, make_parser
from labs.submissions import read_mutants

ENTRIES = list_entries()
every_lab = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_drawn_from_its_data(name: str, tmp_path: Path) -> None:
    draw(tmp_path / "figure.svg", FIGURES[name])
    assert (tmp_path / "figure.svg").read_bytes() == (HERE / name).read_bytes()


@every_lab
def test_mutants_name_tests_that_are_and_one_only_prints(entry: LabFile) -> None:
    mutants = read_mutants(entry.name)
    names = {case.name for case in load(entry).cases}
    assert len(mutants) >= 5
    assert all(set(mutant.loses) <= names for mutant in mutants)
    assert all(mutant.loses or mutant.at_most is not None for mutant in mutants)
    printer = next(mutant for mutant in mutants if mutant.name == "printer")
    assert printer.at_most is not None
    assert printer.at_most < 40
    assert printer.published is not None
    assert printer.published >= 10


@every_lab
def test_a_readme_has_all_that_a_student_needs(entry: LabFile) -> None:
    text = (entry.folder / "README.md").read_text()
    for part in ("**Goal.**", "## Background", "## Your tasks", "## How it is graded",
                 "## Hints", "## Reading", ".svg)"):  # fmt: skip
        assert part in text
    for one in entry.files:
        assert one.name in text


def test_chance_alone_draws_the_figures_of_a_score() -> None:
    for path in HERE.rglob("*.py"):
        if "solutions" not in path.parts:
            assert "import random" not in path.read_text(), path


def test_the_proof_sees_what_collides() -> None:
    recipe = Recipe(64, 256, 2, ((100, 100), (300, 300)), ((1, 0), (0, 1)), scattered=False)
    plan = make_plan(Chance("a", "b"), recipe)
    assert find_violation(plan, Slots(((0, 128), (256,)))) == ""
    assert "overlaps" in find_violation(plan, Slots(((0, 64), (256,))))
    assert "begin with a line" in find_violation(plan, Slots(((0, 130), (256,))))
    assert "ends behind" in find_violation(plan, Slots(((0,), (len(plan.frames) * 4096 - 64,))))


def test_the_proof_counts_ways() -> None:
    recipe = Recipe(64, 256, 2, ((64, 64),), ((1,),), scattered=False)
    plan = make_plan(Chance("a", "b"), recipe)
    crowded = type(plan)(64, 256, 1, plan.frames, plan.bytes, plan.needs)
    page = 4096 * plan.colours
    assert find_violation(plan, Slots(((0, page),))) == ""
    assert "more than 1 lines" in find_violation(crowded, Slots(((0, page),)))


def test_a_naive_placement_misses_each_time_and_is_crowded() -> None:
    problem = make_pages(Chance("a", "b"), SMALL)
    starts = pack_naively(problem)
    assert count_misses(problem, starts) > (ROUNDS - 1) * count_lines(problem, starts)
    assert find_crowded(type(problem)(**{**vars(problem), "starts": tuple(starts)}))


def test_a_spike_outlives_itself_on_the_given_server_and_a_light_load_does_not() -> None:
    calm = World(Load(0.9, 2000), Costs(), Chance("a", "b"))
    calm.run(take_all)
    assert calm.goodput(500, 2000) > 0.85
    hit = World(Load(0.9, 4000, 1500), Costs(), Chance("a", "b"))
    hit.run(take_all)
    assert hit.recovery_ms() is None
    assert hit.goodput(3000, 4000) < 0.1


def test_the_parsers_come_from_one_text() -> None:
    numbers = {int(found.group(1)) for found in PICK.finditer(REFERENCE.read_text())}
    assert numbers == set(range(1, 11))
    assert "PICK" not in make_parser(frozenset(PLANTED))
    right = (HERE / "solutions/parser/parser.c").read_text()
    assert make_parser(frozenset()) == right


def test_a_students_reports_are_his_own() -> None:
    one, other = find_report("a", "secret", 1), find_report("a", "secret", 2)
    assert one.truth() != other.truth()
    assert find_report("practice", "x", 1).truth() == find_report("practice", "y", 2).truth()
    assert len(T_975) == 1


def test_all_flaws_occur_and_can_be_answered() -> None:
    reports = [find_report("a", "secret", seed) for seed in range(60)]
    assert len({flaw for report in reports for flaw in report.flaws}) == 8
    for report in reports:
        truth = report.truth()
        assert measure_overlap(Answer(truth.flaws, truth.ratio, truth.low, truth.high), truth) == 1
