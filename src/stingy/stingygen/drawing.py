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

from stingy.stingygen.geometry import PAGE_BYTES
from stingy.stingygen.map import Map

# Okabe and Ito's palette, as in the project's other figures, and lighter tones of it.
PALETTE = ("#56B4E9", "#E69F00", "#009E73", "#F0E442", "#CC79A7", "#0072B2", "#D55E00", "#999999")
FIXED = {"stack": "#444444", "globals": "#888888", "allocator": "#BBBBBB"}
SPARE = "#FFFFFF"
EDGE = "#222222"
CUT_SHARE = 0.12  # of the cache slab's height, for a slab that is cut
LABEL_SHARE = 0.052  # of the whole height, for a line of a label
LABEL_POINTS, TITLE_POINTS = 5.2, 5.8


@dataclass(frozen=True)
class Extent:
    """Something in the cache slab: where, in bytes from the slab's start, and how it is drawn."""

    name: str
    start: int
    end: int
    colour: str
    slots: str = ""

    def describe(self) -> str:
        """Name, size, and what it is divided into."""
        slots = f"\n{self.slots}" if self.slots else ""
        return f"{_shorten(self.name)}, {_size(self.end - self.start)}{slots}"


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
        colour = PALETTE[number % len(PALETTE)]
        slots = f"{pool.slots:,} slots of {pool.stride_bytes:,} B"
        found.append(Extent(name, start, start + pool.bytes, colour, slots))
    end = max(extent.end for extent in found)
    if end < plan.slab("cache").bytes:
        found.append(Extent("unused", end, plan.slab("cache").bytes, SPARE))
    return found


def draw_map(figure: Figure, plan: Map) -> None:
    """Draw both panels into an empty figure."""
    memory, cache = figure.subplots(1, 2, width_ratios=(1.1, 1))
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
    axes.text(
        -0.1, total / 2, f"cache slab, {_size(total)}", fontsize=LABEL_POINTS, rotation=90,
        ha="right", va="center",
    )  # fmt: skip
    axes.set_xlim(-0.3, 3.0)
    axes.set_ylim(-cut * 1.05, total + cut * 1.05)
    axes.axis("off")


def _label_memory(axes: Axes, plan: Map, extents: list[Extent], cut: float) -> None:
    """Names beside the column, moved apart where extents are thin."""
    total = plan.slab("cache").bytes
    step = (total + 2 * cut) * LABEL_SHARE
    labels = [(-cut / 2, f"low slab, {_size(plan.slab('low').bytes)}\nstack beyond its bound")]
    labels += [((e.start + e.end) / 2, e.describe()) for e in extents]
    labels.append(
        (total + cut / 2, f"high slab, {_size(plan.slab('high').bytes)}\nspilled objects")
    )
    heights = _spread([at for at, _ in labels], [text.count("\n") + 1 for _, text in labels], step)
    for (wanted, text), height in zip(labels, heights, strict=True):
        axes.plot([1.0, 1.14, 1.22], [wanted, height, height], color="#666666", linewidth=0.4)
        axes.text(
            1.27, height, text, fontsize=LABEL_POINTS, va="center", ha="left", linespacing=1.1
        )


def _spread(wanted: list[float], lines: list[int], step: float) -> list[float]:
    """Heights for labels of so many lines: from the bottom up, each as near to where it is wanted
    as those below let it, then down again from the highest that may be."""
    heights: list[float] = []
    for number, at in enumerate(wanted):
        room = step * (lines[number] + lines[number - 1]) / 2
        heights.append(max(at, heights[-1] + room) if number else at)
    for number in range(len(heights) - 2, -1, -1):
        limit = min(heights[-1], wanted[-1]) if number == len(heights) - 2 else heights[number + 1]
        room = step * (lines[number] + lines[number + 1]) / 2
        heights[number] = min(heights[number], limit - room)
    heights[-1] = min(heights[-1], wanted[-1])
    return heights


def _draw_sets(axes: Axes, plan: Map, extents: list[Extent]) -> None:
    """Each page of the slab in its column (colour) and row (line of the set)."""
    colours, ways = plan.l2.colours, plan.l2.ways
    filled = [0] * colours
    pages = plan.slab("cache").bytes // PAGE_BYTES
    for page in range(pages):
        column = (plan.first_colour + page) % colours
        row = filled[column]
        filled[column] += 1
        _draw_page(axes, page, column, row, extents)
    height = max(ways, *filled)
    axes.grid(visible=False)
    axes.spines[["top", "right"]].set_visible(True)
    axes.set_xlim(0, colours)
    axes.set_ylim(0, height)
    axes.set_xticks([0, colours // 2, colours], ["0", str(plan.l2.sets // 2), str(plan.l2.sets)])
    axes.set_yticks([n + 0.5 for n in range(height)], [str(n + 1) for n in range(height)])
    axes.tick_params(labelsize=LABEL_POINTS, length=1.5, pad=1)
    axes.set_xlabel(f"L2 set ({colours} page colours)", fontsize=TITLE_POINTS, labelpad=1)
    axes.set_ylabel(f"lines of a set ({ways})", fontsize=TITLE_POINTS, labelpad=1)
    _say_what_is_left(axes, plan, filled)
    axes.set_title(f"{plan.l2.machine}, L2 of {_size(plan.l2.size_bytes)}", fontsize=TITLE_POINTS)


def _say_what_is_left(axes: Axes, plan: Map, filled: list[int]) -> None:
    left = plan.l2.size_bytes - plan.slab("cache").bytes
    low = max(filled)
    if left <= 0 or low >= plan.l2.ways:
        return
    axes.text(
        plan.l2.colours / 2, (low + plan.l2.ways) / 2,
        f"{_size(left)} left to code,\nnetwork stack, the rest",
        fontsize=LABEL_POINTS, ha="center", va="center", linespacing=1.1,
    )  # fmt: skip


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
    if count < 1024:
        return f"{count} B"
    amount, unit = (count / (1 << 20), "MiB") if count >= 1 << 20 else (count / 1024, "KiB")
    return f"{amount:.0f} {unit}" if amount == int(amount) else f"{amount:.1f} {unit}"


def _shorten(name: str) -> str:
    return name if len(name) <= 30 else name[:29] + "\u2026"
