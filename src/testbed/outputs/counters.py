# SPDX-License-Identifier: MIT
"""The cache model's counter stream: read, checked, turned into columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ground.errors import ArtifactError

Natural = Annotated[int, Field(ge=0)]
Pair = tuple[Natural, Natural]

PAIRS = ("insn", "l1i", "l1d_load", "l1d_store", "l2_fetch", "l2_load", "l2_store", "itlb", "dtlb")
SCALARS = ("units", "stall_milli", "idle_ns", "writeback", "dma_lines")


class CounterError(ArtifactError):
    """The counter stream is cut off, or contradicts itself."""


class EventCounts(BaseModel):
    """Accesses to devices, interrupts, traps and returns from them;
    see `testbed.hardware.geometry.Events`,
    which says what each costs."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    mmio_read: Natural
    mmio_write: Natural
    port_read: Natural
    port_write: Natural
    interrupt: Natural
    trap: Natural
    iret: Natural


EVENTS = tuple(EventCounts.model_fields)


class CounterRecord(BaseModel):
    """One line of the stream; counters are cumulative, pairs are (user, kernel).

    ``links`` has frames by link: received and sent so far, and of those received how many wait
    in the card's buffer and in the ring; ``parts`` the sums of words that the guest has named.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    ev: Literal["start", "stop", "note", "sync", "sample", "end"]
    arg: int
    t: Natural
    link_ns: Annotated[int, Field(ge=-1)]
    units: Natural
    stall_milli: Natural
    idle_ns: Natural
    insn: Pair
    l1i: Pair
    l1d_load: Pair
    l1d_store: Pair
    l2_fetch: Pair
    l2_load: Pair
    l2_store: Pair
    writeback: Natural
    dma_lines: Natural
    itlb: Pair = (0, 0)  # absent while the TLB model is off
    dtlb: Pair = (0, 0)
    events: EventCounts
    region_l2: tuple[Natural, ...]
    links: tuple[tuple[Natural, Natural, Natural, Natural], ...] = ()
    parts: dict[str, int] = Field(default_factory=dict)


def read_counters(path: Path) -> list[CounterRecord]:
    """The records of the stream ``path``, checked one by one and against each other.

    Raises CounterError with the line if one is not a record, if a counter or the time runs
    backwards, or if an L2 counter exceeds the L1 misses that must have caused it.
    """
    try:
        lines = path.read_text().splitlines()
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise CounterError(f"{path}: {error}", hint="was the disk full?") from None
    records = [_parse(line, number, path) for number, line in enumerate(lines, 1)]
    if not records:
        raise CounterError(f"{path} is empty", hint="read the consoles beside it")
    for number, (before, after) in enumerate(pairwise(records), 2):
        if backwards := _find_backwards(before, after):
            raise CounterError(f"{path}:{number}: {backwards} runs backwards")
    last = records[-1]
    for cause, effect in (
        ("l1i", "l2_fetch"),
        ("l1d_load", "l2_load"),
        ("l1d_store", "l2_store"),
    ):
        if sum(getattr(last, effect)) > sum(getattr(last, cause)):
            raise CounterError(f"{path}: more {effect} misses than {cause} misses")
    return records


def find_event(records: Iterable[CounterRecord], event: str) -> CounterRecord | None:
    """The first record of the kind ``event``."""
    return next((record for record in records if record.ev == event), None)


def tabulate(records: Iterable[CounterRecord]) -> pl.DataFrame:
    """Cumulative counters as columns, one row a record; pairs become NAME_user, NAME_kernel,
    events event_NAME."""
    rows = list(records)
    columns: dict[str, Sequence[int] | Sequence[str]] = {
        "ev": [r.ev for r in rows],
        "t": [r.t for r in rows],
        "link_ns": [r.link_ns for r in rows],
    }
    for name in SCALARS:
        columns[name] = [getattr(r, name) for r in rows]
    for name in PAIRS:
        columns[f"{name}_user"] = [getattr(r, name)[0] for r in rows]
        columns[f"{name}_kernel"] = [getattr(r, name)[1] for r in rows]
    for name in EVENTS:
        columns[f"event_{name}"] = [getattr(r.events, name) for r in rows]
    return pl.DataFrame(columns)


def _parse(line: str, number: int, path: Path) -> CounterRecord:
    try:
        return CounterRecord.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CounterError(
            f"{path}:{number}: {where} {first['msg']}",
            hint="the last line is cut off if a machine was killed or the disk was full",
        ) from None


def _find_backwards(before: CounterRecord, after: CounterRecord) -> str | None:
    for name in ("t", *SCALARS):
        if getattr(after, name) < getattr(before, name):
            return name
    for name in PAIRS:
        old, new = getattr(before, name), getattr(after, name)
        if new[0] < old[0] or new[1] < old[1]:
            return name
    for name in EVENTS:
        if getattr(after.events, name) < getattr(before.events, name):
            return f"events.{name}"
    return None
