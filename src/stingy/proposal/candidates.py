# SPDX-License-Identifier: MIT
"""What a server's constructs may be, before anybody has said: loops, request types, allocators.

Each candidate brings its evidence, a place in the source and what is seen there, for a reader who
confirms or strikes it.  Nothing here is more than a guess; the analysis itself uses none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from stingy.flow.flowgraph import FlowGraph
from stingy.flow.pointers import Pointers
from stingy.lower.linking import Program
from stingy.model.program import (
    Addr,
    Assign,
    Call,
    Deref,
    Expr,
    Field,
    Func,
    Index,
    Op,
    Return,
    Routine,
    Spot,
    Var,
    name_of,
    pointee,
    strip_casts,
)

# Functions that wait for events, of the system and of the libraries that servers use.
WAITS = {
    "poll", "ppoll", "select", "pselect", "epoll_wait", "epoll_pwait", "epoll_pwait2", "kevent",
    "port_getn", "io_uring_wait_cqe",
}  # fmt: skip
LIBRARY_LOOPS = {
    "event_base_dispatch", "event_dispatch", "event_base_loop", "event_loop", "ev_run", "ev_loop",
    "uv_run",
}  # fmt: skip
ACCEPTS = {"accept", "accept4"}
# What allocates and releases, as annotations: function, roles.
MALLOCS: dict[str, tuple[str, ...]] = {
    "malloc": ("size",), "calloc": ("count", "size"), "realloc": ("-", "size"),
    "reallocarray": ("-", "count", "size"), "aligned_alloc": ("-", "size"),
    "strdup": (), "strndup": (), "kmalloc": ("size",), "kzalloc": ("size",),
}  # fmt: skip
MAX_LEVELS = 4  # from a wait to the loop around it, through wrappers


@dataclass(frozen=True, slots=True)
class Seen:
    """One piece of evidence: where, and what is seen there."""

    spot: Spot
    text: str

    def __str__(self) -> str:
        return f"{self.spot.file}:{self.spot.line}: {self.text}"


@dataclass(slots=True)
class Candidate:
    """A name with what speaks for it; the higher the score, the more."""

    name: str
    score: float = 0
    evidence: list[Seen] = field(default_factory=list)

    def add(self, score: float, spot: Spot, text: str) -> None:
        """One more reason; a text that was said already counts no more."""
        if all(one.text != text for one in self.evidence):
            self.score += score
            self.evidence.append(Seen(spot, text))


def ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    """The best first; equal ones by name."""
    return sorted(candidates, key=lambda one: (-one.score, one.name))


@dataclass
class Survey:
    """A program with who calls whom, before its constructs are known."""

    program: Program
    pointers: Pointers

    @cached_property
    def callees(self) -> dict[str, set[str]]:
        """The functions that each function may call."""
        found: dict[str, set[str]] = {}
        for (caller, _), callees in self.pointers.callees.items():
            found.setdefault(caller, set()).update(callees)
        return found

    @cached_property
    def callers(self) -> dict[str, list[tuple[str, int]]]:
        """The calls of each function, by routine and step."""
        found: dict[str, list[tuple[str, int]]] = {}
        for (caller, step), callees in sorted(self.pointers.callees.items()):
            for callee in callees:
                found.setdefault(callee, []).append((caller, step))
        return found

    @cached_property
    def loop_keys(self) -> list[str]:
        """The functions that are event loops; where there is none, those that nobody calls."""
        keys = [k for one in find_loops(self)[:1] for k in self.program.find(one.name)]
        return keys or [k for k in self.program.routines if k not in self.callers]

    def reach(self, key: str) -> set[str]:
        """The functions that run when this one does, itself among them."""
        found, waiting = {key}, [key]
        while waiting:
            fresh = self.callees.get(waiting.pop(), set()) - found
            found |= fresh
            waiting += fresh
        return found

    def calls(self) -> Iterator[tuple[Routine, int, Call]]:
        """Every call of the program."""
        for routine in self.program.routines.values():
            for number, step in enumerate(routine.steps):
                if isinstance(step, Call):
                    yield routine, number, step

    def is_own(self, call: Call) -> bool:
        """Whether the callee is a function of the server itself."""
        return isinstance(call.callee, Func) and call.callee.key in self.program.routines

    def assigns(self) -> Iterator[tuple[Routine, Assign]]:
        """Every assignment of the program."""
        for routine in self.program.routines.values():
            for step in routine.steps:
                if isinstance(step, Assign):
                    yield routine, step


def callee_name(call: Call) -> str:
    """The name of the function that is called directly; "" for a call through a pointer."""
    return name_of(call.callee.key) if isinstance(call.callee, Func) else ""


def owner_of(place: Expr) -> tuple[str, Expr | None]:
    """The record that a place belongs to, and what points to it: ``c->in.fd`` to ``c``'s type."""
    record = ""
    while True:
        match place:
            case Field(base=base, record=name):
                place, record = base, name
            case Index(base=base) if record:
                place = base
            case Deref(pointer=pointer):
                return record, strip_casts(pointer)
            case _:
                return record, place if isinstance(place, Var) else None


