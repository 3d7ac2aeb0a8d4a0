# SPDX-License-Identifier: MIT
"""How a server may say what a request does next: by callbacks, by states, by a library's events."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from stingy.flow.flowgraph import FlowGraph
from stingy.model.program import (
    Assign,
    Assume,
    Call,
    Const,
    Deref,
    Expr,
    Field,
    Func,
    Index,
    Op,
    Routine,
    Spot,
    Step,
    Var,
    is_array,
    name_of,
    pointee,
    strip_casts,
)
from stingy.proposal.candidates import ACCEPTS, Seen, Survey, callee_name, mentions, owner_of

MIN_STATES = 3  # constants that a field is compared with, or it is no state
REGISTRATIONS = {"epoll_ctl", "event_add", "ev_io_start", "kevent"}
_TIMER = re.compile(r"time|deadline|alarm|call_at", re.IGNORECASE)
_LABEL = re.compile(r"(?:==|\bis)\s*(?:\([^()]*\)\s*)?([A-Za-z_]\w*)\s*\)*$")
# Calls that give callbacks to an event library: the roles of the arguments, once for each callback.
_BUFFER_CALLBACKS = (
    ("-", "S", "-", "-", "T"), ("-", "-", "S", "-", "T"), ("-", "-", "-", "S", "T"),
)  # fmt: skip
LIBRARY_CALLS: dict[str, tuple[tuple[str, ...], ...]] = {
    "event_set": (("-", "-", "-", "S", "T"),),
    "event_assign": (("-", "-", "-", "-", "S", "T"),),
    "event_new": (("-", "-", "-", "S", "T"),),
    "event_base_once": (("-", "-", "-", "S", "T"),),
    "bufferevent_new": _BUFFER_CALLBACKS,
    "bufferevent_setcb": _BUFFER_CALLBACKS,
}


@dataclass(frozen=True, slots=True)
class Setter:
    """A function that stores its argument S into its argument T; where the request then waits."""

    task: int
    stage: int
    queue: str = ""

    @property
    def roles(self) -> list[str]:
        """The arguments as an annotation says them."""
        roles = ["-"] * (max(self.task, self.stage) + 1)
        roles[self.task], roles[self.stage] = "T", "S"
        return roles


@dataclass(slots=True)
class Callbacks:
    """A field that holds the function of a request's next stage.

    ``setters`` are functions that store it, ``callers`` those that call what it holds.
    ``depth`` is the length of the array where the field is a stack of stages, else 0.
    """

    record: str
    name: str
    stages: set[str] = field(default_factory=set)
    evidence: list[Seen] = field(default_factory=list)
    setters: dict[str, Setter] = field(default_factory=dict)
    callers: dict[str, Spot] = field(default_factory=dict)
    depth: int = 0
    library: bool = False  # a record of an event library, which calls what the field holds

    @property
    def place(self) -> str:
        """The field as an annotation names it."""
        return f"{self.record}.{self.name}"


@dataclass(slots=True)
class States:
    """A field that holds a request's state.

    ``handlers`` has for each constant the functions that are called for it, ``inline`` the
    constants whose code stands in the switch itself; ``switches`` the functions that compare it.
    """

    record: str
    name: str
    handlers: dict[str, dict[str, Spot]] = field(default_factory=dict)
    inline: dict[str, Spot] = field(default_factory=dict)
    switches: dict[str, set[str]] = field(default_factory=dict)
    assigned: dict[str, Spot] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The field as an annotation names it."""
        return f"{self.record}.{self.name}"

    @property
    def names(self) -> set[str]:
        """The constants that it is compared with."""
        return set(self.handlers) | set(self.inline)


@dataclass(slots=True)
class LibraryEvents:
    """Calls that give a callback to an event library, which keeps it."""

    function: str
    roles: tuple[str, ...]
    stages: set[str] = field(default_factory=set)
    evidence: list[Seen] = field(default_factory=list)


# -- callbacks -----------------------------------------------------------------------------------


def find_callbacks(survey: Survey, task: str) -> list[Callbacks]:
    """The fields that hold functions which take the task, most functions first."""
    found: dict[tuple[str, str], Callbacks] = {}
    for routine, step in survey.assigns():
        place, array = _handler_place(step.place)
        if place is None:
            continue
        record, _ = owner_of(place)
        stages = _stages_in(survey, step.value, task)
        if not stages:
            continue
        one = found.setdefault((place.record, place.name), Callbacks(place.record, place.name))
        one.stages |= stages
        one.depth = array
        layout = survey.program.records.get(place.record)
        one.library = layout is not None and not layout.local
        one.evidence.append(Seen(step.spot, f"{routine.name} stores {_show_names(stages)}"))
        setter = _setter(survey, routine, step, record)
        if setter is not None:
            one.setters[routine.name] = setter
    for routine, _, call in survey.calls():
        for place in _called_through(routine, call):
            if (place.record, place.name) in found:
                found[place.record, place.name].callers.setdefault(routine.name, call.spot)
    return sorted(found.values(), key=lambda one: (-len(one.stages), one.place))


