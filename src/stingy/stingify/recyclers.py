# SPDX-License-Identifier: MIT
"""Functions that only recycle: an allocator and its release around a private free list.

Such a function does nothing that a pool of Stingy does not do too, so that its callers can call
Stingy instead.  It may change its own locals, write into the dead object that it is given, and
change globals that nothing but recyclers uses; it calls nothing but allocators, releases, and
other recyclers.
"""

# DEVIATIONS.md: [free lists]

from __future__ import annotations

from stingy.flow.constructs import Constructs
from stingy.lower.linking import Program
from stingy.model.annotations import Free, Malloc
from stingy.model.program import (
    Assign,
    Call,
    Deref,
    Expr,
    Field,
    Func,
    Index,
    Routine,
    Step,
    Var,
    expressions_of,
    strip_casts,
    walk,
)


def find_recyclers(program: Program, constructs: Constructs) -> set[str]:
    """Keys of the allocators and releases that only recycle, and of the drains of their lists."""
    users = _find_users(program)
    found = {r.key for r in program.routines.values() if _is_plain(r, program, constructs)}
    while True:
        kept = {
            key
            for key in found
            if all(users[name] <= found for name in _written(program.routines[key]))
            and _callees(program.routines[key], program) <= found
        }
        if kept == found:
            break
        found = kept
    allocators = {key for key in found if _is_construct(key, constructs)}
    lists = {name for key in allocators for name in _written(program.routines[key])}
    return allocators | {key for name in lists for key in users[name]}


def _is_construct(key: str, constructs: Constructs) -> bool:
    return any(isinstance(kind, Malloc | Free) for kind in constructs.calls.get(key, ()))


def _is_base(call: Call, routine: Routine, constructs: Constructs) -> bool:
    return isinstance(call.callee, Func) and any(
        isinstance(kind, Malloc | Free) for kind in constructs.at_call(routine.key, call.callee.key)
    )


def _is_plain(routine: Routine, program: Program, constructs: Constructs) -> bool:
    """Whether each step is one that a recycler may do, seen alone."""
    dead = _find_aliases(routine, constructs)
    return all(_is_allowed(step, routine, program, constructs, dead) for step in routine.steps)


def _find_aliases(routine: Routine, constructs: Constructs) -> set[Var]:
    """The parameter that a release is given, and locals that are nothing but it."""
    positions = [
        constructs.position(kind, routine.key, "O")
        for kind in constructs.calls.get(routine.key, ())
        if isinstance(kind, Free)
    ]
    aliases = {
        routine.parameters[n] for n in positions if n is not None and n < len(routine.parameters)
    }
    assigned: dict[Var, set[Expr]] = {}
    for step in routine.steps:
        if isinstance(step, Assign) and isinstance(step.place, Var):
            assigned.setdefault(step.place, set()).add(strip_casts(step.value))
    aliases -= set(assigned)
    return aliases | {place for place, values in assigned.items() if values <= aliases}


def _is_allowed(
    step: Step, routine: Routine, program: Program, constructs: Constructs, dead: set[Var]
) -> bool:
    match step:
        case Call(callee=Func(key=key)):
            return key in program.routines or _is_base(step, routine, constructs)
        case Call():
            return False
        case Assign(place=place):
            root, pointers = _root(place)
            return root is not None and (not pointers or (pointers == 1 and root in dead))
    return True


def _root(place: Expr) -> tuple[Var | None, int]:
    """The variable that leads to a place, and through how many pointers."""
    pointers = 0
    while not isinstance(place, Var):
        match place:
            case Field(base=base) | Index(base=base):
                place = base
            case Deref(pointer=pointer):
                pointers += 1
                place = strip_casts(pointer)
            case _:
                return None, pointers
    return place, pointers


def _written(routine: Routine) -> set[str]:
    """Globals that it assigns to."""
    places = (s.place for s in routine.steps if isinstance(s, Assign))
    roots = (_root(place)[0] for place in places)
    return {root.name for root in roots if root and not root.function}


def _callees(routine: Routine, program: Program) -> set[str]:
    keys = {call.callee.key for call in routine.calls() if isinstance(call.callee, Func)}
    return keys & set(program.routines)


def _find_users(program: Program) -> dict[str, set[str]]:
    """The routines that name each global; "" stands for an initialiser that takes its address."""
    users: dict[str, set[str]] = {}
    for routine in program.routines.values():
        for step in routine.steps:
            for expression in expressions_of(step):
                for part in walk(expression):
                    if isinstance(part, Var) and not part.function:
                        users.setdefault(part.name, set()).add(routine.key)
    for one in program.initialisers:
        for part in walk(one.value):
            if isinstance(part, Var) and not part.function:
                users.setdefault(part.name, set()).add("")
    return users
