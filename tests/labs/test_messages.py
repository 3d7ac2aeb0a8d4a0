# SPDX-License-Identifier: MIT
"""What a student is told after a failed test: enough to go on, in the same words each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from labs.catalogue import find_entry, load
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
