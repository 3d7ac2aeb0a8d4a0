# SPDX-License-Identifier: MIT
"""memwalk's work grows with the server, and not faster than by a small power of its size."""

from __future__ import annotations

from pathlib import Path

from stingy.memwalk.passes import Options, walk_server
from stingy.model.results import EXTERNAL
from tests.stingy.synthetic import STAGES, write_synthetic


def test_the_same_lines_give_the_same_server(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_synthetic(tmp_path / name, 300)
    texts = [{p.name: p.read_text() for p in (tmp_path / n).iterdir()} for n in ("one", "two")]
    assert texts[0] == texts[1]


def test_steps_after_the_budget_grow_with_the_server(tmp_path: Path) -> None:
    steps = []
    for lines in (150, 300):
        folder = tmp_path / str(lines)
        folder.mkdir()
        analysis = walk_server(write_synthetic(folder, lines), Options(budget=0))
        pairs = {(source, target) for source, target, _ in analysis.findings.edges}
        assert (EXTERNAL, "stage0") in pairs
        assert {(f"stage{n}", f"stage{n + 1}") for n in range(STAGES - 1)} <= pairs
        steps.append(analysis.walk.interpreter.steps)
    assert steps[1] < 5 * steps[0]
