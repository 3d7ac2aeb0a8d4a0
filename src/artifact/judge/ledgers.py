# SPDX-License-Identifier: MIT
"""Ledgers of closed-loop runs as a table: which share of the connections is where."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import polars as pl

from testbed.guest.ledger import TITLES
from testbed.measurement import Ledger, Measurement

SCHEMA: Final[dict[str, type[pl.DataType] | pl.DataType]] = {
    "design": pl.String,
    "server": pl.String,
    "variant": pl.String,
    "level": pl.Int64,
    "seed": pl.Int64,
    "valid": pl.Boolean,
    "name": pl.String,
    "value": pl.Float64,
}
STAGES: Final = {
    "parse": "accepted, to be parsed",
    "process": "file to be found",
    "header": "header to be sent",
    "body": "body to be sent",
}
ELSEWHERE: Final = "on the link, in the client"
# In the order of a request's life backwards, from the end of the server's work to the client.
ORDER: Final = (
    *reversed(STAGES.values()),
    *(TITLES[name] for name in ("accepted", "accept_queue", "handshake", "closing", "held")),
    *(TITLES[name] for name in ("ring", "buffer", "turned_away")),
    ELSEWHERE,
)


def tabulate_ledger(measurement: Measurement) -> Iterable[tuple[str, float]]:
    """(name, share of the concurrency); nothing without a ledger or a closed loop."""
    connections = measurement.experiment.load.turnover
    if measurement.ledger and connections:
        yield from find_shares(measurement.ledger, connections)


def find_shares(ledger: Ledger, concurrency: int) -> Iterable[tuple[str, float]]:
    """`accepted` is split into stages where the server names them.  What no part has is on the
    link or in the client, so that the shares add up to one."""
    found = {TITLES[name]: n for name, n in ledger.parts.items() if name != "leaving"}
    if ledger.stages:
        del found[TITLES["accepted"]]
        found |= {STAGES.get(name, name): n for name, n in ledger.stages.items()}
    for name, value in found.items():
        yield name, value / concurrency
    yield ELSEWHERE, 1 - sum(found.values()) / concurrency
