# SPDX-License-Identifier: MIT
"""Origins of L2 misses: the regions that a run marked, put together to what a reader can use."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from testbed.measurement import Attribution

# Origin -> regions, in the order of the figure's stack; what is named nowhere is "the rest".
ORIGINS: dict[str, tuple[str, ...]] = {
    "TUX: request": ("tux-request",),
    "TUX: header": ("tux-header", "slab:kmalloc-4k"),
    "TUX: abuf": ("tux-abuf",),
    "socket, inode": ("tux-socket", "slab:sock_inode_cache"),
    "open file": ("tux-file", "slab:filp"),
    "TUX: stack, globals": ("tux-stack", "tux-globals"),
    "freed by TUX": ("tux-free",),
    "TCP: sock, request, timewait": (
        *("slab:TCP", "slab:request_sock_TCP", "slab:tw_sock_TCP", "slab:tcp_bind_bucket"),
        *("slab:tcp_bind2_bucket", "tcp-hash"),
    ),
    "packets: sk_buff": ("slab:skbuff_head_cache", "slab:skbuff_fclone_cache"),
    # free-pages: handed out after the walk, and free again before it was seen what for.
    "packets: data, rings": (
        *("pages", "free-pages"),
        *(f"slab:kmalloc-{size}" for size in ("512", "1k", "2k")),
    ),
    "code": ("code",),
}
REST = "the rest"
SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "design": pl.String,
    "server": pl.String,
    "variant": pl.String,
    "level": pl.Int64,
    "seed": pl.Int64,
    "quantity": pl.String,
    "name": pl.String,
    "value": pl.Float64,
}


def tabulate_attribution(attribution: Attribution) -> Iterable[tuple[str, str, float]]:
    """(quantity, name, value): ``misses`` a request by region, ``live`` objects and their
    ``kib`` by type."""
    for region, misses in attribution.misses_per_request.items():
        yield "misses", region, misses
    for kind in attribution.objects:
        yield "live", kind.name, kind.live
        yield "kib", kind.name, kind.bytes / 1024


def find_origin(region: str) -> str:
    """The origin to which ``region`` belongs."""
    return next((origin for origin, regions in ORIGINS.items() if region in regions), REST)


def summarize_origins(
    table: pl.DataFrame, design: str, quantity: str, server: str = "tux"
) -> pl.DataFrame:
    """Means over seeds by level and name, for one ``server``; misses by origin, in the order of
    the stack.

    Columns: level, name, value.
    """
    rows = table.filter(design=design, quantity=quantity, server=server)
    if quantity == "misses":
        origin = pl.col("name").map_elements(find_origin, return_dtype=pl.String)
        rows = rows.with_columns(name=origin)
    names = [*ORIGINS, REST] if quantity == "misses" else sorted(rows["name"].unique().to_list())
    summed = rows.group_by("level", "seed", "name").agg(pl.col("value").sum())
    order = pl.DataFrame({"name": names}).with_row_index("order")
    return (
        summed.group_by("level", "name")
        .agg(pl.col("value").mean())
        .join(order, on="name")
        .sort("order", "level")
        .select("level", "name", "value")
    )
