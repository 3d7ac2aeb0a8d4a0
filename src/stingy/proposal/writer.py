# SPDX-License-Identifier: MIT
"""A proposed annotation file: the best candidate of each kind, with its evidence as comments.

What is uncertain stands below as further candidates, commented out, so that a reader strikes or
takes it without typing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stingy.model.program import Spot, pointee
from stingy.proposal.candidates import Candidate, Seen, Survey, find_loops, find_tasks, is_numbered
from stingy.proposal.memory import Allocator, FreeList, find_allocators, find_free_lists
from stingy.proposal.rooms import Room
from stingy.proposal.sources import Chosen
from stingy.proposal.stages import (
    Callbacks,
    LibraryEvents,
    States,
    find_callbacks,
    find_entries,
    find_finals,
    find_library_events,
    find_requeues,
    find_states,
)

_SHOWN = 3  # pieces of evidence for one entry
_OTHERS = 3  # further candidates of one kind
MAX_STAGES = 40


@dataclass(slots=True)
class Proposal:
    """What was found; ``missing`` says what nobody could find, so that a reader has to."""

    name: str
    chosen: Chosen
    loops: list[Candidate]
    tasks: list[Candidate]
    task: str
    callbacks: list[Callbacks]
    states: list[States]
    events: list[LibraryEvents]
    entries: dict[str, str]
    mallocs: list[Allocator]
    frees: list[Allocator]
    lists: list[FreeList]
    requeues: dict[str, tuple[str, Spot]]
    finals: list[tuple[str, Spot]]
    task_positions: dict[str, int]
    missing: list[str] = field(default_factory=list)
    rooms: list[Room] = field(default_factory=list)

    @property
    def stages(self) -> int:
        """How many functions may be stages."""
        names = {name for one in self.callbacks[:1] for name in one.stages}
        names |= {n for s in self.states[:1] for h in s.handlers.values() for n in h}
        return len(names | {name for one in self.events for name in one.stages})


def make_proposal(name: str, chosen: Chosen, survey: Survey, task: str = "") -> Proposal:
    """Look for everything; ``task`` is the request's type where the reader knows it."""
    tasks = find_tasks(survey)
    task = survey.program.record_of(task) if task else _choose_task(survey, tasks)
    callbacks = keep_likely(find_callbacks(survey, task), task)
    callbacks.sort(key=lambda one: one.record != task)
    events = find_library_events(survey, task)
    stages = {n for one in callbacks for n in one.stages}
    stages |= {n for event in events for n in event.stages}
    mallocs, frees = find_allocators(survey)
    found = Proposal(
        name, chosen, find_loops(survey), tasks, task, callbacks, find_states(survey, task),
        events, find_entries(survey, stages), mallocs, frees, find_free_lists(survey),
        find_requeues(survey, task, {n for one in callbacks for n in one.setters}),
        [f for one in callbacks if one.depth for f in find_finals(survey, one, task)],
        _task_positions(survey, task),
    )  # fmt: skip
    found.missing = list(_list_missing(found, survey))
    return found


def keep_likely(callbacks: list[Callbacks], task: str) -> list[Callbacks]:
    """Fields of the task, fields that are called through, and the others of the same records."""
    called = {one.record for one in callbacks if one.callers}
    return [one for one in callbacks if one.record == task or one.record in called]


def _choose_task(survey: Survey, tasks: list[Candidate]) -> str:
    """The best of the likely types that has stages; the best of all if none has."""
    for one in tasks[: _OTHERS + 1]:
        own = [c for c in find_callbacks(survey, one.name) if c.record == one.name and c.callers]
        if own or any(s.handlers for s in find_states(survey, one.name)):
            return one.name
    return tasks[0].name if tasks else ""


def _task_positions(survey: Survey, task: str) -> dict[str, int]:
    """Which parameter of each function is the task."""
    return {
        routine.name: position
        for routine in survey.program.routines.values()
        for position, parameter in reversed(list(enumerate(routine.parameters)))
        if pointee(parameter.type) == task
    }


def _list_missing(found: Proposal, survey: Survey) -> Iterable[str]:
    if not found.loops:
        yield "no loop around poll, select, epoll_wait or an event library: name the scheduler"
    if not found.task:
        yield "no type that looks like a request: name it in [requests] task (or give --task)"
    if found.task and is_numbered(survey, found.task):
        yield (
            f"no function takes a pointer to {found.task}: if the requests are elements of an "
            "array, known by their number, memwalk cannot follow them; pass pointers"
        )
    elif found.task and not (found.callbacks or found.states or found.events):
        yield (
            f"nothing in {found.task} says what a request does next (no function that changes, no "
            "state that is compared): is another type the request? (--task TYPE)"
        )
    names = {name.rsplit(":", 1)[-1] for called in survey.callees.values() for name in called}
    if "fork" in names and not found.stages:
        yield "it calls fork(): a process for each connection has no stages to analyse"
    if {"pthread_create", "thrd_create"} & names and not found.stages:
        yield "it makes threads: a thread for each connection has no stages to analyse"


# -- the file ------------------------------------------------------------------------------------


