# SPDX-License-Identifier: MIT
"""Results that stand by themselves: a gate, a load generator's report, a load's latency."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
NonNegative = Annotated[float, Field(ge=0)]
Natural = Annotated[int, Field(ge=0)]
Relation = Literal["<=", ">=", "=="]
SERVER_BUSY: Final = 0.98  # busy share from which on a server counts as saturated


class Record(BaseModel):
    """Base of results: frozen, no unknown fields, finite numbers only."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, ser_json_inf_nan="constants"
    )


class Gate(Record):
    """One validity gate: ``value`` must satisfy ``relation`` ``bound``."""

    name: str
    value: float
    relation: Relation
    bound: float
    unit: str = ""
    passed: bool
    reason: str
    remedy: str


def make_gate(name: str, value: float, relation: Relation, bound: float, *words: str) -> Gate:
    """A judged gate; ``words`` are what the value is, and the remedy if it does not pass."""
    what, remedy = words
    passed = {"<=": value <= bound, ">=": value >= bound, "==": value == bound}[relation]
    verdict = "as" if passed else "not"
    return Gate(
        name=name,
        value=value,
        relation=relation,
        bound=bound,
        passed=passed,
        reason=f"{what} is {value:.4g}, {verdict} {relation} {bound:g}",
        remedy="" if passed else remedy,
    )


class LoadReport(Record):
    """The load generator's own account, summed over its processes and the clients.

    ``requests_per_s`` is the sum of what the processes report, ``wrong`` the responses with a
    wrong length or status, ``errors`` connections that failed, ``timeouts`` those of them that
    httperf gave up; ``throughput_bit_s`` and ``transactions_per_s`` are netperf's.
    """

    tool: str
    processes: Natural
    completed: Natural
    wrong: Natural
    errors: Natural
    timeouts: Natural = 0
    body_bytes: Natural
    requests_per_s: NonNegative
    throughput_bit_s: NonNegative = 0.0
    transactions_per_s: NonNegative = 0.0


class LoadLatency(Record):
    """One working set of a pointer chase: core cycles a load; ``stretches`` counts the physically
    contiguous stretches of memory it lies in."""

    working_set_bytes: Annotated[int, Field(ge=1)]
    cycles: NonNegative
    stretches: Annotated[int, Field(ge=1)]
