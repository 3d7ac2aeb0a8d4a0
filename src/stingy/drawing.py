# SPDX-License-Identifier: MIT
"""The paper's Fig. 5, to scale: the three slabs, and the L2 sets that the cache slab occupies.

The left column is memory: the cache slab to scale, low and high slab (hatched) as
stubs, with their true sizes written beside.  The right panel is the L2: one column a
page colour, one row a way, each cell with the colour of what its lines hold.  What is white there
is left to code and to the network stack.
"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from stingy.geometry import PAGE_BYTES
from stingy.map import Map

# Okabe and Ito's palette, as in the project's other figures, and lighter tones of it.
PALETTE = ("#56B4E9", "#E69F00", "#009E73", "#F0E442", "#CC79A7", "#0072B2", "#D55E00", "#999999")
FIXED = {"stack": "#444444", "globals": "#888888", "allocator": "#BBBBBB"}
SPARE = "#FFFFFF"
EDGE = "#222222"
CUT_SHARE = 0.12  # of the cache slab's height, for a slab that is cut


@dataclass(frozen=True)
class Extent:
    """Something in the cache slab: where, in bytes from the slab's start, and how it is drawn."""

    name: str
    start: int
    end: int
    colour: str


def find_extents(plan: Map) -> list[Extent]:
    """What lies in the cache slab, from the bottom, the unused rest included."""
    origin = plan.slab("cache").offset
    found = [
        Extent(a.name, a.offset - origin, a.offset - origin + a.bytes, FIXED[a.name])
        for a in plan.areas
        if a.name in FIXED and a.bytes
    ]
    for number, pool in enumerate(plan.pools):
        start = pool.offset - origin
        name = ", ".join(pool.objects) + (" (running stage)" if pool.transient else "")
        found.append(Extent(name, start, start + pool.bytes, PALETTE[number % len(PALETTE)]))
    end = max(extent.end for extent in found)
    if end < plan.slab("cache").bytes:
        found.append(Extent("unused", end, plan.slab("cache").bytes, SPARE))
    return found


def draw_map(figure: Figure, plan: Map) -> None:
    """Draw both panels into an empty figure."""
    memory, cache = figure.subplots(1, 2, width_ratios=(1.15, 1))
    extents = find_extents(plan)
    _draw_memory(memory, plan, extents)
    _draw_sets(cache, plan, extents)


def _draw_memory(axes: Axes, plan: Map, extents: list[Extent]) -> None:
    total = plan.slab("cache").bytes
    cut = total * CUT_SHARE
    for extent in extents:
        axes.add_patch(
            Rectangle((0, extent.start), 1, extent.end - extent.start, facecolor=extent.colour,
                      edgecolor=EDGE, linewidth=0.3)
        )  # fmt: skip
    for name, base in (("low", -cut), ("high", total)):
        axes.add_patch(
            Rectangle((0, base), 1, cut, facecolor="#F4F4F4", edgecolor=EDGE, linewidth=0.3,
                      hatch="////" if name == "high" else "....", alpha=0.6)
        )  # fmt: skip
    axes.plot([0, 1], [0, 0], color=EDGE, linewidth=1.0)
    axes.plot([0, 1], [total, total], color=EDGE, linewidth=1.0)
    _label_memory(axes, plan, extents, cut)
    axes.set_xlim(0, 3.3)
    axes.set_ylim(-cut * 1.05, total + cut * 1.05)
    axes.axis("off")


def _label_memory(axes: Axes, plan: Map, extents: list[Extent], cut: float) -> None:
    """Names beside the column, moved apart where extents are thin."""
    total = plan.slab("cache").bytes
    step = (total + 2 * cut) / 17
    labels = [(-cut / 2, f"low slab {_size(plan.slab('low').bytes)}: stack beyond its bound")]
    labels += [
        ((e.start + e.end) / 2, f"{_shorten(e.name)} {_size(e.end - e.start)}") for e in extents
    ]
    labels.append((total + cut / 2, f"high slab {_size(plan.slab('high').bytes)}: spill"))
    places: list[float] = []
    for wanted, _ in labels:
        places.append(max(wanted, places[-1] + step) if places else wanted)
    top = total + cut * 0.9
    for index in range(len(places) - 1, -1, -1):  # push down what was pushed out at the top
        limit = top if index == len(places) - 1 else places[index + 1] - step
        places[index] = min(places[index], limit)
    for (wanted, text), place in zip(labels, places, strict=True):
        axes.plot([1.0, 1.12, 1.2], [wanted, place, place], color="#666666", linewidth=0.4)
        axes.text(1.24, place, text, fontsize=5.2, va="center", ha="left")


def _draw_sets(axes: Axes, plan: Map, extents: list[Extent]) -> None:
    """Each page of the slab in its column (colour) and row (way)."""
    colours, ways = plan.l2.colours, plan.l2.ways
    filled = [0] * colours
    pages = plan.slab("cache").bytes // PAGE_BYTES
    for page in range(pages):
        column = (plan.first_colour + page) % colours
        row = filled[column]
        filled[column] += 1
        _draw_page(axes, page, column, row, extents)
    axes.set_xlim(0, colours)
    axes.set_ylim(0, max(ways, *filled))
    axes.set_xticks([0, colours // 2, colours], ["0", str(plan.l2.sets // 2), str(plan.l2.sets)])
    axes.set_yticks([n + 0.5 for n in range(ways)], [str(n + 1) for n in range(ways)])
    axes.tick_params(labelsize=5.2, length=1.5, pad=1)
    axes.set_xlabel(f"L2 set ({colours} page colours)", fontsize=5.6, labelpad=1)
    axes.set_ylabel("way", fontsize=5.6, labelpad=1)
    share = plan.slab("cache").bytes / plan.l2.size_bytes
    axes.set_title(
        f"{plan.l2.machine}: {_size(plan.l2.size_bytes)} of L2\nslab {share:.0%}, rest for others",
        fontsize=5.6,
    )


def _draw_page(axes: Axes, page: int, column: int, row: int, extents: list[Extent]) -> None:
    start, end = page * PAGE_BYTES, (page + 1) * PAGE_BYTES
    for extent in extents:
        low, high = max(start, extent.start), min(end, extent.end)
        if low < high:
            left = column + (low - start) / PAGE_BYTES
            axes.add_patch(
                Rectangle((left, row), (high - low) / PAGE_BYTES, 1, facecolor=extent.colour,
                          edgecolor="none")
            )  # fmt: skip
    axes.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor=EDGE, linewidth=0.1))


def _size(count: int) -> str:
    if count >= 1 << 20:
        return f"{count / (1 << 20):.1f} MiB"
    return f"{count / 1024:.1f} KiB" if count >= 1024 else f"{count} B"


def _shorten(name: str) -> str:
    return name if len(name) <= 30 else name[:29] + "\u2026"
