# SPDX-License-Identifier: MIT
"""Measurements, geometries and profiles as tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from testbed.guest.ledger import TITLES
from testbed.hardware.geometry import finalize_rate
from testbed.hardware.geometry_files import GeometryFile
from testbed.hardware.platform import finalize_kernel_arguments
from testbed.hardware.platform_files import PlatformFile
from testbed.hardware.sourced_numbers import Sourced
from testbed.loads.chase import find_plateau, find_plateau_cycles
from testbed.measurement import Ledger, Measurement, Window
from testbed.outputs.profile import Weights


def show_measurement(measurement: Measurement) -> RenderableType:
    """The window's numbers, the gates that failed (or that all passed), the zone."""
    parts: list[RenderableType] = []
    if measurement.window:
        parts.append(_show_window(measurement.window))
    if measurement.ledger:
        parts.append(_show_ledger(measurement.ledger))
    if measurement.latencies:
        parts.append(_show_latencies(measurement))
    parts.append(_show_gates(measurement))
    colour = "green" if measurement.status == "valid" else "red"
    load = measurement.experiment.load.model_dump_json(exclude_defaults=True)
    parts.append(
        Text.from_markup(
            f"{measurement.experiment.server} under {load}: "
            f"[bold {colour}]{measurement.status}[/], zone {measurement.zone.value}, "
            f"{measurement.virtual_s:.2f} virtual s"
        )
    )
    return Group(*parts)


def _show_window(window: Window) -> Table:
    table = Table("quantity", "value", title="steady window", title_justify="left")
    table.columns[1].justify = "right"
    misses = window.misses_per_request
    instructions = window.instructions_per_request
    rows = {
        "requests/s": f"{window.requests_per_s:,.0f}",
        "open connections": f"{window.open_connections:,.1f}",
        "server busy": f"{window.busy_share:.1%}",
        "cycles/request": f"{window.cycles_per_request:,.0f}",
        "  of which stalls": f"{window.stall_share:.1%}",
        "instructions/request (user + kernel)": (
            f"{instructions.user:,.0f} + {instructions.kernel:,.0f}"
        ),
        "L1I misses/request": f"{misses.l1i.total:,.1f}",
        "L1D misses/request": f"{misses.l1d_load.total + misses.l1d_store.total:,.1f}",
        "L2 data misses/request": f"{misses.l2_data:,.1f}",
        "L2 fetch misses/request": f"{misses.l2_fetch.total:,.1f}",
        "device reads/request (memory + port)": (
            f"{window.events_per_request.mmio_read:,.2f} + "
            f"{window.events_per_request.port_read:,.2f}"
        ),
        "device writes/request (memory + port)": (
            f"{window.events_per_request.mmio_write:,.2f} + "
            f"{window.events_per_request.port_write:,.2f}"
        ),
        "interrupts/request": f"{window.events_per_request.interrupt:,.2f}",
        "request latency p50 / p99": (
            f"{window.request_latency_us.p50:,.0f} / {window.request_latency_us.p99:,.0f} us"
        ),
        "wire used out / in": f"{window.link_transmit:.1%} / {window.link_receive:.1%}",
        "window": f"{window.requests:,} requests, {window.duration_ms:,.0f} ms",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _show_ledger(ledger: Ledger) -> Table:
    """Each part with its share of the connections open on the wire, `accepted` with its stages."""
    table = Table("connections", "mean", "share", title="where they stand", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"

    def add(name: str, value: float) -> None:
        table.add_row(name, f"{value:,.1f}", f"{value / max(ledger.open, 1e-9):.1%}")

    for part, title in TITLES.items():
        add(title, ledger.parts.get(part, 0.0))
        for stage, value in ledger.stages.items() if part == "accepted" else ():
            add(f"  {stage}", value)
    table.add_section()
    add("all of these", sum(ledger.parts.values()))
    add("open on the wire", ledger.open)
    return table


def _show_latencies(measurement: Measurement) -> Table:
    geometry, core = measurement.experiment.geometry, measurement.experiment.core
    plateaus = find_plateau_cycles(core)
    table = Table("working set", "cycles a load", "as configured", "contiguous stretches")
    for column in table.columns:
        column.justify = "right"
    for latency in measurement.latencies:
        level = find_plateau(geometry, latency.working_set_bytes)
        table.add_row(
            f"{latency.working_set_bytes / 1024:g} KiB",
            f"{latency.cycles:.3f}",
            f"{float(plateaus[level]):g} ({level})" if level else "on a step",
            str(latency.stretches),
        )
    return table


def _show_gates(measurement: Measurement) -> RenderableType:
    failed = measurement.failed_gates
    if not failed:
        return Text(f"all {len(measurement.gates)} validity gates passed")
    table = Table("gate", "reason", "remedy", title="failed gates", title_justify="left")
    for gate in failed:
        table.add_row(gate.name, gate.reason, gate.remedy)
    return table


def show_geometry(file: GeometryFile) -> RenderableType:
    """Every number of a geometry file with its source, and the unit of virtual time."""
    table = _show_sources(file.title, file.sources)
    geometry, rate = file.geometry, finalize_rate(file.core)
    colours = max(1, geometry.l2.way_bytes // 4096)
    return Group(
        table,
        Text(
            f"{geometry.name}: valid. L2 has {geometry.l2.sets} sets and {colours} page colours; "
            f"one instruction lasts {rate.num}/{rate.den} ns."
        ),
    )


def show_platform(file: PlatformFile) -> RenderableType:
    """Every number of a platform file with its source, and what the kernel is told."""
    arguments = " ".join(finalize_kernel_arguments(file.platform, 1))
    return Group(
        _show_sources(file.title, file.sources),
        Text(f"{file.platform.name}: valid. The server's kernel gets: {arguments}"),
    )


def _show_sources(title: str, sources: Sequence[Sourced]) -> Table:
    table = Table("field", "value", "source", title=title, title_justify="left")
    for entry in sources:
        swept = f" (swept: {', '.join(entry.sweep)})" if entry.sweep else ""
        source = Text(entry.source + swept, style="yellow" if entry.assumed else "")
        table.add_row(entry.field, entry.value, source)
    return table


def show_instructions(ranked: Sequence[tuple[str, int]], requests: int, top: int) -> RenderableType:
    """The ``top`` functions by instructions, and how many each module has in all."""
    table = Table("function", "instructions/request", "share")
    for column in table.columns[1:]:
        column.justify = "right"
    total = sum(count for _, count in ranked)

    def add(name: str, count: int) -> None:
        table.add_row(escape(name), f"{count / requests:,.0f}", f"{count / total:.1%}")

    for name, count in ranked[:top]:
        add(name, count)
    table.add_section()
    modules = sorted({name.split("[")[1].rstrip("]") for name, _ in ranked if "[" in name})
    for module in modules:
        add(f"all of {module}", sum(n for name, n in ranked if name.endswith(f"[{module}]")))
    add("all", total)
    return table


def show_profile(ranked: Sequence[tuple[str, Weights]], requests: int, top: int) -> RenderableType:
    """The ``top`` functions by L2 misses, as misses per request."""
    table = Table("function", "L2 misses/request", "share", "fetch", "load", "store")
    for column in table.columns[1:]:
        column.justify = "right"
    total = sum(weights.total for _, weights in ranked)
    for name, weights in ranked[:top]:
        table.add_row(
            escape(name),
            f"{weights.total / requests:,.2f}",
            f"{weights.total / total:.1%}",
            f"{weights.fetch / requests:,.2f}",
            f"{weights.load / requests:,.2f}",
            f"{weights.store / requests:,.2f}",
        )
    return table
