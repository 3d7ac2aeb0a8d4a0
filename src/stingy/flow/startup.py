# SPDX-License-Identifier: MIT
"""Code that runs once a process, before or after the scheduler: its memory is not a request's."""

from __future__ import annotations

from stingy.flow.objects import Objects
from stingy.flow.pointers import Pointers
from stingy.flow.stages import Stages
from stingy.lower.linking import Program


def find_startup(stages: Stages, pointers: Pointers) -> set[str]:
    """The routines of such code alone: roots that lead to a scheduler, and what they call."""
    callees: dict[str, set[str]] = {}
    callers: dict[str, set[str]] = {}
    for (caller, _), keys in pointers.callees.items():
        callees.setdefault(caller, set()).update(keys)
        for key in keys:
            callers.setdefault(key, set()).add(caller)
    schedulers = {
        key
        for one in stages.annotations.constructs.scheduler
        for key in stages.program.find(one.function)
    }
    leading = set(stages.roots) & _reach(schedulers, callers) - schedulers
    working = schedulers | set(stages.functions) | (set(stages.roots) - leading)
    return _reach(leading, callees) - _reach(working, callees)


def _reach(start: set[str], callees: dict[str, set[str]]) -> set[str]:
    found, waiting = set(start), list(start)
    while waiting:
        for key in callees.get(waiting.pop(), ()):
            if key not in found:
                found.add(key)
                waiting.append(key)
    return found


def find_held_by_tasks(program: Program, objects: Objects, pointers: Pointers) -> set[str]:
    """The objects that a field of a request may point to, directly or through others."""
    found: set[str] = set()
    types, seen = [objects.task_type], {objects.task_type}
    while types:
        record = types.pop()
        layout = program.records.get(record)
        for member in layout.members if layout else ():
            inner = program.inner_record(record, member)
            name = "*" if layout and layout.union else member.name
            held = {
                objects.of_site[target]
                for target in pointers.targets.get(("field", record, name), ())
                if target in objects.of_site
            }
            found |= held
            for type_ in {inner, *(objects.kinds[one].type for one in held)} - seen - {""}:
                seen.add(type_)
                types.append(type_)
    return found
