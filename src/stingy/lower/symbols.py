# SPDX-License-Identifier: MIT
"""The names in an annotation file are those of the source: a typo gets the nearest symbol."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from stingy.lower.linking import Program
from stingy.model.annotation_file import AnnotationFile
from stingy.model.annotations import Construct
from stingy.model.program import name_of

Where = tuple[str | int, ...]
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def check_symbols(file: AnnotationFile, program: Program) -> None:
    """Raise UsageError for the first name that the source does not know.

    A name that only stands in a file that was refused may be right: nobody can tell.
    """
    refused = _words_of_refused(file, program)
    if not program.routines and not refused:
        raise file.fail(
            ("sources", "files"),
            "there is no function in these files",
            "correct [sources] files or flags",
        )
    functions = {name_of(k) for k in (*program.routines, *program.declared)}
    functions |= program.outside
    bodies = {name_of(k) for k in program.routines}
    for where, name, needs_body in _functions(file):
        known = bodies if needs_body else functions
        if name not in known and name not in refused:
            kind = "function with a body" if needs_body else "function"
            raise file.fail(where, f"the source has no {kind} {name}", _suggest(name, known))
    _check_types(file, program, refused)
    for number, note in enumerate(file.annotations.stages):
        for state in note.states:
            if state not in program.constants and state not in refused:
                raise file.fail(
                    ("stages", number, "states"),
                    f"the source has no constant {state}",
                    _suggest(state, set(program.constants)),
                )


def _functions(file: AnnotationFile) -> Iterator[tuple[Where, str, bool]]:
    """The functions that the annotations name; whether they must have a body."""
    a = file.annotations
    groups = {
        ("constructs", "queue_stage"): a.constructs.queue_stage,
        ("constructs", "schedule_stage"): a.constructs.schedule_stage,
        ("constructs", "malloc"): a.constructs.malloc,
        ("constructs", "free"): a.constructs.free,
        ("dispatch", "requeue"): a.dispatch.requeue,
        ("dispatch", "clear"): a.dispatch.clear,
        ("handoff",): a.handoff,
    }
    for path, constructs in groups.items():
        for number, construct in enumerate(constructs):
            assert isinstance(construct, Construct)
            if construct.function:
                yield (*path, number, "function"), construct.function, False
            for name in construct.within:
                yield (*path, number, "within"), name, True
    for number, scheduler in enumerate(a.constructs.scheduler):
        yield ("constructs", "scheduler", number, "function"), scheduler.function, True
    for number, note in enumerate(a.stages):
        yield ("stages", number, "function"), note.function, True
    if a.dispatch.final:
        yield ("dispatch", "final"), a.dispatch.final, True
    for number, indirect in enumerate(a.indirect):
        yield ("indirect", number, "function"), indirect.function, True
        for target in indirect.targets:
            yield ("indirect", number, "targets"), target, False


def _words_of_refused(file: AnnotationFile, program: Program) -> set[str]:
    """The identifiers in the files that were refused, and in what these include."""
    refused = [unit for unit in program.units if unit.problem]
    paths = {file.root / name for unit in refused for name in (unit.file, *unit.inputs)}
    texts = (path.read_text(errors="replace") for path in sorted(paths) if path.is_file())
    return {word for text in texts for word in _IDENTIFIER.findall(text)}


def _check_types(file: AnnotationFile, program: Program, refused: set[str]) -> None:
    task = file.annotations.requests.task
    known = program.record_of(task) in program.records
    if not known and task.rsplit(maxsplit=1)[-1] not in refused:
        raise file.fail(
            ("requests", "task"),
            f"the source has no type {task}",
            _suggest(task, set(program.records) | set(program.typedefs)),
        )


def _suggest(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), 1, 0.5)
    return f"did you mean {near[0]}?" if near else "look it up in the source"
