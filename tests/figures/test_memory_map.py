# SPDX-License-Identifier: MIT
"""Figure 5: equal maps give equal bytes, and what is drawn is what the map says."""

from __future__ import annotations

from pathlib import Path

from matplotlib.patches import Rectangle

from figures.memory_map import draw
from figures.style import save_figure
from stingy.geometry import load_l2
from stingy.map import Parameters
from stingy.plan import plan_map
from tests.stingy.demands import WEB


def test_equal_maps_give_equal_bytes(tmp_path: Path) -> None:
    plan = plan_map(WEB, load_l2("tualatin-1400"), Parameters())
    first = [p.read_bytes() for p in save_figure(draw(plan), tmp_path / "a")]
    second = [p.read_bytes() for p in save_figure(draw(plan), tmp_path / "b")]
    assert first == second


def test_the_sets_of_the_slab_are_filled_and_the_rest_is_not() -> None:
    plan = plan_map(WEB, load_l2("banias-1400"), Parameters())
    memory, cache = draw(plan).axes
    cells = [p for p in cache.patches if isinstance(p, Rectangle) and not p.get_fill()]
    assert len(cells) == plan.slab("cache").bytes // 4096
    assert max(cell.get_y() + cell.get_height() for cell in cells) == 6  # ways
    heights = sum(
        p.get_height() for p in memory.patches if isinstance(p, Rectangle) and p.get_y() >= 0
        and p.get_y() < plan.slab("cache").bytes
    )  # fmt: skip
    assert heights == plan.slab("cache").bytes