# -- the event loop ------------------------------------------------------------------------------


def find_loops(survey: Survey) -> list[Candidate]:
    """The functions with a loop around what waits for events; the one with most code first."""
    found: dict[str, Candidate] = {}
    for routine, step, call in survey.calls():
        name = callee_name(call)
        if name in LIBRARY_LOOPS and not survey.is_own(call):
            _add_loop(survey, found, routine.key, call.spot, f"{name}() is the loop")
        elif name in WAITS:
            _climb(survey, found, routine, step, f"a loop around {name}()")
    return ranked(found.values())


def _climb(
    survey: Survey, found: dict[str, Candidate], routine: Routine, step: int, text: str
) -> None:
    """From a call outward to the nearest loop around it."""
    level, seen = {(routine.key, step)}, set[str]()
    for _ in range(MAX_LEVELS):
        outward: set[tuple[str, int]] = set()
        for key, number in sorted(level):
            one = survey.program.routines[key]
            if FlowGraph(one).is_in_loop(number):
                _add_loop(survey, found, key, one.steps[number].spot, text)  # type: ignore[union-attr]
            elif key not in seen:
                outward |= set(survey.callers.get(key, ()))
            seen.add(key)
        level = outward


def _add_loop(survey: Survey, found: dict[str, Candidate], key: str, spot: Spot, text: str) -> None:
    if key not in found:
        reach = survey.reach(key)
        found[key] = Candidate(name_of(key), len(reach))
        names = {name_of(k) for k in reach}
        if names & ACCEPTS:
            found[key].add(1000, spot, "it reaches accept()")
    found[key].add(0, spot, text)


# -- the type of a request -----------------------------------------------------------------------


def find_tasks(survey: Survey) -> list[Candidate]:
    """The record types that may be a request, best first."""
    found: dict[str, Candidate] = {}

    def add(record: str, score: float, spot: Spot, text: str) -> None:
        layout = survey.program.records.get(record)
        if layout is not None and layout.local and not layout.union:
            found.setdefault(record, Candidate(record)).add(score, spot, text)

    for routine, place, spot in _kept_sockets(survey):
        add(owner_of(place)[0], 8, spot, f"{routine.name} keeps an accepted socket in it")
    changing: dict[str, dict[str, Spot]] = {}
    at_run_time = set().union(*(survey.reach(key) for key in survey.loop_keys))
    for routine, step in survey.assigns():
        if isinstance(step.place, Field) and _is_handler(step.place.type) and (
            routine.key in at_run_time and _functions_given(survey, step.value)
        ):  # fmt: skip
            record, _ = owner_of(step.place)
            changing.setdefault(record, {}).setdefault(step.place.name, step.spot)
    for record, handlers in changing.items():
        names = ", ".join(sorted(handlers)[:3])
        add(record, 4, next(iter(handlers.values())), f"functions in it change ({names})")
    users: dict[str, list[Routine]] = {}
    for routine in survey.program.routines.values():
        for parameter in routine.parameters:
            users.setdefault(pointee(parameter.type), []).append(routine)
    for record, routines in users.items():
        share = len(routines) / max(1, len(survey.program.routines))
        add(record, 4 * share, routines[0].spot, f"{len(routines)} functions take a pointer to it")
    for routine, _, call in survey.calls():
        if callee_name(call) in MALLOCS and (record := _allocated_type(routine, call)) in found:
            add(record, 2, call.spot, f"{routine.name} allocates it")
    return ranked(found.values())


