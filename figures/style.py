# SPDX-License-Identifier: MIT
"""One look for all figures: column width, colours safe for colour-blind readers, fixed bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

COLUMN_INCHES = 3.5
PAGE_INCHES = 7.2
FOOTER_INCHES = 0.12
POINTS_PER_INCH = 72
FORMATS = ("svg", "png", "pdf")
# Okabe and Ito's palette: distinct for all common kinds of colour blindness, and in print.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
# The paper's own number, wherever it stands beside measured ones.
PAPER: dict[str, Any] = {"color": "black", "marker": "*", "markersize": 6, "linestyle": "none"}
# These look the same in every figure; whatever else is drawn takes the looks that are left.
KNOWN_SERVERS = ("tux", "tux-stingy", "tux-stingy-net", "nginx", "lighttpd", "apache")
DECADES = (1, 10, 100, 1000, 10_000)
# A logarithmic axis over less than this ratio has too few decades to be its ticks.
SHORT_RANGE = 100

STYLE = Path(__file__).with_name("column.mplstyle")


@dataclass(frozen=True)
class Provenance:
    """Where a figure's data come from; printed in its footer.

    ``digest`` stands for all results, ``synthetic`` marks a rehearsal without machines.
    """

    tier: str
    seeds: int
    digest: str
    synthetic: bool = False

    def __str__(self) -> str:
        kind = "SYNTHETIC DATA, " if self.synthetic else ""
        seeds = f"{self.seeds} seed" + ("" if self.seeds == 1 else "s")
        return f"{kind}{self.tier} tier, {seeds}, results {self.digest[:12]}"


@dataclass(frozen=True)
class Origin:
    """What a figure without measurements is drawn from: ``digest`` is that of the analysis of
    ``server``, ``note`` what else must be known."""

    server: str
    digest: str
    note: str = ""

    def __str__(self) -> str:
        note = f", {self.note}" if self.note else ""
        return f"analysis of {self.server} {self.digest[:12]}{note}"


@contextmanager
def apply_style() -> Iterator[None]:
    """Draw within this block; the user's own matplotlib settings have no influence."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.style.use(STYLE)
        yield


def find_looks(servers: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each server, in the order of a legend."""
    names = set(servers)
    order = [*KNOWN_SERVERS, *sorted(names - set(KNOWN_SERVERS))]
    return {
        name: (COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)])
        for i, name in enumerate(order)
        if name in names
    }


def make_figure(
    rows: int, height: float, provenance: Provenance, width: float = COLUMN_INCHES
) -> tuple[Figure, list[Axes]]:
    """A figure with ``rows`` panels above each other and a footer, by default as wide as a
    column."""
    # Room at the bottom for the footer; in a rehearsal, a mark that cannot be missed.
    layout = ConstrainedLayoutEngine(
        rect=(0, FOOTER_INCHES / height, 1, 1 - FOOTER_INCHES / height)
    )
    figure = Figure(figsize=(width, height), layout=layout)
    add_footer(figure, str(provenance))
    if provenance.synthetic:
        figure.text(
            0.5, 0.5, "SYNTHETIC", ha="center", va="center", fontsize=30, color="#d00",
            alpha=0.15, rotation=30,
        )  # fmt: skip
    axes = figure.subplots(rows, 1, squeeze=False)
    return figure, [row[0] for row in axes]


def make_canvas(
    height_points: float, origin: Origin, width_inches: float = COLUMN_INCHES
) -> tuple[Figure, Axes]:
    """A figure to draw on in points, from its lower left corner; the lowest FOOTER_INCHES are the
    footer's."""
    figure = Figure(figsize=(width_inches, height_points / POINTS_PER_INCH))
    add_footer(figure, str(origin))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width_inches * POINTS_PER_INCH)
    axes.set_ylim(0, height_points)
    return figure, axes


def add_footer(figure: Figure, text: str) -> None:
    """Where the data come from, small, in the lower right corner."""
    figure.text(0.995, 0.008, text, ha="right", va="bottom", fontsize=4.6, color="#555")


def set_concurrency_axis(axes: Axes, levels: Sequence[int]) -> None:
    """A logarithmic axis of concurrency with plain numbers."""
    axes.set_xscale("log")
    axes.set_xlim(min(levels) * 0.8, max(levels) * 1.25)
    short = max(levels) < SHORT_RANGE * min(levels)
    axes.xaxis.set_major_locator(FixedLocator(sorted(set(levels)) if short else DECADES))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("concurrency (connections)")


def freeze_layout(figure: Figure) -> None:
    """Lay ``figure`` out once, and round: the solver's last digits differ from call to call."""
    with apply_style():
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for axes in figure.axes:
            left, bottom, width, height = (round(v, 4) for v in axes.get_position().bounds)
            axes.set_position((left, bottom, width, height))


def save_figure(figure: Figure, stem: Path) -> list[Path]:
    """Write ``stem``.svg, .png and .pdf; equal data give equal bytes."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    freeze_layout(figure)
    metadata: dict[str, dict[str, str | None]] = {
        "svg": {"Date": None, "Creator": "tux-stingy"},
        "png": {"Software": "tux-stingy"},
        "pdf": {"CreationDate": None, "Creator": "tux-stingy", "Producer": "tux-stingy"},
    }
    paths = []
    for kind in FORMATS:
        path = stem.with_suffix(f".{kind}")
        with apply_style():
            figure.savefig(path, format=kind, metadata=metadata[kind])
        paths.append(path)
    return paths
