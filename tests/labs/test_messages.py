# SPDX-License-Identifier: MIT
"""What a student is told after a failed test: enough to go on, in the same words each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from ground import process
from labs.catalogue import LabFile, find_entry, list_entries, load
from labs.grader.grading import grade
from labs.handout import write_handout

GIVEN_BACK = """
#include <stdlib.h>
#include "policy.h"
void policy_init(uint32_t nr_stages, uint32_t patience)
{
	(void)nr_stages;
	(void)patience;
}
struct visit choose_visit(const struct view *view)
{
	uint32_t *turn = malloc(sizeof(*turn));

	*turn = view->turn;
	free(turn);
	return (struct visit){ *turn, 1 };
}
"""
NO_FIELD = """
class Policy:
    def __init__(self, costs):
        self.costs = costs

    def decide(self, view):
        return view.rung, 0, 0
"""
BEYOND = """
def find_crowded(problem):
    return []


def place(problem):
    return [problem.frames[len(problem.frames)]]
"""
CRASHES = {  # lab: a file, its text, the test that fails, what it says
    "scheduler": ("policy.c", GIVEN_BACK, "calm.serves",
                  "AddressSanitizer stopped it: heap-use-after-free at policy.c:15"),
    "overload": ("policy.py", NO_FIELD, "form",
                 'File "policy.py", line 7, in decide\n'
                 "return view.rung, 0, 0\n"
                 "AttributeError: 'View' object has no attribute 'rung'. Did you mean: 'ring'?"),
    "colouring": ("place.py", BEYOND, "answers", "IndexError: list index out of range"),
}  # fmt: skip


def tell(name: str, file: str, text: str, test: str, folder: Path) -> str:
    """What the test says of a hand-out in which ``file`` is ``text``."""
    entry = find_entry(name)
    write_handout(entry, folder)
    (folder / file).write_text(text)
    report = grade(load(entry, hidden=False), folder, only=test)
    return next(outcome.message for outcome in report.outcomes if outcome.name == test)


@pytest.mark.parametrize("name", CRASHES)
def test_a_crash_is_told_by_its_error_in_the_same_words(name: str, tmp_path: Path) -> None:
    file, text, test, words = CRASHES[name]
    one, two = (tell(name, file, text, test, tmp_path / where) for where in ("one", "two"))
    assert words in one
    assert one == two


WITH_COMMANDS = {  # lab: a test that the hand-out fails, what is built before
    "allocator": ("order.proof", []),
    "cache": ("direct", []),
    "colouring": ("pages", []),
    "parser": ("mutated", ["run"]),
    "scheduler": ("calm.serves", ["policy"]),
}


@pytest.mark.parametrize("name", WITH_COMMANDS)
def test_what_a_message_says_to_try_can_be_tried(name: str, tmp_path: Path) -> None:
    entry, folder = find_entry(name), tmp_path / "lab"
    test, targets = WITH_COMMANDS[name]
    write_handout(entry, folder)
    report = grade(load(entry, hidden=False), folder, only=test)
    message = report.outcomes[-1].message
    (command,) = (line for line in message.splitlines() if line.startswith("try: "))
    for target in targets:
        process.run(["make", target], cwd=folder)
    shown = process.run(["sh", "-e", "-c", command.removeprefix("try: ")], cwd=folder)
    assert shown.stdout
    assert shown.stderr == ""


@pytest.mark.parametrize("entry", list_entries(), ids=lambda entry: entry.name)
def test_the_check_of_a_hand_out_says_that_there_is_more(entry: LabFile, tmp_path: Path) -> None:
    write_handout(entry, tmp_path / "lab")
    points = sum(case.points for case in load(entry, hidden=False).cases)
    assert f"these are {points} of 100 points" in (tmp_path / "lab/check").read_text()
