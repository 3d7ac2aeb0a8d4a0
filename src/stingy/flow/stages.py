# SPDX-License-Identifier: MIT
"""Which functions are stages, and which functions matter for the stage graph."""

from __future__ import annotations

from dataclasses import dataclass, field

from stingy.flow.constructs import Constructs, Kind
from stingy.flow.origins import find_known_outside
from stingy.flow.pointers import Node, Pointers
from stingy.flow.values import Function, Value
from stingy.lower.linking import Program
from stingy.model.annotations import Annotations, IndirectNote, QueueStage
from stingy.model.program import (
    Assign,
    Call,
    Expr,
    Field,
    Func,
    Index,
    Routine,
    Var,
    bare_type,
    expressions_of,
    name_of,
    pointee,
    walk,
)

SOME_STAGE = "(a stage)"  # where it does not matter which one runs on a request
SOME_ENTRY = "(a stage without a request)"


@dataclass(slots=True)
class Stages:
    """The stages by function and by state constant, and the roots of everything else."""

    annotations: Annotations
    program: Program
    functions: dict[str, str] = field(default_factory=dict)  # key -> name
    states: dict[int, str] = field(default_factory=dict)  # constant -> name
    queueing: set[str] = field(default_factory=set)  # functions that reach a queueing construct
    relevant: set[str] = field(default_factory=set)  # functions that reach any construct
    roots: list[str] = field(default_factory=list)
    noted: set[str] = field(default_factory=set)  # functions that the annotations name
    final: set[str] = field(default_factory=set)  # the function of the implicit final stage
    task_type: str = ""
    addressed: set[str] = field(default_factory=set)

    def key_of(self, stage: str) -> str:
        """The function of a stage."""
        return next(k for k, name in self.functions.items() if name == stage)

    def has_body(self, stage: str) -> bool:
        """Whether the code of a stage is part of the server."""
        return self.key_of(stage) in self.program.routines

    def named_by(self, value: Value, expr: Expr, pointers: Pointers) -> list[str]:
        """The stages that a value may name: one if it is known, else all it may point to."""
        if isinstance(value, Function):
            return [self.functions[value.key]] if value.key in self.functions else []
        if isinstance(value, int) and not isinstance(value, bool):
            return [self.states[value]] if value in self.states else []
        found = {self.functions[k] for k in pointers.functions_of(expr) if k in self.functions}
        if not found and self.states:
            found = set(self.states.values())
        return sorted(found)

    def parameters(self, key: str) -> tuple[int | None, int | None]:
        """The positions of the task and of the flag among a stage's parameters."""
        name = name_of(key)
        note = next((n for n in self.annotations.stages if n.function == name), None)
        roles = note.arguments if note and note.arguments else ()
        flag: int | None = None
        if not roles:
            roles = next(
                (s.arguments for s in self.annotations.constructs.schedule_stage if s.arguments),
                (),
            )
        if "flag" in roles:
            flag = roles.index("flag")
        task = self.task_position(key)
        return task, flag if flag != task else None

    def task_position(self, key: str) -> int | None:
        """The parameter that is the task, by its type or by the annotation."""
        routine = self.program.routines.get(key)
        if routine is None:
            return None
        name = name_of(key)
        note = next((n for n in self.annotations.stages if n.function == name), None)
        if note and "T" in note.arguments:
            return note.arguments.index("T")
        for position, parameter in enumerate(routine.parameters):
            if pointee(parameter.type) == self.task_type:
                return position
        entry = bool(note and note.entry)
        untyped = [n for n, p in enumerate(routine.parameters) if pointee(p.type) == "void"]
        return untyped[0] if len(untyped) == 1 and not entry else None

    def takes_task(self, stage: str) -> bool:
        """Whether a stage runs on a request (an accept stage does not)."""
        if stage == SOME_STAGE:
            return True
        if not stage or stage not in self.functions.values():
            return False
        return self.task_position(self.key_of(stage)) is not None

    def note_for(self, routine: str, expression: str) -> IndirectNote | None:
        """The assumption on an indirect call."""
        for note in self.annotations.indirect:
            if note.function == name_of(routine) and note.expression in {"", expression}:
                return note
        return None

    def fitting(self, signature: str) -> list[str]:
        """Functions that an unknown pointer of this type may point to."""
        known = [k for k in sorted(self.addressed) if k in self.program.routines]
        exact = [k for k in known if self.program.routines[k].signature == signature]
        return exact or [k for k in known if fits(self.program.routines[k].signature, signature)]


def fits(function: str, wanted: str) -> bool:
    """Whether a function can be called through a pointer of another type, as C is written.

    Pointers may be cast, numbers may not; a type without a prototype takes all arguments.
    """
    own, other = _split_signature(function), _split_signature(wanted)
    if own is None or other is None:
        return own == other
    if "" in (own[1:] or [""]) or "" in (other[1:] or [""]):
        return True
    return len(own) == len(other) and all(
        one == two or (one.endswith("*") and two.endswith("*"))
        for one, two in zip(own, other, strict=True)
    )


def _split_signature(signature: str) -> list[str] | None:
    """The types of the result and of the parameters; None if it is not a function's."""
    start = signature.find("(")
    if start < 0 or not signature.endswith(")"):
        return None
    parts, depth = [""], 0
    for letter in signature[start + 1 : -1]:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [bare_type(signature[:start].strip()), *(bare_type(part.strip()) for part in parts)]


