# SPDX-License-Identifier: MIT
"""The same servers on Stingy: through memwalk, stingygen and stingify, as a user would."""

from __future__ import annotations

from pathlib import Path

from stingy.annotation_file import read_annotations
from stingy.demand import make_demand
from stingy.generate import Target, generate, write_allocator
from stingy.geometry import load_l2
from stingy.map import Map, Parameters
from stingy.memwalk import analyse
from stingy.plan import plan_map
from stingy.rewrite_command import Task, rewrite
from stingy.rewrite_report import RewriteReport

from .running import HERE


def rewrite_server(
    name: str, out: Path, parameters: Parameters | None = None
) -> tuple[Path, Map, RewriteReport]:
    """The folder of the rewritten sources, the memory map, and what was rewritten."""
    file = read_annotations(HERE / name / "annotations.toml")
    result = analyse(file.path)
    plan = plan_map(make_demand(result), load_l2("banias-1400"), parameters or Parameters())
    allocator = out / "allocator"
    write_allocator(generate(plan, Target.USER), allocator)
    report = rewrite(Task(file, file.root, result, plan, allocator, out))
    return out / "source", plan, report
