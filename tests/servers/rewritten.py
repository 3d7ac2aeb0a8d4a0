# SPDX-License-Identifier: MIT
"""The same servers on Stingy: through memwalk, stingygen and stingify, as a user would."""

from __future__ import annotations

from pathlib import Path

from stingy.memwalk.passes import analyse
from stingy.model.annotation_file import read_annotations
from stingy.stingify.command import Task, rewrite
from stingy.stingify.report import RewriteReport
from stingy.stingygen.demand import make_demand
from stingy.stingygen.generate import Target, generate, write_allocator
from stingy.stingygen.geometry import load_l2
from stingy.stingygen.map import Map, Parameters
from stingy.stingygen.plan import plan_map

from .running import EXAMPLES


def rewrite_server(
    name: str, out: Path, parameters: Parameters | None = None
) -> tuple[Path, Map, RewriteReport]:
    """The folder of the rewritten sources, the memory map, and what was rewritten."""
    file = read_annotations(EXAMPLES / name / "annotations.toml")
    result = analyse(file.path)
    plan = plan_map(make_demand(result), load_l2("banias-1400"), parameters or Parameters())
    allocator = out / "allocator"
    write_allocator(generate(plan, Target.USER), allocator)
    report = rewrite(Task(file, file.root, result, plan, allocator, out))
    return out / "source", plan, report