def find_stages(
    annotations: Annotations, program: Program, constructs: Constructs, pointers: Pointers
) -> Stages:
    """Every function that a Queue_Stage may be given, and those that the annotations name."""
    stages = Stages(
        annotations,
        program,
        task_type=program.record_of(annotations.requests.task),
        addressed=pointers.addressed,
    )
    keys = _queued(program, constructs, pointers)
    for note in annotations.stages:
        stages.noted |= {k for k in program.find(note.function) if k in program.routines}
        for state in note.states:
            if state in program.constants:
                stages.states[program.constants[state]] = note.function
    keys |= stages.noted
    if annotations.dispatch.final:
        stages.final = {
            k for k in program.find(annotations.dispatch.final) if k in program.routines
        }
        keys |= stages.final
    stages.functions = {k: program.show(k) for k in sorted(keys)}
    _find_relevant(stages, constructs, pointers)
    stages.roots = _find_roots(stages, constructs, pointers)
    return stages


def _queued(program: Program, constructs: Constructs, pointers: Pointers) -> set[str]:
    """The functions that flow into a Queue_Stage's S."""
    found: set[str] = set()
    for routine in program.routines.values():
        for step in routine.steps:
            match step:
                case Assign(place=place, value=value):
                    for kind in constructs.at_store(routine.key, place):
                        if isinstance(kind, QueueStage):
                            found |= pointers.functions_of(value)
                case Call():
                    found |= _queued_by_call(routine, step, constructs, pointers)
    return found


def _queued_by_call(
    routine: Routine, call: Call, constructs: Constructs, pointers: Pointers
) -> set[str]:
    found: set[str] = set()
    callees = [call.callee.key] if isinstance(call.callee, Func) else []
    for key in callees or pointers.functions_of(call.callee):
        for kind in constructs.at_call(routine.key, key):
            position = constructs.position(kind, key, "S")
            if isinstance(kind, QueueStage) and position is not None:
                for argument in call.arguments[position : position + 1]:
                    found |= pointers.functions_of(argument)
    return found


def _find_relevant(stages: Stages, constructs: Constructs, pointers: Pointers) -> None:
    """The functions that reach a construct, through any calls."""
    callers: dict[str, set[str]] = {}
    for (caller, _), callees in pointers.callees.items():
        for callee in callees:
            callers.setdefault(callee, set()).add(caller)
    queueing: set[str] = set()
    relevant: set[str] = set()
    for key, routine in stages.program.routines.items():
        kinds = _kinds_in(routine, constructs, pointers)
        if any(not _is_memory(k) for k in kinds):
            queueing.add(key)
        if kinds:
            relevant.add(key)
    stages.queueing = _closure(queueing, callers)
    stages.relevant = _closure(relevant, callers)


def _is_memory(kind: Kind) -> bool:
    return type(kind).__name__ in {"Malloc", "Free", "Handoff"}


def _kinds_in(routine: Routine, constructs: Constructs, pointers: Pointers) -> list[Kind]:
    kinds: list[Kind] = []
    for number, step in enumerate(routine.steps):
        if isinstance(step, Assign):
            kinds += constructs.at_store(routine.key, step.place)
        elif isinstance(step, Call):
            for key in pointers.called_at(routine.key, number):
                kinds += constructs.at_call(routine.key, key)
    return kinds


def _closure(start: set[str], callers: dict[str, set[str]]) -> set[str]:
    found = set(start)
    waiting = list(start)
    while waiting:
        for caller in callers.get(waiting.pop(), ()):
            if caller not in found:
                found.add(caller)
                waiting.append(caller)
    return found


def _kept_in_tables(program: Program, outside: set[Node]) -> set[str]:
    """The functions that are named in initialisers alone, of variables that stay in the server."""
    kept: set[str] = set()
    elsewhere: set[str] = set()
    for one in program.initialisers:
        place = one.place
        while isinstance(place, Field | Index):
            place = place.base
        known = isinstance(place, Var) and ("variable", place.name, "") in outside
        (elsewhere if known else kept).update(_functions_in(one.value))
    for routine in program.routines.values():
        for step in routine.steps:
            named = expressions_of(step)[1:] if isinstance(step, Call) else expressions_of(step)
            elsewhere.update(*(_functions_in(expr) for expr in named))
    return kept - elsewhere


def _functions_in(expr: Expr) -> set[str]:
    return {part.key for part in walk(expr) if isinstance(part, Func)}


def _find_roots(stages: Stages, constructs: Constructs, pointers: Pointers) -> list[str]:
    """Functions that nobody in the server calls, or that the outside may call.

    A function that is only kept in the server's own tables is none.
    """
    called: set[str] = set()
    for (caller, _), callees in pointers.callees.items():
        called |= callees - {caller}
    given = pointers.escaping | {f for _, _, f in pointers.callbacks}
    schedulers = {
        k for s in stages.annotations.constructs.scheduler for k in stages.program.find(s.function)
    }
    tables = _kept_in_tables(stages.program, find_known_outside(pointers))
    roots: list[str] = []
    for key in sorted(stages.program.routines):
        if key in stages.functions or (constructs.has_own_effect(key) and key not in schedulers):
            continue
        kept = key in tables  # of the server's own: who calls it does so through the table
        if (key not in called and not kept) or key in given or key in schedulers:
            roots.append(key)
    return roots
