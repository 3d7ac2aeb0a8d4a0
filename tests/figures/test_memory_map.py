# SPDX-License-Identifier: MIT
"""Figure 5: equal maps give equal bytes, and what is drawn is what the map says."""

from __future__ import annotations

from pathlib import Path

from matplotlib.patches import Rectangle

from figures.memory_map import draw
from figures.style import Origin, save_figure
from stingy.stingygen.geometry import load_l2
from stingy.stingygen.map import Parameters
from stingy.stingygen.plan import plan_map
from tests.stingy.demands import WEB

ORIGIN = Origin("web", "0123456789abcdef")


def test_equal_maps_give_equal_bytes(tmp_path: Path) -> None:
    plan = plan_map(WEB, load_l2("tualatin-1400"), Parameters())
    first = [p.read_bytes() for p in save_figure(draw(plan, ORIGIN), tmp_path / "a")]
    second = [p.read_bytes() for p in save_figure(draw(plan, ORIGIN), tmp_path / "b")]
    assert first == second


def test_the_sets_of_the_slab_are_filled_and_the_rest_is_not() -> None:
    plan = plan_map(WEB, load_l2("banias-1400"), Parameters())
    memory, cache = draw(plan, ORIGIN).axes
    cells = [p for p in cache.patches if isinstance(p, Rectangle) and not p.get_fill()]
    assert len(cells) == plan.slab("cache").bytes // 4096
    assert max(cell.get_y() + cell.get_height() for cell in cells) == 6  # ways
    heights = sum(
        p.get_height() for p in memory.patches if isinstance(p, Rectangle) and p.get_y() >= 0
        and p.get_y() < plan.slab("cache").bytes
    )  # fmt: skip
    assert heights == plan.slab("cache").bytes


def test_the_l2_that_is_left_is_named_and_the_slots_are_those_of_the_map() -> None:
    plan = plan_map(WEB, load_l2("banias-1400"), Parameters())
    figure = draw(plan, ORIGIN)
    texts = [t.get_text() for axes in figure.axes for t in axes.texts]
    assert any(text.startswith("256 KiB left") for text in texts)  # 2 of 8 ways of 1 MiB
    for pool in plan.pools:
        wanted = f"{pool.slots:,} slots of {pool.stride_bytes:,} B"
        assert any(text.endswith(wanted) for text in texts)
    assert [t.get_text() for t in figure.texts] == ["analysis of web 0123456789ab"]
