# SPDX-License-Identifier: MIT
"""What a user is told whose plan is not the recorded one: all that differs, in few lines."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from artifact.runs.changes import describe_changes
from artifact.runs.plan import make_plan, render_plan
from artifact.study.designs import Tier, find_designs, load_design

Document = dict[str, Any]


@pytest.fixture(scope="module")
def full() -> Document:
    """The full tier: hundreds of runs, tens of thousands of lines."""
    designs = [load_design(name) for name in find_designs()]
    document = json.loads(render_plan(make_plan(Tier.FULL, designs, {"qemu": "a", "testbed": "b"})))
    assert len(document["runs"]) > 500
    assert isinstance(document, dict)
    return document


def describe(full: Document, change: Callable[[Document], None]) -> list[str]:
    """What is said after ``change`` of the recorded plan."""
    changed = copy.deepcopy(full)
    change(changed)
    return describe_changes(json.dumps(full), json.dumps(changed)).splitlines()


def set_everywhere(plan: Document, **values: str) -> None:
    """Products of another build: each run has another key."""
    plan["products"] |= values
    for run in plan["runs"]:
        run["key"] = run["key"][::-1]


def test_another_build_is_told_by_its_products(full: Document) -> None:
    total = len(full["runs"])
    assert describe(full, lambda plan: set_everywhere(plan, testbed="c", seeds="d")) == [
        f"  {total} runs: 0 as they were, {total} with other inputs, 0 new; 0 gone",
        "  products changed: testbed",
        "  products new: seeds",
    ]


def test_a_field_of_all_runs_is_one_line_with_an_example(full: Document) -> None:
    def change(plan: Document) -> None:
        set_everywhere(plan)
        for run in plan["runs"]:
            run["experiment"]["link"]["jitter_ns"] = 7 if run["design"] != "figure1" else 8

    first, line = describe(full, change)
    figure1 = sum(run["design"] == "figure1" for run in full["runs"])
    assert f"{len(full['runs'])} with other inputs" in first
    assert line.startswith(
        f"  link.jitter_ns in {len(full['runs'])} runs: 20000 -> 7 (otherwise in "
    )
    others = int(line.partition("(otherwise in ")[2].partition(")")[0])
    assert others >= figure1  # platform has other jitters, too
    assert "seed=" in line.rpartition(" such as ")[2]


def test_new_and_lost_runs_are_told_by_design_with_what_is_new_of_them(full: Document) -> None:
    def change(plan: Document) -> None:
        for run in plan["runs"]:
            if run["design"] == "figure7" and run["level"] == 2500:
                run["level"] = 2600
        plan["runs"] = [run for run in plan["runs"] if run["design"] != "slab"]

    def count(**factors: object) -> int:
        return sum(factors.items() <= run.items() for run in full["runs"])

    moved, slab = count(design="figure7", level=2500), count(design="slab")
    lines = describe(full, change)
    assert f"0 with other inputs, {moved} new; {moved + slab} gone" in lines[0]
    assert sorted(line.partition(", such as")[0].strip() for line in lines[1:]) == [
        f"runs gone, figure7: {moved} (level: 2500)",
        f"runs gone, slab: {slab}",
        f"runs new, figure7: {moved} (level: 2600)",
    ]


def test_searches_order_and_notes_are_told(full: Document) -> None:
    def change(plan: Document) -> None:
        plan["searches"][0]["accuracy"] = 0.5
        plan["runs"].reverse()
        plan["notes"] = ["a note"]
        plan["searches"].pop()

    lines = describe(full, change)
    assert lines[0].endswith("; in another order")
    assert any(line.startswith("  accuracy in 1 searches: 0.02 -> 0.5") for line in lines)
    assert any(line.startswith("  searches gone, recovery: 1") for line in lines)
    assert lines[-1] == '  notes: [] -> ["a note"]'


def test_however_much_differs_the_lines_are_few_and_short(full: Document) -> None:
    def change(value: object) -> object:
        if isinstance(value, dict):
            return {name: change(inner) for name, inner in value.items()}
        return [value] * 30

    def change_all(plan: Document) -> None:
        set_everywhere(plan, **{f"product-{n}": "x" for n in range(100)})
        for run in plan["runs"][::20]:
            run["experiment"] = change(run["experiment"])

    lines = describe(full, change_all)
    assert len(lines) < 20
    assert max(map(len, lines)) < 250
    assert any(line.endswith("more") for line in lines)


def test_a_plan_of_another_version_is_described(full: Document) -> None:
    """One whose runs lack a field that there is now."""

    def change(plan: Document) -> None:
        for run in plan["runs"]:
            run["experiment"]["machines"]["pets"] = None

    (_, line) = describe(full, change)
    assert line.startswith(f"  machines.pets in {len(full['runs'])} runs: absent -> null, such as")


@pytest.mark.parametrize("text", ["", "[]", '{"runs": [1]}', '{"runs": '])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="AnyPlan"):
        describe_changes(text, "{}")
