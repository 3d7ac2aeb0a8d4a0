# SPDX-License-Identifier: MIT
"""Figure 4: the stage call graph with the memory that each stage uses for one request.

Above: the stages, laid out by Graphviz.  Below: which objects are live in which stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from matplotlib.path import Path as Curve
from matplotlib.textpath import text_to_path

from figures.style import (
    COLOURS,
    COLUMN_INCHES,
    FOOTER_INCHES,
    PAGE_INCHES,
    POINTS_PER_INCH,
    Origin,
    apply_style,
    make_canvas,
)
from stingy.memwalk.graph_layout import Extent, Layout, PlacedEdge, lay_out
from stingy.memwalk.stage_graph import STYLES, format_bytes, join_edges, order_nodes
from stingy.model.results import EXTERNAL, EdgeKind, Memwalk, Object, Stage

NAME_POINTS, SMALL_POINTS = 6.0, 5.2
NODE_HEIGHT, ROW_HEIGHT = 23.0, 8.0
MARGIN = 2.0
OBJECTS, STACK = COLOURS[5], "#9A9A9A"
LINES = {"solid": "-", "bold": "-", "dashed": (0, (3.5, 1.5)), "dotted": (0, (1, 1.3))}
TABLE_GAP = 10.0
HEAD_HEIGHT = 24.0
LIVE = "#DCEFFA"


def draw(result: Memwalk, origin: Origin) -> Figure:
    """Graph and table of one server; as wide as a column, or as a page if the graph is wide."""
    order = order_nodes(result)
    stages = {stage.name: stage for stage in result.stages}
    kinds = {(a, b): found for a, b, found in join_edges(result.edges)}
    width = _find_node_width(stages.values())
    layout = lay_out(
        {n: (width, NODE_HEIGHT) if n in stages else (44.0, 9.0) for n in order},
        [(a, b, _measure_label(_list_labels(found))) for (a, b), found in kinds.items()],
    )
    inches = COLUMN_INCHES if layout.extent[0] <= COLUMN_INCHES * POINTS_PER_INCH else PAGE_INCHES
    room = inches * POINTS_PER_INCH - 2 * MARGIN
    scale = min(1.0, room / layout.extent[0])
    downwards = sorted(stages, key=lambda name: (-layout.nodes[name][1], layout.nodes[name][0]))
    shown = [stages[name] for name in downwards]
    table = HEAD_HEIGHT + len(shown) * ROW_HEIGHT
    base = FOOTER_INCHES * POINTS_PER_INCH + MARGIN
    with apply_style():
        height = base + table + TABLE_GAP + layout.extent[1] * scale + MARGIN
        figure, axes = make_canvas(height, origin, inches)
        left = MARGIN + (room - layout.extent[0] * scale) / 2
        graph = _Graph(axes, (left, base + table + TABLE_GAP), scale)
        for edge in layout.edges:
            graph.draw_edge(edge, kinds[edge.source, edge.target])
        graph.draw_nodes(layout, stages, width)
        objects = sorted(result.objects, key=lambda one: (-len(one.live_in), one.id))
        _draw_table(axes, objects, shown, (MARGIN, base), room)
        return figure


def _find_node_width(stages: Iterable[Stage]) -> float:
    names = [stage.label or stage.name for stage in stages]
    return max(_measure(name, NAME_POINTS, bold=True) for name in names) + 8.0


def _measure(text: str, points: float, *, bold: bool = False) -> float:
    """The width of a line of text, by the metrics of the font that matplotlib brings."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal", size=points)
    width: float = text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]
    return width


def _list_labels(kinds: Sequence[EdgeKind]) -> list[EdgeKind]:
    """The kinds that are written beside an edge: all but a plain queueing and the first stage."""
    return [] if len(kinds) == 1 and kinds[0] in {EdgeKind.QUEUE, EdgeKind.EXTERNAL} else [*kinds]


def _measure_label(kinds: Sequence[EdgeKind]) -> Extent | None:
    if not kinds:
        return None
    widest = max(_measure(kind.value, SMALL_POINTS) for kind in kinds)
    return widest + 3.0, len(kinds) * (SMALL_POINTS + 0.8) + 1.0


