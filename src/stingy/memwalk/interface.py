# SPDX-License-Identifier: MIT
"""The paper's Fig. 2 (the constructs of a server with their types) and Fig. 3 (as declared)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.table import Table
from rich.text import Text

from stingy.lower.linking import Program
from stingy.memwalk.findings import locate
from stingy.model.annotations import (
    Annotations,
    Construct,
    Free,
    Malloc,
    QueueStage,
    Scheduler,
)
from stingy.model.program import Func, name_of
from stingy.model.results import Declaration, Location

ROLES = {"T": "T", "S": "S", "O": "O", "size": "size", "count": "count", "flag": "flag", "-": "_"}


def describe_interface(annotations: Annotations, program: Program) -> list[Declaration]:
    """Every construct of the annotation file with what the source says of it."""
    groups = list(_groups(annotations))
    signatures = _find_signatures(program, {one.name for _, ones in groups for one in ones})
    found = []
    for construct, ones in groups:
        for one in ones:
            is_store = isinstance(one, Construct) and one.store is not None
            found.append(
                Declaration(
                    kind=construct,
                    name=one.name,
                    type=_type_of(one),
                    text=f"{one.name}{_arguments(one)}{_result(one)}",
                    wrapper=_is_wrapper(one),
                    notes=list(_notes(one)),
                    signature="a store" if is_store else signatures.get(one.name, ""),
                    location=_find_body(program, one.name),
                )
            )
    return found


def show_interface(declarations: Iterable[Declaration], task: str) -> Table:
    """Fig. 2 on the terminal."""
    title = f"constructs: T is {task}, S a stage, O an object"
    table = Table(title=title, title_justify="left")
    for column in ("construct", "in this server", "type", "where"):
        table.add_column(column)
    last = ""
    for one in declarations:
        where = f"{one.location.file}:{one.location.line}" if one.location else "outside"
        cells = (one.kind if one.kind != last else "", one.name, one.type)
        table.add_row(*(Text(cell) for cell in (*cells, where)))
        last = one.kind
    return table


def list_interface(declarations: Sequence[Declaration]) -> str:
    """Fig. 3: the declarations, one a line."""
    width = max((len(one.kind) for one in declarations), default=0)
    lines = []
    for one in declarations:
        notes = f"    [{'; '.join(one.notes)}]" if one.notes else ""
        lines.append(f"{one.kind:{width}}  =  {one.text}{notes}\n")
    return "".join(lines)


def _groups(annotations: Annotations) -> Iterator[tuple[str, Sequence[Construct | Scheduler]]]:
    constructs = annotations.constructs
    yield "Queue_Stage", constructs.queue_stage
    yield "Queue", annotations.dispatch.requeue
    yield "Schedule_Stage", constructs.schedule_stage
    yield "Scheduler", constructs.scheduler
    yield "Malloc", constructs.malloc
    yield "Free", constructs.free


def _find_signatures(program: Program, names: set[str]) -> dict[str, str]:
    """C types by name: of bodies and declarations, and as called where a system header has it."""
    found: dict[str, str] = {}
    for routine in program.routines.values():
        for call in routine.calls():
            if isinstance(call.callee, Func) and name_of(call.callee.key) in names:
                found.setdefault(name_of(call.callee.key), call.signature)
    found |= {name_of(key): text for key, text in program.declared.items()}
    return found | {routine.name: routine.signature for routine in program.routines.values()}


def _find_body(program: Program, name: str) -> Location | None:
    keys = (key for key in program.find(name) if key in program.routines)
    return next((locate(program.routines[key].spot) for key in keys), None)


def _type_of(one: Construct | Scheduler) -> str:
    if isinstance(one, Scheduler):
        return "void -> void"
    roles = [ROLES[role] for role in one.arguments if role != "-"]
    if isinstance(one, QueueStage) and one.store:
        roles = ["S"]
    if isinstance(one, Free) and (one.releases or one.store) and "O" not in roles:
        roles = ["O"]
    return f"{' x '.join(roles) or 'void'}{_result(one) or ' -> void'}"


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


def _is_wrapper(one: Construct | Scheduler) -> bool:
    """Whether size or object are implied, or not every call of the name counts."""
    if isinstance(one, Scheduler):
        return False
    implied = isinstance(one, Malloc) and "size" not in one.arguments
    implied = implied or (isinstance(one, Free) and bool(one.releases))
    return implied or bool(one.within or one.store)


def _notes(one: Construct | Scheduler) -> Iterator[str]:
    if isinstance(one, Scheduler):
        if one.thread != "event":
            yield f"in the {one.thread} thread"
        return
    queue = getattr(one, "queue", None)
    if queue:
        yield f"queue: {queue.value}"
    if isinstance(one, Malloc):
        if one.bytes is not None:
            yield f"{one.bytes:,} bytes"
        if one.max_bytes is not None:
            yield f"at most {one.max_bytes:,} bytes"
    if isinstance(one, Free) and one.releases:
        yield f"releases {one.releases}"
    if one.within:
        yield f"in {', '.join(one.within)} only"
