# SPDX-License-Identifier: MIT
"""Time courses of the runs that were disturbed by a spike, as a table."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from testbed.link.recovery import Recovery

SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "design": pl.String,
    "server": pl.String,
    "variant": pl.String,
    "level": pl.Int64,
    "seed": pl.Int64,
    "at_ms": pl.Float64,
    "replies_per_s": pl.Float64,
    "open_connections": pl.Float64,
    "latency_p99_us": pl.Float64,
}


def list_moments(recovery: Recovery) -> Iterator[tuple[float | None, ...]]:
    """The last columns of SCHEMA, a row a moment."""
    for moment in recovery.course:
        yield (
            moment.at_ms,
            moment.replies_per_s,
            moment.open_connections,
            moment.latency_p99_us,
        )