class _Graph:
    """Draws what dot has placed, at ``corner``."""

    def __init__(self, axes: Axes, corner: Extent, scale: float):
        self.axes, self.corner, self.scale = axes, corner, scale

    def place(self, point: Extent) -> Extent:
        """Canvas coordinates."""
        x, y = self.corner
        return x + self.scale * point[0], y + self.scale * point[1]

    def draw_edge(self, edge: PlacedEdge, kinds: Sequence[EdgeKind]) -> None:
        """The curve in the style of its kind (a plain one, if there are several), its label."""
        style = STYLES[kinds[0] if len(kinds) == 1 else EdgeKind.QUEUE]
        points = [self.place(point) for point in edge.curve]
        codes = [Curve.MOVETO, *[Curve.CURVE4] * (len(points) - 1)]
        self.axes.add_patch(
            FancyArrowPatch(
                path=Curve(points, codes), arrowstyle="-|>", mutation_scale=5.5 * self.scale,
                linewidth=1.1 if style["style"] == "bold" else 0.7, linestyle=LINES[style["style"]],
                color=style["color"], joinstyle="miter", capstyle="butt",
            )
        )  # fmt: skip
        if edge.label is None:
            return
        step = (SMALL_POINTS + 0.8) * self.scale
        x, y = self.place(edge.label)
        for number, kind in enumerate(_list_labels(kinds)):
            self.axes.text(
                x, y + ((len(kinds) - 1) / 2 - number) * step, kind.value, ha="center",
                va="center", fontsize=SMALL_POINTS * self.scale, color=STYLES[kind]["color"],
            )  # fmt: skip

    def draw_nodes(self, layout: Layout, stages: dict[str, Stage], width: float) -> None:
        """Stages with their bars, which share one scale, and where requests come from."""
        most = max((s.peak_bytes or 0) + (s.stack_bytes or 0) for s in stages.values()) or 1
        for name, middle in layout.nodes.items():
            x, y = self.place(middle)
            if name in stages:
                self._draw_stage(stages[name], x, y, width * self.scale, most)
            else:
                text = "scheduler" if name == EXTERNAL else name
                self.axes.text(x, y, text, ha="center", va="center", style="italic",
                               fontsize=NAME_POINTS * self.scale)  # fmt: skip

    def _draw_stage(self, stage: Stage, x: float, y: float, width: float, most: int) -> None:
        s = self.scale
        height = NODE_HEIGHT * s
        for inset in (0.0, 1.3) if stage.final else (0.0,):
            self.axes.add_patch(
                FancyBboxPatch(
                    (x - width / 2 + inset, y - height / 2 + inset), width - 2 * inset,
                    height - 2 * inset, boxstyle=f"round,pad=0,rounding_size={3 * s}",
                    facecolor="white", edgecolor="#222222", linewidth=0.6,
                )
            )  # fmt: skip
        self.axes.text(x, y + 6.2 * s, stage.label or stage.name, ha="center", va="center",
                       fontsize=NAME_POINTS * s, fontweight="bold")  # fmt: skip
        left, full = x - width / 2 + 4 * s, width - 8 * s
        for amount, colour in ((stage.peak_bytes, OBJECTS), (stage.stack_bytes, STACK)):
            part = full * (amount or 0) / most
            self.axes.add_patch(
                Rectangle((left, y - 1.4 * s), part, 3.2 * s, facecolor=colour, edgecolor="none")
            )
            left += part
        text = f"{_format(stage.peak_bytes)} + {_format(stage.stack_bytes)} B"
        self.axes.text(x, y - 6.3 * s, text, ha="center", va="center", fontsize=SMALL_POINTS * s)


def _format(amount: int | None) -> str:
    return "no bound" if amount is None else f"{amount:,}"


def _draw_table(
    axes: Axes, objects: Sequence[Object], stages: Sequence[Stage], corner: Extent, width: float
) -> None:
    """Rows are stages, columns objects: shaded where it can be live, + and - where a stage
    allocates and frees it."""
    left, bottom = corner
    names = max(_measure(stage.name, SMALL_POINTS) for stage in stages) + 6.0
    step = (width - names) / len(objects)
    top = bottom + len(stages) * ROW_HEIGHT
    for column, one in enumerate(objects):
        x = left + names + column * step
        axes.text(x + step / 2, top + 2, _describe_object(one), ha="center", va="bottom",
                  fontsize=SMALL_POINTS, linespacing=1.1)  # fmt: skip
        for row, stage in enumerate(stages):
            y = top - (row + 1) * ROW_HEIGHT
            if stage.name in one.live_in:
                axes.add_patch(Rectangle((x + 0.6, y), step - 1.2, ROW_HEIGHT, facecolor=LIVE,
                                         edgecolor="none"))  # fmt: skip
            born, dies = one.id in stage.allocates, one.id in stage.frees
            text = "  ".join(["+"] * born + ["\N{MINUS SIGN}"] * dies)
            axes.text(x + step / 2, y + ROW_HEIGHT / 2 - 0.3, text, ha="center", va="center",
                      fontsize=6.2)  # fmt: skip
    for row, stage in enumerate(stages):
        y = top - (row + 1) * ROW_HEIGHT
        axes.text(left + 1, y + ROW_HEIGHT / 2, stage.name, va="center", fontsize=SMALL_POINTS)
        axes.plot([left, left + width], [y, y], color="#CCCCCC", linewidth=0.25)
    axes.plot([left, left + width], [top, top], color="#000000", linewidth=0.5)
    _draw_legend(axes, left, top)


def _draw_legend(axes: Axes, left: float, y: float) -> None:
    for line, (colour, text) in enumerate(((OBJECTS, "objects"), (STACK, "stack"))):
        at = y + 12.5 - line * 6.5
        axes.add_patch(Rectangle((left + 1, at - 1.6), 7, 3.2, facecolor=colour, edgecolor="none"))
        axes.text(left + 10.5, at, text, fontsize=SMALL_POINTS, va="center")


def _describe_object(one: Object) -> str:
    """Its name, broken where it is long, and its size."""
    name = one.id
    if len(name) > 9 and "_" in name:
        head, _, tail = name.rpartition("_")
        name = f"{head}_\n{tail}"
    sign = "" if one.size.kind == "constant" else "\N{LESS-THAN OR EQUAL TO} "
    return f"{name}\n{sign}{format_bytes(one.size.bytes)}"