def is_numbered(survey: Survey, record: str) -> bool:
    """Whether no function takes a pointer to a record: its elements are known by their number."""
    return not any(
        pointee(p.type) == record for r in survey.program.routines.values() for p in r.parameters
    )


def _is_handler(type_: str) -> bool:
    return "(*" in type_ and "(*[" not in type_


def _functions_given(survey: Survey, value: Expr) -> set[str]:
    """The functions with a body that a value may be."""
    return survey.pointers.functions_of(value) & survey.program.routines.keys()


def _allocated_type(routine: Routine, call: Call) -> str:
    """The type of the pointer that takes what a call gives."""
    for step in routine.steps:
        if isinstance(step, Assign) and strip_casts(step.value) == call.result:
            place = step.place
            return pointee(place.type) if isinstance(place, Var | Field) else ""
    return ""


def _kept_sockets(survey: Survey) -> list[tuple[Routine, Expr, Spot]]:
    """The fields that take what accept() returned, through variables and arguments."""
    tainted: set[Var] = set()
    kept: dict[tuple[str, Expr], tuple[Routine, Expr, Spot]] = {}
    changed = True
    while changed:
        changed = False
        for routine in survey.program.routines.values():
            for number, step in enumerate(routine.steps):
                fresh = _taint(survey, routine, number, tainted)
                changed |= bool(fresh - tainted)
                tainted |= fresh
                if isinstance(step, Assign) and isinstance(step.place, Field) and (
                    strip_casts(step.value) in tainted
                ):  # fmt: skip
                    kept.setdefault((routine.key, step.place), (routine, step.place, step.spot))
    return list(kept.values())


def _taint(survey: Survey, routine: Routine, number: int, tainted: set[Var]) -> set[Var]:
    """The variables that hold an accepted socket after a step."""
    step = routine.steps[number]
    fresh: set[Var] = set()
    if isinstance(step, Return) and step.value and strip_casts(step.value) in tainted:
        for caller, site in survey.callers.get(routine.key, ()):
            call = survey.program.routines[caller].steps[site]
            fresh |= {call.result} if isinstance(call, Call) else set()
    if isinstance(step, Assign):
        if isinstance(step.place, Var) and strip_casts(step.value) in tainted:
            fresh.add(step.place)
    elif isinstance(step, Call):
        if callee_name(step) in ACCEPTS:
            fresh.add(step.result)
        for callee in survey.pointers.called_at(routine.key, number):
            target = survey.program.routines.get(callee)
            if target is not None:
                pairs = zip(target.parameters, step.arguments, strict=False)
                fresh |= {p for p, a in pairs if strip_casts(a) in tainted}
    return fresh


def mentions(expr: Expr, type_: str) -> bool:
    """Whether an expression is a pointer to ``type_``, or an address of something in one."""
    inner = strip_casts(expr)
    if isinstance(inner, Addr):
        return owner_of(inner.place)[0] == type_
    if isinstance(inner, Op):
        return any(mentions(one, type_) for one in inner.operands)
    return isinstance(inner, Var | Field) and pointee(inner.type) == type_
