# SPDX-License-Identifier: MIT
"""Figure 6: how three schedulers elect the next request, drawn side by side."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from figures.style import COLOURS, Provenance, apply_style, make_figure


@dataclass(frozen=True)
class Scheduler:
    """Boxes from left to right, the rule of election, and what the loop iterates over."""

    title: str
    boxes: tuple[str, ...]
    rule: str
    loop: str


SCHEDULERS = (
    Scheduler(
        "Typical I/O-limited server",
        ("wait for\nevents", "ready\nrequests", "run until\nit blocks"),
        "whichever request's data or socket is ready",
        "over ready requests",
    ),
    Scheduler(
        "TUX",
        ("accept all\nthat wait", "one queue\n(FIFO)", "run one\nstage"),
        "the request that has waited longest, at any stage",
        "over requests",
    ),
    Scheduler(
        "TUX with Stingy",
        ("query:\nroom?", "a queue\na stage", "run while\nroom lasts"),
        "1. all allocated   2. room: earlier stages first   3. no room: last",
        "over stages; accept asks too",
    ),
)


def draw(provenance: Provenance) -> Figure:
    """The three schedulers below each other; it has no data but their rules."""
    with apply_style():
        figure, panels = make_figure(len(SCHEDULERS), 3.6, provenance)
        for axes, scheduler in zip(panels, SCHEDULERS, strict=True):
            _draw_scheduler(axes, scheduler)
        return figure


def _draw_scheduler(axes: Axes, scheduler: Scheduler) -> None:
    axes.set_xlim(0, 3)
    axes.set_ylim(0, 1)
    axes.set_axis_off()
    axes.set_title(scheduler.title, loc="left", fontweight="bold", pad=2)
    for i, text in enumerate(scheduler.boxes):
        axes.add_patch(
            FancyBboxPatch(
                (i + 0.12, 0.42),
                0.68,
                0.42,
                boxstyle="round,pad=0.03",
                facecolor=COLOURS[i] + "22",
                edgecolor=COLOURS[i],
                linewidth=0.9,
            )
        )
        axes.text(i + 0.46, 0.63, text, ha="center", va="center", fontsize=6.5)
        if i:
            _draw_arrow(axes, (i - 0.17, 0.63), (i + 0.09, 0.63))
    _draw_arrow(axes, (2.46, 0.38), (0.46, 0.38), bend=-0.06)
    axes.text(1.46, 0.24, scheduler.loop, ha="center", va="center", fontsize=5.8, color="#444444")
    axes.text(0.05, 0.02, f"elects: {scheduler.rule}", ha="left", va="center", fontsize=5.8)


def _draw_arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], bend: float = 0.0
) -> None:
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=7,
            linewidth=0.8,
            color="#333333",
            connectionstyle=f"arc3,rad={bend}",
        )
    )