def _handler_place(place: Expr) -> tuple[Field | None, int]:
    """The field of a function pointer that is stored to; the length, if of an array of them."""
    inner, depth = place, 0
    while not isinstance(inner, Field):
        parts = getattr(inner, "base", None) or getattr(inner, "pointer", None)
        if isinstance(parts, Op) and parts.operands:
            parts = parts.operands[0]
        if parts is None:
            return None, 0
        inner = strip_casts(parts)
    if is_array(inner.type):
        length = re.search(r"\[(\d+)\]", inner.type)
        depth = int(length[1]) if length else 0
    if "(*" not in inner.type or (not is_array(inner.type) and inner is not place):
        return None, 0
    return inner, depth


def _stages_in(survey: Survey, value: Expr, task: str) -> set[str]:
    """The functions that a value may be and that take the task, or a pointer to anything."""
    found = set()
    for key in survey.pointers.functions_of(value):
        routine = survey.program.routines.get(key)
        if routine and any(pointee(p.type) in (task, "void") for p in routine.parameters):
            found.add(routine.name)
    return found


def _setter(survey: Survey, routine: Routine, step: Assign, record: str) -> Setter | None:
    """A function that stores its argument into a field of another."""
    value = strip_casts(step.value)
    if not isinstance(value, Var) or value not in routine.parameters:
        return None
    owner = next((n for n, p in enumerate(routine.parameters) if pointee(p.type) == record), None)
    if owner is None:
        return None
    queue = find_wait(survey, routine)
    if _TIMER.search(routine.name) or _TIMER.search(getattr(step.place, "name", "")):
        queue = "timer"
    return Setter(owner, routine.parameters.index(value), queue)


def find_wait(survey: Survey, routine: Routine) -> str:
    """``socket`` for a function that asks the system to tell when a socket is ready."""
    called = {name_of(key) for key in survey.callees.get(routine.key, ())}
    return "socket" if called & REGISTRATIONS else ""


def _called_through(routine: Routine, call: Call) -> list[Field]:
    """The fields that the callee of an indirect call comes from, within the routine."""
    callee = strip_casts(call.callee)
    if isinstance(callee, Func):
        return []
    values: list[Expr] = [callee]
    if isinstance(callee, Var):
        values = [
            strip_casts(s.value)
            for s in routine.steps
            if isinstance(s, Assign) and s.place == callee
        ]
    found = (_field_in(value) for value in values)
    return [one for one in found if one is not None]


def _field_in(value: Expr) -> Field | None:
    """The field that a value is read from, through indices and pointers."""
    inner: Expr | None = value
    while inner is not None and not isinstance(inner, Field):
        match inner:
            case Deref(pointer=part) | Index(base=part):
                inner = strip_casts(part)
            case Op(operands=(part, *_)):
                inner = strip_casts(part)
            case _:
                inner = None
    return inner


