# SPDX-License-Identifier: MIT
"""What the figures of several designs share."""

from __future__ import annotations

import polars as pl
import pytest

from artifact.report.illustration import find_highest_level

SCHEMA = {"design": pl.String, "server": pl.String, "level": pl.Int64}


@pytest.mark.parametrize(
    ("rows", "level"),
    [
        ([], 0),
        ([("a", "tux", 40), ("a", "tux", 2500), ("b", "tux", 6000)], 2500),
        # Only one server is left at 4096: a figure of it alone compares nothing.
        ([("a", "tux", 2500), ("a", "net", 2500), ("a", "net", 4096)], 2500),
        ([("a", "tux", 40), ("a", "net", 2500)], 0),
    ],
)
def test_servers_are_compared_where_all_of_them_have_runs(
    rows: list[tuple[str, str, int]], level: int
) -> None:
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    assert find_highest_level(frame, "a") == level
