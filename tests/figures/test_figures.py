# SPDX-License-Identifier: MIT
"""Figures: equal data give equal bytes, other data do not; nothing invalid is dropped."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import polars as pl
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from figures import (
    cycles,
    forest,
    gain,
    misses,
    origins,
    overload,
    peak,
    plateaus,
    recovery,
    resources,
    symbols,
    throughput,
    waiting,
    zones,
)
from figures.style import COLOURS, FORMATS, Provenance, find_looks, save_figure
from figures.zones import Zones

PROVENANCE = Provenance("quick", 5, "0123456789abcdef")


def make_frame(factor: float = 1.0) -> pl.DataFrame:
    levels = [1, 40, 2500, 4096]
    rows = [
        {
            "server": server,
            "level": level,
            "valid": level < 4000,
            "value": factor * 1000 * (n + 1),
            "low": None if level == 1 else factor * 900 * (n + 1),
            "high": None if level == 1 else factor * 1100 * (n + 1),
            "zone": "failure" if level > 4000 else "plastic",
        }
        for n, server in enumerate(("apache", "lighttpd", "nginx"))
        for level in levels
    ]
    return pl.DataFrame(rows)


def make_ratios() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "label": ["a", "b", "c"],
            "value": [0.7, 2.0, None],
            "low": [0.65, None, None],
            "high": [0.75, None, None],
            "band_low": [0.6, 1.5, None],
            "band_high": [0.85, None, None],
            "paper": [0.71, None, None],
            "note": ["REPRODUCED", "INCONCLUSIVE", ""],
        }
    )


def make_plateaus() -> Figure:
    sizes = [4096 << i for i in range(12)]
    frame = pl.DataFrame(
        {
            "geometry": ["banias-1400"] * 12,
            "valid": [True] * 12,
            "working_set_bytes": sizes,
            "cycles": [3.0 if s <= 32768 else 9.0 if s <= 1 << 20 else 134.0 for s in sizes],
        }
    )
    expected = pl.DataFrame(
        {
            "geometry": ["banias-1400", "zen4-3700"],
            "l1_bytes": [32768, 32768],
            "l2_bytes": [1 << 20, 1 << 20],
            "l1_cycles": [3, 4],
            "l2_cycles": [9, 14],
            "memory_cycles": [134, 300],
        }
    )
    return plateaus.draw(frame, expected, PROVENANCE)


def make_zones(found: Zones) -> Figure:
    one = make_frame().filter(pl.col("server") == "nginx")
    return zones.draw(make_frame(), one, one, found, PROVENANCE)


def make_origins() -> Figure:
    rows = [(level, name, 10.0 * level) for name in ("TUX", "rest") for level in (1, 40, 2500)]
    frame = pl.DataFrame(rows, schema=list(origins.COLUMNS), orient="row")
    return origins.draw("tux", frame, frame, frame, PROVENANCE)


def make_symbols() -> pl.DataFrame:
    rows = [("tux", "tcp_ack", 12.5), ("tux", "schedule", 1.0), ("tux-stingy", "tcp_ack", 7.0)]
    return pl.DataFrame(rows, schema=symbols.COLUMNS, orient="row")


WAITING_ORDER = ["accepted", "in the ring", "in the client"]


def make_waiting(levels: tuple[int, ...] = (1, 40, 2500), accepted: float = 0.6) -> Figure:
    rows = [
        {"panel": panel, "level": level, "valid": level < 2500, "name": name, "value": value}
        for panel in ("tux-stingy", "tux")
        for level in levels
        for name, value in zip(WAITING_ORDER, (accepted, 0.9 - accepted, 0.1), strict=True)
    ]
    return waiting.draw(pl.DataFrame(rows), WAITING_ORDER, PROVENANCE)


def make_resources() -> Figure:
    """One test with an interval, one whose only run broke a gate."""
    frame = pl.DataFrame(
        {
            "variant": ["receive", "send"],
            "level": [32, 32],
            "valid": [True, False],
            "value": [0.9, 0.5],
            "low": [0.85, None],
            "high": [0.95, None],
        }
    )
    shares = {"server": frame, "wire": frame.with_columns(pl.col("value") / 2)}
    return resources.draw(shares, PROVENANCE)


def make_course() -> Figure:
    rows = [
        (server, level, float(at), 9e3 + at, 20.0 + at * (at > 0), 2e3 if at < 90 else None)
        for server in ("tux", "tux-stingy")
        for level in (10_000, 14_000)
        for at in range(-50, 100, 10)
    ]
    frame = pl.DataFrame(rows, schema=list(recovery.COURSE_COLUMNS), orient="row")
    return recovery.draw_course(frame, PROVENANCE)


def make_robust_peak() -> Figure:
    rows = [("tux", 10_000, 1, True, 0.4), ("tux", 12_000, 1, False, None)]
    runs = pl.DataFrame(rows, schema=list(recovery.RUN_COLUMNS), orient="row")
    peaks = pl.DataFrame(
        [("tux", 11e3, None, None)], schema=list(recovery.PEAK_COLUMNS), orient="row"
    )
    return recovery.draw_peak(runs, peaks, PROVENANCE)


DRAWINGS: dict[str, Callable[[], Figure]] = {
    "throughput": lambda: throughput.draw(make_frame(), PROVENANCE),
    "misses": lambda: misses.draw(make_frame(0.1), make_frame(0.01), PROVENANCE),
    "cycles": lambda: cycles.draw(make_frame(90), make_frame(1e-4), PROVENANCE),
    "plateaus": make_plateaus,
    "zones": lambda: make_zones(Zones((30, 40, 60), (2500, 3200, 4096))),
    "origins": make_origins,
    "overload": lambda: overload.draw(make_frame(), make_frame(), PROVENANCE),
    "course": make_course,
    "robust peak": make_robust_peak,
    "resources": make_resources,
    "forest": lambda: forest.draw(make_ratios(), PROVENANCE),
    "waiting": make_waiting,
    "waiting, one level": lambda: make_waiting((2500,)),
    "symbols": lambda: symbols.draw(make_symbols(), ["tux", "tux-stingy"], PROVENANCE),
}


def digest(paths: list[Path]) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


@pytest.mark.parametrize("name", DRAWINGS)
def test_equal_data_give_equal_bytes(name: str, tmp_path: Path) -> None:
    first = save_figure(DRAWINGS[name](), tmp_path / "one")
    with mpl.rc_context({"font.size": 20, "savefig.dpi": 30}):  # the user's settings do not matter
        second = save_figure(DRAWINGS[name](), tmp_path / "two")
    assert [path.suffix[1:] for path in first] == list(FORMATS)
    assert digest(first) == digest(second)


def test_other_data_give_other_bytes(tmp_path: Path) -> None:
    one = save_figure(throughput.draw(make_frame(), PROVENANCE), tmp_path / "one")
    two = save_figure(throughput.draw(make_frame(1.01), PROVENANCE), tmp_path / "two")
    assert all(a != b for a, b in zip(digest(one), digest(two), strict=True))


@pytest.mark.parametrize("name", DRAWINGS)
def test_files_are_clean(name: str, tmp_path: Path) -> None:
    svg, _, pdf = save_figure(DRAWINGS[name](), tmp_path / "figure")
    ET.parse(svg)
    assert b"CreationDate" not in pdf.read_bytes()
    assert "dc:date" not in svg.read_text()


def test_invalid_points_are_hollow_and_valid_ones_are_not() -> None:
    axes = throughput.draw(make_frame(), PROVENANCE).axes[0]
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    assert len(hollow) == 3
    assert all(list(np.asarray(line.get_xdata())) == [4096] for line in hollow)
    solid = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert all(list(np.asarray(line.get_xdata())) == [1, 40, 2500] for line in solid)


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (Zones((30, 40, 60), (2500, 3200, 4096)), ["elastic", "plastic", "failure"]),
        (Zones((30, 40, 60)), ["elastic", "plastic"]),
        (Zones(None, (2500, 3200, 4096)), ["elastic, plastic", "failure"]),
        (Zones(), []),
    ],
)
def test_zones_are_named_as_far_as_their_borders_are_known(found: Zones, names: list[str]) -> None:
    axes = make_zones(found).axes[0]
    shown = [text.get_text() for text in axes.texts]
    assert shown == names


def test_data_and_instructions_have_an_axis_each() -> None:
    _, left, right = make_zones(Zones()).axes
    assert left.get_ylabel() == "L2 data misses / request"
    assert right.get_ylabel() == "L2 instruction misses / request"
    assert left.get_xlim() == right.get_xlim()


def test_a_frame_of_invalid_runs_alone_is_drawn() -> None:
    frame = make_frame().with_columns(valid=pl.lit(value=False))
    axes = throughput.draw(frame, PROVENANCE).axes[0]
    assert sum(len(np.asarray(line.get_xdata())) for line in axes.lines) >= 12


def test_a_run_that_never_recovers_stands_above_all_others() -> None:
    """In the axes, hollow as it is invalid here, and higher than what the limit is."""
    (axes,) = make_robust_peak().axes
    heights = [
        float(np.asarray(line.get_ydata())[0])
        for line in axes.lines
        if line.get_marker() == "o" and len(np.asarray(line.get_ydata()))
    ]
    assert heights[0] == 0.4
    assert recovery.LIMIT_S < heights[1] < axes.get_ylim()[1]


def test_servers_that_never_recover_from_one_rate_do_not_hide_each_other() -> None:
    rows = [("tux", 6_000, 1, True, None), ("tux-stingy", 6_000, 1, True, None)]
    runs = pl.DataFrame(rows, schema=list(recovery.RUN_COLUMNS), orient="row")
    none = pl.DataFrame(schema=list(recovery.PEAK_COLUMNS))
    axes = recovery.draw_peak(runs, none, PROVENANCE).axes[0]
    points = [line for line in axes.lines if line.get_marker() in "os" and len(line.get_ydata())]
    heights = {float(np.asarray(line.get_ydata())[0]) for line in points}
    assert len(heights) == 2
    assert all(recovery.LIMIT_S < height < axes.get_ylim()[1] for height in heights)


def test_no_two_parts_of_where_connections_wait_are_alike() -> None:
    assert len({to_rgb(fill) for fill in waiting.FILLS}) == len(waiting.FILLS)


def test_no_points_at_all_are_drawn() -> None:
    assert throughput.draw(make_frame().clear(), PROVENANCE).axes


def test_the_footer_names_the_results_and_a_rehearsal_is_marked() -> None:
    texts = [t.get_text() for t in throughput.draw(make_frame(), PROVENANCE).texts]
    assert texts == ["quick tier, 5 seeds, results 0123456789ab"]
    marked = Provenance("quick", 5, "0123456789abcdef", synthetic=True)
    texts = [t.get_text() for t in throughput.draw(make_frame(), marked).texts]
    assert "SYNTHETIC" in texts
    assert texts[0].startswith("SYNTHETIC DATA")


def test_colours_differ_in_lightness_or_hue() -> None:
    """Any two colours stay apart when red and green are confused (deuteranopia, approximately)."""
    confuse = np.array([[0.625, 0.375, 0], [0.7, 0.3, 0], [0, 0.3, 0.7]])
    seen = [confuse @ np.array(to_rgb(colour)) for colour in COLOURS]
    distances = [np.linalg.norm(seen[i] - seen[j]) for i in range(len(seen)) for j in range(i)]
    assert min(distances) > 0.1


def make_peak(failed: float) -> Figure:
    rows = [
        ("tux", rate, rate < 20_000, value, 5)
        for rate, value in ((10_000, 10_000.0), (20_000, 15_000.0))
    ]
    replies = pl.DataFrame(rows, schema=list(peak.COLUMNS), orient="row")
    share = replies.with_columns(value=pl.lit(failed))
    peaks = pl.DataFrame([("tux", 15e3, 14e3, 16e3)], schema=list(peak.PEAK_COLUMNS), orient="row")
    return peak.draw(replies, replies, share, share, peaks=peaks, provenance=PROVENANCE, paper=18e3)


@pytest.mark.parametrize(("failed", "top"), [(0.0, 1.0), (0.5, 50.0)])
def test_no_share_of_failures_below_zero_is_on_the_axis(failed: float, top: float) -> None:
    bottom, highest = make_peak(failed).axes[2].get_ylim()
    assert bottom == 0
    assert highest >= top


def test_the_line_to_an_invalid_rate_is_dotted() -> None:
    lines = make_peak(0.0).axes[0].lines
    to_invalid = {line.get_linestyle() for line in lines if 20 in np.asarray(line.get_xdata())}
    assert ":" in to_invalid
    assert "-" not in to_invalid


def test_bars_of_where_connections_wait_are_full_and_in_order() -> None:
    figure = make_waiting()
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["tux", "tux-stingy"]
    for axes in figure.axes:
        bars = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
        tops = [round(bar.get_y() + bar.get_height(), 9) for bar in bars]
        assert tops == [0.6, 0.9, 1.0] * 3
        assert [bar.get_alpha() for bar in bars] == [1.0] * 6 + [waiting.PALE] * 3
        assert len({bar.get_facecolor()[:3] for bar in bars}) == 3


def test_one_level_is_one_panel_with_a_bar_each() -> None:
    (axes,) = make_waiting((2500,)).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["tux", "tux-stingy"]
    assert axes.get_title(loc="left") == "2500 connections"


def test_a_server_looks_the_same_whoever_stands_beside_it() -> None:
    alone, beside = find_looks(["tux"]), find_looks(["apache", "nginx", "tux", "tux-pools"])
    assert alone["tux"] == beside["tux"]
    assert len(set(beside.values())) == 4
    assert list(beside) == ["tux", "nginx", "apache", "tux-pools"]


def test_few_levels_are_the_ticks_of_their_axis() -> None:
    few = make_frame().filter(pl.col("level").is_in([40, 2500]))
    for frame, ticks in ((few, [40, 2500]), (make_frame(), [1, 10, 100, 1000])):
        axes = throughput.draw(frame, PROVENANCE).axes[0]
        low, high = axes.get_xlim()
        assert [tick for tick in axes.get_xticks() if low <= tick <= high] == ticks


def test_the_papers_numbers_stand_beside_ours_and_inside_the_axes() -> None:
    frame = make_frame(1e-3)
    figure = gain.draw(frame, frame, "tux", PROVENANCE, paper=([(2500, 9.0)], [(2500, 0.25)]))
    for axes, ratio in zip(figure.axes, (9.0, 0.25), strict=True):
        stars = [line for line in axes.lines if line.get_marker() == "*"]
        assert [tuple(np.asarray(line.get_ydata())) for line in stars] == [(ratio,)]
        assert axes.get_ylim()[1] > ratio


def test_a_ratio_beyond_the_axis_is_written_at_its_edge() -> None:
    frame = make_ratios().with_columns(value=pl.Series([0.01, 40.0, None]))
    axes = forest.draw(frame, PROVENANCE, clip=(0.2, 5.0)).axes[0]
    assert {"0.01", "40"} <= {text.get_text() for text in axes.texts}
    assert axes.get_xlim() == (0.2, 5.0)


def test_bars_of_servers_end_with_their_sums() -> None:
    rows = [("tux", "TCP", 100.0), ("tux", "code", 37.0), ("tux-stingy", "TCP", 49.0)]
    frame = pl.DataFrame(rows, schema=list(origins.SERVER_COLUMNS), orient="row")
    axes = origins.draw_servers(frame, 2500, PROVENANCE).axes[0]
    assert [text.get_text().strip() for text in axes.texts] == ["137", "49"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["tux", "tux-stingy"]


def test_tests_without_a_valid_run_are_hollow() -> None:
    axes = make_resources().axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "receive, 32 streams",
        "send, 32 streams",
    ]
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    assert [list(line.get_ydata()) for line in hollow] == [[1], [1]]