def _show_names(names: set[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")


# -- states --------------------------------------------------------------------------------------


def find_states(survey: Survey, task: str) -> list[States]:
    """The fields of the task that are compared with constants and set to them."""
    found: dict[str, States] = {}
    for routine in survey.program.routines.values():
        graph = FlowGraph(routine)
        copies = _copied_fields(routine)
        for number, step in enumerate(routine.steps):
            positive = isinstance(step, Assume) and step.truth
            test = _test_of_state(step, task, copies) if positive else None
            if test is not None:
                place, label = test
                one = found.setdefault(place.name, States(task, place.name))
                one.switches.setdefault(routine.name, set()).add(label)
                _add_handler(survey, one, label, graph, number)
            elif (
                isinstance(step, Assign)
                and isinstance(step.place, Field)
                and isinstance(step.value, Const)
                and owner_of(step.place)[0] == task
            ):
                one = found.setdefault(step.place.name, States(task, step.place.name))
                one.assigned.setdefault(str(step.value.value), step.spot)
    every = [
        one for one in found.values() if len(one.names) >= MIN_STATES and len(one.assigned) > 1
    ]
    return sorted(every, key=lambda one: (-len(one.handlers), -len(one.names), one.name))


def _copied_fields(routine: Routine) -> dict[Expr, Field]:
    """The variables that take a field's value, as a switch does with what it asks for."""
    return {
        step.place: value
        for step in routine.steps
        if isinstance(step, Assign) and isinstance(step.place, Var)
        for value in [strip_casts(step.value)]
        if isinstance(value, Field)
    }


def _test_of_state(step: Step, task: str, copies: dict[Expr, Field]) -> tuple[Field, str] | None:
    """The field and the constant of ``task->field == NAME``."""
    if not isinstance(step, Assume) or not isinstance(step.condition, Op):
        return None
    operands = [copies.get(o, o) for o in map(strip_casts, step.condition.operands)]
    fields = [o for o in operands if isinstance(o, Field)]
    label = _LABEL.search(step.text)
    if step.condition.operator != "==" or len(fields) != 1 or label is None:
        return None
    if owner_of(fields[0])[0] != task or pointee(fields[0].type):
        return None
    return fields[0], label[1]


def _add_handler(survey: Survey, states: States, label: str, graph: FlowGraph, test: int) -> None:
    """The first function that takes the task behind a test; inline code if there is none."""
    routine = graph.routine
    spots: list[Spot] = []
    for step in _straight(graph, test):
        one = routine.steps[step]
        spots += [spot] if isinstance(spot := getattr(one, "spot", None), Spot) else []
        if not isinstance(one, Call):
            continue
        name = callee_name(one)
        known = any(key in survey.program.routines for key in survey.program.find(name))
        if known and any(mentions(argument, states.record) for argument in one.arguments):
            states.handlers.setdefault(label, {}).setdefault(name, one.spot)
            states.inline.pop(label, None)
            return
    if label not in states.handlers:
        states.inline.setdefault(label, spots[0] if spots else routine.spot)


def _straight(graph: FlowGraph, start: int) -> Iterator[int]:
    """The steps after one, as long as there is one way only."""
    step, seen = start, set[int]()
    while step not in seen:
        seen.add(step)
        yield step
        followers = graph.routine.successors[step]
        if len(followers) != 1 or followers[0] in graph.joins:
            return
        step = followers[0]


# -- event libraries -----------------------------------------------------------------------------


def find_library_events(survey: Survey, task: str) -> list[LibraryEvents]:
    """The calls of libevent that name a function of the server."""
    found: dict[tuple[str, tuple[str, ...]], LibraryEvents] = {}
    for routine, _, call in survey.calls():
        name = callee_name(call)
        for roles in LIBRARY_CALLS.get(name, ()):
            position = roles.index("S")
            if position >= len(call.arguments):
                continue
            stages = _stages_in(survey, call.arguments[position], task)
            if stages:
                one = found.setdefault((name, roles), LibraryEvents(name, roles))
                one.stages |= stages
                one.evidence.append(Seen(call.spot, f"{routine.name} gives {_show_names(stages)}"))
    return list(found.values())


def find_entries(survey: Survey, stages: set[str]) -> dict[str, str]:
    """The stages that accept connections: they are entered from outside."""
    found = {}
    for name in sorted(stages):
        for key in survey.program.find(name):
            if ACCEPTS & {name_of(k) for k in survey.callees.get(key, ())}:
                found[name] = "it calls accept()"
    return found


def find_requeues(survey: Survey, task: str, known: set[str]) -> dict[str, tuple[str, Spot]]:
    """Functions of the task and numbers that put it on a list, or have its socket watched."""
    found: dict[str, tuple[str, Spot]] = {}
    for routine in survey.program.routines.values():
        own = [p for p in routine.parameters if pointee(p.type) == task]
        pointers = [p for p in routine.parameters if pointee(p.type) or is_array(p.type)]
        if len(own) != 1 or pointers != own or routine.name in known:
            continue
        if wait := find_wait(survey, routine):
            found[routine.name] = (wait, routine.spot)
        for step in routine.steps:
            if not isinstance(step, Assign) or strip_casts(step.value) != own[0]:
                continue
            if not isinstance(step.place, Var) or not step.place.function:
                found.setdefault(routine.name, ("work", step.spot))
    return found


def find_finals(survey: Survey, callbacks: Callbacks, task: str) -> list[tuple[str, Spot]]:
    """The functions that what calls the stages names besides those that are on the stack."""
    found: dict[str, Spot] = {}
    for name in callbacks.callers:
        for key in survey.program.find(name):
            routine = survey.program.routines[key]
            for step in routine.steps:
                if not isinstance(step, Assign) or not isinstance(step.value, Func):
                    continue
                named = _stages_in(survey, step.value, task) - callbacks.stages
                found.update(dict.fromkeys(named, step.spot))
    return sorted(found.items())
