# SPDX-License-Identifier: MIT
"""The memory map and its proof as tables on the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from stingy.stingygen.map import Map
from stingy.stingygen.proof import Proof


def show_map(plan: Map, proof: Proof) -> RenderableType:
    """Pools, needs of the stages, what was left out, and how good and how sure it all is."""
    parts: list[RenderableType] = [_show_slabs(plan), _show_pools(plan), _show_stages(plan)]
    if plan.left_out:
        table = Table("left out", "reason", title="not in the slabs", title_justify="left")
        for item in plan.left_out:
            table.add_row(item.name, Text(item.reason))
        parts.append(table)
    parts += [Text(f"note: {note}") for note in plan.notes]
    parts += [
        Text(describe_packing(plan)),
        Text(describe_proof(proof), "green" if proof.holds else "red"),
    ]
    return Group(*parts)


def describe_packing(plan: Map) -> str:
    """How good the packing is, in one sentence."""
    packing = plan.packing
    quality = (
        "no packing is smaller"
        if packing.bound_bytes == packing.bytes_per_request
        else f"no packing is below {packing.bound_bytes}"
    )
    outside = plan.parameters.outside_bytes
    beside = f", with {outside:,} bytes of each beside it" if outside else ""
    return (
        f"{packing.bytes_per_request:,} bytes a request ({quality}; a pool for each type: "
        f"{packing.separate_bytes:,}; most that is live: {packing.peak_bytes:,}). "
        f"{plan.requests_in_cache:,} requests fit the cache slab{beside}."
    )


def describe_proof(proof: Proof) -> str:
    """The proof's outcome, in one sentence or with every violation."""
    if not proof.holds:
        return "L0 VIOLATED: " + "; ".join(proof.violations)
    ways = (
        f"{proof.ways_used_most}"
        if proof.ways_used_least == proof.ways_used_most
        else f"{proof.ways_used_least} to {proof.ways_used_most}"
    )
    return (
        f"L0 proven on {proof.machine}: {proof.lines:,} lines of the cache slab have "
        f"{proof.distinct:,} places, {ways} ways of each set; {proof.slots:,} slots checked."
    )


def _show_slabs(plan: Map) -> Table:
    title = f"{plan.server} on {plan.l2.machine}: {plan.l2.size_bytes // 1024} KiB of L2"
    table = Table("slab", "offset", "bytes", "what", title=title, title_justify="left")
    for slab in plan.slabs:
        what = {
            "low": "stack, if it grows beyond its bound",
            "cache": ", ".join(f"{a.name} {a.bytes:,}" for a in plan.areas[:3]) + ", pools",
            "high": "what spills",
        }[slab.name]
        table.add_row(slab.name, f"{slab.offset:,}", f"{slab.bytes:,}", what)
    _justify(table, 1, 2)
    return table


def _show_pools(plan: Map) -> Table:
    table = Table(
        *("pool", "objects", "bytes", "stride", "a request", "slots", "in high slab", "offset"),
        title="pools",
        title_justify="left",
    )
    sizes = {o.name: o.bytes for o in plan.objects}
    for pool in plan.pools:
        table.add_row(
            pool.name,
            ", ".join(f"{name} ({sizes[name]:,})" for name in pool.objects),
            f"{pool.object_bytes:,}",
            f"{pool.stride_bytes:,}",
            "running stage" if pool.transient else str(pool.per_request),
            f"{pool.slots:,}",
            f"{pool.high_slots:,}",
            f"{pool.offset:,}",
        )
    _justify(table, 2, 3, 5, 6, 7)
    return table


def _show_stages(plan: Map) -> Table:
    table = Table(
        *("stage", "takes while it runs", "takes up to the end"),
        title="slots that a request elected at a stage takes",
        title_justify="left",
    )
    for stage in plan.stages:
        table.add_row(stage.name, _join(stage.now), _join(stage.to_end))
    return table


def _join(needs: dict[str, int]) -> str:
    return ", ".join(f"{name} x {n}" if n > 1 else name for name, n in needs.items()) or "nothing"


def _justify(table: Table, *columns: int) -> None:
    for column in columns:
        table.columns[column].justify = "right"