def write_proposal(found: Proposal, root: Path, out: Path) -> str:
    """The annotation file's text; ``out`` is where it will be, to name the root from there."""
    lines = [
        "# Proposed by `memwalk init`: every entry is a guess, with what it rests on.",
        '# Confirm or strike each; "# or:" lines are further candidates.',
        *(f"# TO DO: {text}" for text in found.missing),
        "schema = 1",
        "",
        "[server]",
        f"name = {_quote(found.name)}",
        f"root = {_quote(_relative(root, out.parent))}",
        "",
        *_write_sources(found.chosen),
        *_write_dispatch(found),
        "[requests]",
        *_write_choice("task", found.task, found.tasks),
        "",
        *_write_stages(found),
        *_write_schedulers(found),
        *_write_memory(found),
        *_write_rooms(found),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _relative(root: Path, folder: Path) -> str:
    return Path(os.path.relpath(root.resolve(), folder.resolve())).as_posix()


def _quote(text: str) -> str:
    return json.dumps(text)


def _list(words: Sequence[str]) -> str:
    inline = f"[{', '.join(map(_quote, words))}]"
    if len(inline) < 90:
        return inline
    return "[\n" + "".join(f"  {_quote(word)},\n" for word in words) + "]"


def _evidence(seen: Sequence[Seen], indent: str = "") -> list[str]:
    lines = [f"{indent}# {one}" for one in seen[:_SHOWN]]
    more = len(seen) - _SHOWN
    return [*lines, f"{indent}# and {more} more"] if more > 0 else lines


def _write_sources(chosen: Chosen) -> list[str]:
    sources = chosen.sources
    lines = ["[sources]", *(f"# {note}" for note in chosen.notes)]
    lines += [f"# not analysed: {file}: {why}" for file, why in sorted(chosen.refused.items())]
    if chosen.foreign:
        lines.append(f"# not used by the server's main program: {', '.join(chosen.foreign)}")
    lines.append(f"files = {_list(sources.files)}")
    if sources.compile_commands:
        lines.append(f"compile_commands = {_quote(str(sources.compile_commands))}")
    if sources.flags:
        lines.append(f"flags = {_list(sources.flags)}")
    return [*lines, ""]


def _write_choice(key: str, name: str, candidates: list[Candidate]) -> list[str]:
    best = next((c for c in candidates if c.name == name), None)
    lines = [*_evidence(best.evidence if best else []), f"{key} = {_quote(name or 'FILL_IN')}"]
    others = [c for c in candidates if c.name != name][:_OTHERS]
    for one in others:
        lines.append(f"# or: {key} = {_quote(one.name)}  ({one.evidence[0].text})")
    return lines


def _stack_of(found: Proposal) -> Callbacks | None:
    return next((one for one in found.callbacks if one.depth), None)


def _write_dispatch(found: Proposal) -> list[str]:
    stack = _stack_of(found)
    if stack is None:
        return ["[dispatch]", 'discipline = "queue"', ""]
    return [
        "[dispatch]",
        f"# {stack.place} is an array of functions: a stack of stages?",
        *_evidence(stack.evidence),
        'discipline = "lifo"',
        f"depth = {stack.depth}",
        *_write_final(found),
        "",
        *_write_requeues(found),
    ]


def _write_final(found: Proposal) -> list[str]:
    if not found.finals:
        return ['# final = "FUNCTION"  (the stage that runs when the stack is empty, if one does)']
    name, spot = found.finals[0]
    return [f"# {spot.file}:{spot.line}: runs when no stage is pending?", f"final = {_quote(name)}"]


def _write_requeues(found: Proposal) -> list[str]:
    lists = {name for one in found.lists for name in (*one.putters, *one.takers)}
    lines = []
    for name, (queue, spot) in sorted(found.requeues.items()):
        if name not in lists:
            lines += [f"# {spot.file}:{spot.line}: puts the request on a list, or has it watched",
                      "[[dispatch.requeue]]", f"function = {_quote(name)}",
                      f"arguments = {_list(_task_roles(found, name))}",
                      f"queue = {_quote(queue)}", ""]  # fmt: skip
    return lines


def _write_stages(found: Proposal) -> list[str]:
    lines: list[str] = []
    own = [one for one in found.callbacks if one.record == found.task and one.setters]
    stack = _stack_of(found)
    taken = [stack] if stack else own or _first_record(found.callbacks)
    for one in taken:
        lines += _write_callbacks(found, one)
    for event in found.events:
        lines += [*_evidence(event.evidence), "[[constructs.queue_stage]]",
                  f"function = {_quote(event.function)}", f"arguments = {_list(event.roles)}",
                  'queue = "socket"', "stays = true", ""]  # fmt: skip
    states = [s for s in found.states if s.handlers]
    if states and not lines:
        lines += _write_states(found, states[0])
        states = states[1:]
    for other in [one for one in found.callbacks if one not in taken][:_OTHERS]:
        lines += [f"# or: store = {_quote(other.place)}  ({other.evidence[0]})"]
    for state in states[:_OTHERS]:
        shown = ", ".join(sorted(state.names)[:4])
        lines += [f"# or a state: store = {_quote(state.place)}  (compared with {shown})"]
    if not any(line.startswith("[[constructs.queue_stage]]") for line in lines):
        lines = [
            *lines,
            "[[constructs.queue_stage]]",
            'function = "FILL_IN"  # what gives a request its next stage',
            'arguments = ["T", "S"]',
        ]
    lines.append("") if lines[-1] else None
    for name, why in found.entries.items():
        lines += [f"# {why}", "[[stages]]", f"function = {_quote(name)}", "entry = true", ""]
    return lines


def _first_record(callbacks: list[Callbacks]) -> list[Callbacks]:
    """The first field, and what else of its record is a library's."""
    if not callbacks:
        return []
    first = callbacks[0]
    return [
        one for one in callbacks if one is first or (one.library and one.record == first.record)
    ]


def _write_callbacks(found: Proposal, one: Callbacks) -> list[str]:
    lines = _evidence(one.evidence)
    for name, setter in sorted(one.setters.items()):
        lines += ["[[constructs.queue_stage]]", f"function = {_quote(name)}",
                  f"arguments = {_list(setter.roles)}"]  # fmt: skip
        lines += [f"queue = {_quote(setter.queue)}"] if setter.queue else []
        lines.append("")
    if not one.setters:
        lines += ["[[constructs.queue_stage]]", f"store = {_quote(one.place)}"]
        lines += ['queue = "socket"', "stays = true", ""] if one.library else [""]
    for name, spot in () if one.library else sorted(one.callers.items()):
        lines += [f"# {spot.file}:{spot.line}: calls through {one.place}",
                  *_write_schedule(found, name), ""]  # fmt: skip
    return lines


def _write_schedule(found: Proposal, name: str) -> list[str]:
    """A Schedule_Stage, and which of its arguments is the task."""
    position = found.task_positions.get(name)
    lines = ["[[constructs.schedule_stage]]", f"function = {_quote(name)}"]
    if position is not None:
        lines.append(f"arguments = {_list(_task_roles(found, name))}")
    return lines


def _task_roles(found: Proposal, name: str) -> list[str]:
    return [*["-"] * found.task_positions[name], "T"]


def _write_states(found: Proposal, states: States) -> list[str]:
    switch = max(states.switches, key=lambda name: (len(states.switches[name]), name))
    lines = [
        f"# {states.place} is compared with {len(states.names)} constants and set to them",
        "[[constructs.queue_stage]]",
        f"store = {_quote(states.place)}",
        "",
        f"# it tells {len(states.switches[switch])} states apart",
        *_write_schedule(found, switch),
        "",
    ]
    by_function: dict[str, list[str]] = {}
    for state, functions in sorted(states.handlers.items()):
        name, spot = next(iter(functions.items()))
        by_function.setdefault(name, []).append(state)
        others = sorted(set(functions) - {name})
        lines += [f"# {spot.file}:{spot.line}: {state} calls {name}"]
        lines += [f"#   or {', '.join(others)}"] if others else []
    for name, names in sorted(by_function.items()):
        lines += ["[[stages]]", f"function = {_quote(name)}", f"states = {_list(names)}", ""]
    for state, spot in sorted(states.inline.items()):
        lines += [f"# {spot.file}:{spot.line}: {state} has no function of its own: no stage, or "
                  "move its code into one"]  # fmt: skip
    return lines


def _write_schedulers(found: Proposal) -> list[str]:
    if not found.loops:
        return ["[[constructs.scheduler]]", 'function = "FILL_IN"  # the event loop', ""]
    best, *others = found.loops
    lines = [
        *_evidence(best.evidence),
        "[[constructs.scheduler]]",
        f"function = {_quote(best.name)}",
    ]
    lines += [f"# or: function = {_quote(o.name)}  ({o.evidence[0]})" for o in others[:_OTHERS]]
    return [*lines, ""]


def _write_memory(found: Proposal) -> list[str]:
    lines: list[str] = []
    for kind, allocators in (("malloc", found.mallocs), ("free", found.frees)):
        for one in allocators:
            lines += [f"# {one.calls} calls, the first: {one.example}", f"[[constructs.{kind}]]",
                      f"function = {_quote(one.function)}"]  # fmt: skip
            lines += [f"arguments = {_list(one.roles)}"] if one.roles else []
            lines.append("")
    for list_ in found.lists:
        lines += [f"# {list_.example}"]
        for name in list_.takers:
            lines += ["[[constructs.malloc]]", f"function = {_quote(name)}",
                      f"object = {_quote(list_.record)}", ""]  # fmt: skip
        for name in list_.putters:
            lines += ["[[constructs.free]]", f"function = {_quote(name)}", 'arguments = ["O"]', ""]
    return lines


def _write_rooms(found: Proposal) -> list[str]:
    lines: list[str] = []
    for room in found.rooms:
        lines += [f"# {room.seen}", "[[objects]]", f"type = {_quote(room.type)}",
                  f"slab_bytes = {room.bytes}",
                  'reason = "a size that the source names; it has no bound"', ""]  # fmt: skip
    return lines
