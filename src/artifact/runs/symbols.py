# SPDX-License-Identifier: MIT
"""L2 misses by function: written beside a profiled run while its kernel is at hand, read from the
store ever after."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import polars as pl

from ground.files import write_atomically
from testbed.outputs.emissions import read_emissions
from testbed.outputs.profile import parse_module_symbols, rank_symbols, read_profile, read_symbols

NAME: Final = "symbols.csv"
COUNTS = {"symbol": pl.String, "fetch": pl.Int64, "load": pl.Int64, "store": pl.Int64}
# What symbols.csv is made from: large, and the same run gives it again.
RAW = ("profile.txt", "instructions.txt")
SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "design": pl.String,
    "server": pl.String,
    "variant": pl.String,
    "level": pl.Int64,
    "seed": pl.Int64,
    "symbol": pl.String,
    "fetch": pl.Float64,
    "load": pl.Float64,
    "store": pl.Float64,
}
REST = "the rest"
SHOWN = 24


def record_symbols(directory: Path, vmlinux: Path) -> None:
    """Write the misses of the profiled run in ``directory`` by function, most first, with the
    symbols of ``vmlinux`` and of the guest's modules, and drop the raw profile.

    Raises ProfileError if the run has no profile, or ``vmlinux`` no symbols.
    """
    server = directory / "server"
    modules = parse_module_symbols(read_emissions(server / "frames.bin").text("module-symbols"))
    ranked = rank_symbols(read_profile(server / "profile.txt", read_symbols(vmlinux, modules)))
    write_symbols(directory / NAME, ((n, w.fetch, w.load, w.store) for n, w in ranked))
    for name in RAW:
        (server / name).unlink(missing_ok=True)


def write_symbols(path: Path, rows: Iterable[tuple[str, int, int, int]]) -> None:
    """Write (symbol, misses of fetches, of loads, of stores)."""
    table = pl.DataFrame(list(rows), schema=COUNTS, orient="row")
    write_atomically(path, table.write_csv().encode())


def read_misses(path: Path, requests: int) -> Iterable[tuple[str, float, float, float]]:
    """(symbol, misses of fetches, of loads, of stores), per request of ``requests``."""
    table = pl.read_csv(path, schema=COUNTS)
    for symbol, *counts in table.iter_rows():
        fetch, load, store = (count / max(1, requests) for count in counts)
        yield symbol, fetch, load, store


def summarize_symbols(table: pl.DataFrame, design: str, level: int) -> pl.DataFrame:
    """The SHOWN functions with the most misses in any server at ``level``, then the rest.

    Columns: server, symbol, value (misses per request, mean over seeds).
    """
    rows = table.filter(design=design, level=level).with_columns(
        value=pl.sum_horizontal("fetch", "load", "store")
    )
    seeds = rows.group_by("server").agg(seeds=pl.col("seed").n_unique())
    means = (
        rows.group_by("server", "symbol")
        .agg(pl.col("value").sum())
        .join(seeds, on="server")
        .select("server", "symbol", value=pl.col("value") / pl.col("seeds"))
    )
    order = (
        means.group_by("symbol")
        .agg(most=pl.col("value").max())
        .sort(["most", "symbol"], descending=[True, False])
        .with_row_index("order")
    )
    named = pl.when(pl.col("order") < SHOWN).then(pl.col("symbol")).otherwise(pl.lit(REST))
    return (
        means.join(order, on="symbol")
        .with_columns(symbol=named, order=pl.col("order").clip(upper_bound=SHOWN))
        .group_by("server", "symbol", "order")
        .agg(pl.col("value").sum())
        .sort("order", "server")
        .select("server", "symbol", "value")
    )
