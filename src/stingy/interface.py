# SPDX-License-Identifier: MIT
"""The paper's Fig. 2 (the constructs of a server with their types) and Fig. 3 (as declared)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rich.table import Table

from stingy.annotations import (
    Annotations,
    Construct,
    Free,
    Malloc,
    QueueStage,
    Scheduler,
)

ROLES = {"T": "T", "S": "S", "O": "O", "size": "size", "count": "count", "flag": "flag", "-": "_"}


@dataclass(frozen=True)
class Row:
    """One function (or store) that is a construct: ``type`` in roles, ``signature`` in C."""

    construct: str
    name: str
    type: str
    signature: str


def describe_interface(annotations: Annotations, signatures: Mapping[str, str]) -> list[Row]:
    """Fig. 2: every construct of the file; ``signatures`` are the C types of functions by name."""
    rows = []
    for title, ones in _groups(annotations):
        for one in ones:
            is_store = isinstance(one, Construct) and one.store is not None
            signature = "a store" if is_store else signatures.get(one.name, "")
            rows.append(Row(title, one.name, _type_of(one), signature))
    return rows


def show_interface(rows: Iterable[Row], task: str) -> Table:
    """Fig. 2 on the terminal."""
    title = f"constructs: T is {task}, S a stage, O an object"
    table = Table("construct", "in this server", "type", "C", title=title, title_justify="left")
    last = ""
    for row in rows:
        table.add_row(row.construct if row.construct != last else "", *_cells(row))
        last = row.construct
    return table


def list_interface(annotations: Annotations) -> str:
    """Fig. 3: the declarations, one a line."""
    rows = [
        (title, f"{one.name}{_arguments(one)}{_result(one)}{_notes(one)}")
        for title, ones in _groups(annotations)
        for one in ones
    ]
    width = max(len(title) for title, _ in rows)
    return "".join(f"{title:{width}}  =  {text}\n" for title, text in rows)


def _cells(row: Row) -> tuple[str, str, str]:
    return row.name, row.type, row.signature


def _groups(annotations: Annotations) -> Iterator[tuple[str, Iterable[Construct | Scheduler]]]:
    constructs = annotations.constructs
    yield "Queue_Stage", constructs.queue_stage
    yield "Queue", annotations.dispatch.requeue
    yield "Schedule_Stage", constructs.schedule_stage
    yield "Scheduler", constructs.scheduler
    yield "Malloc", constructs.malloc
    yield "Free", constructs.free


def _type_of(one: Construct | Scheduler) -> str:
    if isinstance(one, Scheduler):
        return "no argument, no result"
    roles = [ROLES[role] for role in one.arguments if role != "-"]
    if isinstance(one, Free) and one.releases and "O" not in roles:
        roles = ["O"]
    given = " x ".join(roles) or "nothing"
    return f"{given} -> {'O' if isinstance(one, Malloc) and 'O' not in roles else 'nothing'}"


def _arguments(one: Construct | Scheduler) -> str:
    if isinstance(one, Scheduler):
        return "()"
    if one.store:
        return " := S" if isinstance(one, QueueStage) else " := O"
    return f"({', '.join(ROLES[role] for role in one.arguments)})"


def _result(one: Construct | Scheduler) -> str:
    if not isinstance(one, Malloc) or "O" in one.arguments:
        return ""
    return f" -> {one.object}" if one.object else " -> O"


def _notes(one: Construct | Scheduler) -> str:
    notes = []
    if isinstance(one, Scheduler):
        notes = [f"in the {one.thread} thread"] if one.thread != "event" else []
    else:
        queue = getattr(one, "queue", None)
        notes += [f"queue: {queue.value}"] if queue else []
        notes += [f"releases {one.releases}"] if isinstance(one, Free) and one.releases else []
        notes += [f"in {', '.join(one.within)} only"] if one.within else []
    return f"    [{'; '.join(notes)}]" if notes else ""
