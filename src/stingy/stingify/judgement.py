# SPDX-License-Identifier: MIT
"""Which allocations and releases become Stingy calls, and why the others do not.

The unit of decision is the object: either all of its sites are rewritten, or none is, since memory
that Stingy gave must come back to Stingy and no other memory may.
"""

# DEVIATIONS.md: [what is rewritten]

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from stingy.flow.constructs import Constructs
from stingy.flow.objects import Objects, static_pointee
from stingy.flow.pointers import Pointers
from stingy.lower.linking import Program
from stingy.model.annotations import Free, Malloc, Role
from stingy.model.program import Call, Func, Routine, name_of
from stingy.model.results import Memwalk, Object, Site
from stingy.stingify.sites import (
    Action,
    ObjectDecision,
    Rewriting,
    SiteDecision,
    Status,
    spell_after,
)
from stingy.stingify.wrappers import Wrappers

# Allocators without a size argument that give plain memory all the same.
SIZED_BY_CACHE = {"kmem_cache_alloc"}
RESIZING = {"realloc", "reallocarray", "krealloc", "krealloc_array", "kvrealloc"}
COPYING = {"strdup", "strndup"}
ALONE = "memwalk found no other object here"
SourcePosition = tuple[str, int, int]


@dataclass(frozen=True)
class Server:
    """What is known of the server's code."""

    program: Program
    constructs: Constructs
    pointers: Pointers
    objects: Objects
    recyclers: frozenset[str]


@dataclass(frozen=True)
class Verdict:
    """What becomes of one site, seen alone; see `SiteDecision`."""

    status: Status
    reason: str
    verb: str = ""
    arguments: tuple[int, ...] = ()
    arity: int = 0
    checked: bool = False


def refuse(reason: str) -> Verdict:
    """The site stays as it is, and with it its object."""
    return Verdict(Status.REFUSED, reason)


def refuse_copy(name: str) -> Verdict:
    """strdup() and what wraps it."""
    return refuse(
        f"{name}() copies a string, and Stingy has no such call; allocate its length and 1 here, "
        "then copy it"
    )


class Judge:
    """Decides on the objects of one result."""

    def __init__(self, server: Server, result: Memwalk):
        self.server = server
        self.result = result
        self.wrappers = Wrappers(server.program, server.constructs)
        self.calls: dict[SourcePosition, list[tuple[Routine, Call]]] = defaultdict(list)
        for routine in server.program.routines.values():
            for call in routine.calls():
                spot = call.spot
                self.calls[spot.file, spot.line, spot.column].append((routine, call))
        self.owners: dict[tuple[SourcePosition, str], set[str]] = defaultdict(set)
        for found in result.objects:
            for site in (*found.allocations, *found.frees):
                self.owners[_find_position(site), site.function].add(found.id)
        self.hazards = self._find_hazards()

    def decide(self, constants: dict[str, str], left_out: dict[str, str]) -> Rewriting:
        """Decide on every object.

        ``constants`` are the C names of the objects that have a pool, ``left_out`` the reasons of
        those that have none.
        """
        rewriting = Rewriting()
        for found in self.result.objects:
            constant = constants.get(found.id, "")
            reason = left_out.get(found.id, "") or self.hazards.get(found.id, "")
            if not reason and not constant:
                reason = "the memory map has no pool for it; run stingygen on this result"
            sites = [
                *self._judge_sites(found, "allocate", found.allocations),
                *self._judge_sites(found, "free", found.frees),
            ]
            reason = reason or self._find_dead_end(found, sites)
            item, sites = settle(found, constant, reason, sites)
            rewriting.objects.append(item)
            rewriting.sites += sites
        return rewriting

    def _find_dead_end(self, found: Object, sites: list[SiteDecision]) -> str:
        """Why memory would go from Stingy to another allocator, or to it from there; else "".

        A function that keeps its own work must have a plain call inside that is rewritten: what a
        release puts on a list of its own never comes back to Stingy.
        """
        program = self.server.program
        for site in sites:
            bodies = set(program.find(site.callee)) & set(program.routines)
            inside = set(program.find(site.function)) & self.server.recyclers
            if site.status is not Status.KEPT or not bodies or inside:
                continue
            reached = self._find_called(bodies)
            if any(
                one.status is Status.REWRITTEN
                and one.action == site.action
                and set(program.find(one.function)) & reached
                for one in sites
            ):
                continue
            return f"{site.file}:{site.line}: {self._explain_dead_end(found, site, bodies)}"
        return ""

    def _explain_dead_end(self, found: Object, site: SiteDecision, bodies: set[str]) -> str:
        name = site.callee
        if bodies & set(self.server.constructs.wrappers):
            extra = self.wrappers.find_extra(next(iter(bodies)))
            return (
                f"{name}() does more than to pass on what its allocator gives"
                f"{f' (it {extra})' if extra else ''}, and what it does "
                f"would be lost; call the plain allocator here, or let {name}() only return it"
            )
        if site.action == "free":
            return (
                f"{name}() has no plain release of {found.id} inside: what Stingy gave would stay "
                f"there; let {name}() do nothing but recycle, or release by a plain call"
            )
        return (
            f"{name}() has no plain allocation of {found.id} inside: what it gives would be "
            f"released to Stingy"
        )

    def _find_called(self, keys: set[str]) -> set[str]:
        """These routines and all that they call."""
        found, waiting = set(keys), list(keys)
        while waiting:
            key = waiting.pop()
            routine = self.server.program.routines.get(key)
            for number in range(len(routine.steps) if routine else 0):
                for callee in self.server.pointers.called_at(key, number):
                    if callee not in found:
                        found.add(callee)
                        waiting.append(callee)
        return found

    def _find_hazards(self) -> dict[str, str]:
        """Objects that are resized somewhere: what Stingy gave cannot go there, unless the call
        itself becomes Stingy's."""
        hazards: dict[str, str] = {}
        for routine, call in (pair for pairs in self.calls.values() for pair in pairs):
            if not isinstance(call.callee, Func) or name_of(call.callee.key) not in RESIZING:
                continue
            for argument in call.arguments:
                for name in self.server.objects.candidates(self.server.pointers, argument):
                    if self._is_resized_alone(name, routine, call):
                        continue
                    where = f"{call.spot.file}:{call.spot.line}"
                    hazards[name] = f"{where}: {call.text} may resize it; {self._advise(name)}"
        return hazards

    def _is_resized_alone(self, name: str, routine: Routine, call: Call) -> bool:
        """Whether a call resizes this object and no other, and one that may go on elsewhere."""
        found = self.result.find_object(name)
        if found is None or found.room is None:
            return False
        if routine.key in self.server.constructs.wrappers:
            return True  # who calls it is judged
        position = (call.spot.file, call.spot.line, call.spot.column)
        return self.owners[position, self.server.program.show(routine.key)] == {name}

    def _advise(self, name: str) -> str:
        found = self.result.find_object(name)
        if found is not None and found.room is not None:
            return "it has to be this object's alone, and both Malloc and Free in the annotations"
        return "give slab_bytes in [[objects]], and it goes on in the system's memory"

    def _judge_sites(self, found: Object, action: Action, sites: list[Site]) -> list[SiteDecision]:
        judged = []
        for site in sites:
            verdict = self._judge(found, action, site)
            if verdict:
                judged.append(_record(found, action, site, verdict))
        return judged

    def _judge(self, found: Object, action: Action, site: Site) -> Verdict | None:
        """The verdict on one site; None if by its type it is another object's, or if the same call
        is judged as an allocation."""
        program, recyclers = self.server.program, self.server.recyclers
        if set(program.find(site.function)) & recyclers:
            return Verdict(Status.KEPT, f"{site.function}() only recycles; its callers call Stingy")
        if not site.callee:
            return refuse("it is a store, not a call; put it into a function")
        here = self._find_call(site)
        if here is None:
            return refuse(self._explain_absence(site))
        return self._judge_call(found, action, site, here)

    def _judge_call(
        self, found: Object, action: Action, site: Site, here: tuple[Routine, Call]
    ) -> Verdict | None:
        routine, call = here
        evidence = ALONE
        if self.owners[_find_position(site), site.function] != {found.id}:
            type_ = self._find_type(action, routine, call)
            if type_ != found.type:
                return self._judge_foreign(found, site, type_)
            evidence = f"of all candidates, only this is a {type_}, as the argument"
        bodies = set(self.server.program.find(site.callee)) & set(self.server.program.routines)
        if bodies and not bodies & self.server.recyclers:
            return self._judge_function(found, action, site, call, evidence)
        resizes = self._resizes(routine, call)
        if action == "free":
            return None if resizes else self._judge_free(routine, call, evidence)
        if resizes:
            return self._judge_resizing(found, routine, call, evidence)
        return self._judge_allocation(found, routine, call, evidence)

    def _judge_function(
        self, found: Object, action: Action, site: Site, call: Call, evidence: str
    ) -> Verdict | None:
        """A call of an allocator or release that is a function of the server."""
        bodies = set(self.server.program.find(site.callee)) & set(self.server.program.routines)
        if action == "allocate" and (checked := self._find_checking(bodies)):
            return self._judge_checked(found, checked, call, evidence)
        if self._is_resized_by(bodies):
            return None  # the same call is judged as an allocation
        kept = f"{site.callee}() keeps its own work; the plain calls in it are rewritten"
        return Verdict(Status.KEPT, kept)

    def _find_checking(self, bodies: set[str]) -> str:
        """The wrapper that is called, if all it does besides is to end the server."""
        key = next(iter(bodies)) if len(bodies) == 1 else ""
        good = key and self.wrappers.is_checking(key) and not self.wrappers.find_extra(key)
        return key if good else ""

    def _is_resized_by(self, bodies: set[str]) -> bool:
        """Whether a checking wrapper of realloc() is called."""
        key = self._find_checking(bodies)
        return bool(key) and "O" in self.wrappers.roles(key)

    def _judge_checked(self, found: Object, key: str, call: Call, evidence: str) -> Verdict:
        """A call of xmalloc(): what it does where memory is short stays as it is.

        A pool may be full while there is memory, and the server must not end for that.
        """
        name, roles = name_of(key), self.wrappers.roles(key)
        if found.room is None:
            return refuse(
                f"{name}() ends the server where memory is short, and a pool is sooner full; give "
                f"slab_live in [[objects]], and what the pool has no room for is the system's"
            )
        base, size = self.wrappers.base_name(key), roles.get("size")
        if base in COPYING:
            return refuse_copy(name)
        if size is None:
            return refuse(f"{name}() computes the size itself; call {base}() here")
        arity = len(call.arguments)
        if "O" in roles:
            both = (roles["O"], size)
            return Verdict(Status.REWRITTEN, evidence, "stingy_resize", both, arity, checked=True)
        verb, arguments = choose_verb(base, call.text, size, roles.get("count"), found)
        return Verdict(Status.REWRITTEN, evidence, verb, arguments, arity, checked=True)

    def _resizes(self, routine: Routine, call: Call) -> bool:
        """Whether a call is Malloc and Free at once."""
        assert isinstance(call.callee, Func)
        kinds = self.server.constructs.at_call(routine.key, call.callee.key)
        return all(any(isinstance(k, wanted) for k in kinds) for wanted in (Malloc, Free))

    def _judge_resizing(
        self, found: Object, routine: Routine, call: Call, evidence: str
    ) -> Verdict:
        if found.room is None:
            return refuse(f"{call.text} may resize it; {self._advise(found.id)}")
        old = self._position(Free, routine, call, "O")
        size = self._position(Malloc, routine, call, "size")
        if old is None or size is None or self._position(Malloc, routine, call, "count"):
            return refuse(f"{call.callee_text}() is no realloc(): write it as one")
        arity = len(call.arguments)
        return Verdict(Status.REWRITTEN, evidence, "stingy_resize", (old, size), arity)

    def _find_call(self, site: Site) -> tuple[Routine, Call] | None:
        """The one call that stands where memwalk found the site."""
        here = [
            (routine, call)
            for routine, call in self.calls.get(_find_position(site), [])
            if self.server.program.show(routine.key) == site.function
            and call.callee_text == site.callee
        ]
        return here[0] if len(here) == 1 else None

    def _explain_absence(self, site: Site) -> str:
        plain = re.match(rf"{re.escape(site.callee)}\s*\(", site.text)
        if _find_position(site) in self.calls or not plain:
            return f"it is inside of the macro call {site.text}; write it out, or as a function"
        return "the source has no such call there any more; run memwalk again"

    def _judge_foreign(self, found: Object, site: Site, type_: str) -> Verdict | None:
        """A site that memwalk lists under several objects, and whose type is not this one's."""
        if any(kind.type == type_ for kind in self.server.objects.kinds.values()):
            return None
        others = ", ".join(sorted(self.owners[_find_position(site), site.function] - {found.id}))
        return refuse(f"it may also be {others}, and its type does not tell")

    def _find_type(self, action: Action, routine: Routine, call: Call) -> str:
        """The declared type of what is released; "" for allocations and untyped pointers."""
        position = self._position(Free, routine, call, "O") if action == "free" else None
        return "" if position is None else static_pointee(call.arguments[position])

    def _position(
        self, wanted: type[Malloc | Free], routine: Routine, call: Call, role: Role
    ) -> int | None:
        """The argument that has ``role`` for the construct that the call is."""
        assert isinstance(call.callee, Func)
        key = call.callee.key
        for kind in self.server.constructs.at_call(routine.key, key):
            if isinstance(kind, wanted):
                position = self.server.constructs.position(kind, key, role)
                if position is not None and position < len(call.arguments):
                    return position
        return None

    def _judge_free(self, routine: Routine, call: Call, evidence: str) -> Verdict:
        position = self._position(Free, routine, call, "O")
        if position is None:
            return refuse(f"no argument of {call.callee_text}() is the object; give it role O")
        return Verdict(Status.REWRITTEN, evidence, "stingy_free", (position,), len(call.arguments))

    def _judge_allocation(
        self, found: Object, routine: Routine, call: Call, evidence: str
    ) -> Verdict:
        assert isinstance(call.callee, Func)
        name, key = name_of(call.callee.key), call.callee.key
        size = self._position(Malloc, routine, call, "size")
        if self._position(Malloc, routine, call, "O") is not None:
            return refuse(f"{name}() stores the object through an argument")
        plain = key in self.server.recyclers or name in SIZED_BY_CACHE
        if name in COPYING:
            return refuse_copy(name)
        if size is None and not plain:
            return refuse(f"{name}() is not a plain allocator: no argument is a size")
        count = self._position(Malloc, routine, call, "count")
        verb, arguments = choose_verb(name, call.text, size, count, found)
        return Verdict(Status.REWRITTEN, evidence, verb, arguments, len(call.arguments))


def choose_verb(
    name: str, text: str, size: int | None, count: int | None, found: Object
) -> tuple[str, tuple[int, ...]]:
    """The Stingy function that does what an allocator does, and the arguments that it takes."""
    if size is None:
        return "stingy_alloc", ()
    zeroes = "calloc" in name or "zalloc" in name or "__GFP_ZERO" in text
    if count is not None:
        return "stingy_calloc" if zeroes else "stingy_alloc_array", (count, size)
    if zeroes:
        return "stingy_zalloc", (size,)
    if found.size.kind == "constant":
        return "stingy_alloc", ()
    return "stingy_alloc_bytes", (size,)


def settle(
    found: Object, constant: str, reason: str, sites: list[SiteDecision]
) -> tuple[ObjectDecision, list[SiteDecision]]:
    """All or nothing: one refused site refuses the object, and with it its other sites."""
    refused = next((s for s in sites if s.status is Status.REFUSED), None)
    if not reason and refused:
        reason = f"{refused.file}:{refused.line}: {refused.reason}"
    allocates = any(s.status is Status.REWRITTEN and s.action == "allocate" for s in sites)
    if not reason and not allocates:
        kept = next((s.callee for s in sites if s.status is Status.KEPT), "its allocator")
        reason = f"{kept}() does more than allocate, and calls no plain allocator"
    if reason:
        because = {"status": Status.REFUSED, "reason": f"{found.id} is refused: {reason}"}
        sites = [s if s.status is Status.REFUSED else s.model_copy(update=because) for s in sites]
    else:
        sites = [s.model_copy(update={"after": spell_after(s, constant)}) for s in sites]
    kept_releases = {s.callee for s in sites if s.action == "free" and s.status is Status.KEPT}
    inside = {s.function for s in sites if s.action == "free"}
    item = ObjectDecision(
        object=found.id,
        type=found.type,
        constant=constant,
        status=Status.REFUSED if reason else Status.REWRITTEN,
        reason=reason,
        recycling=() if reason else tuple(sorted(kept_releases & inside)),
    )
    return item, sites


def _find_position(site: Site) -> SourcePosition:
    return (site.location.file, site.location.line, site.location.column)


def _record(found: Object, action: Action, site: Site, verdict: Verdict) -> SiteDecision:
    return SiteDecision(
        file=site.location.file,
        line=site.location.line,
        column=site.location.column,
        function=site.function,
        object=found.id,
        action=action,
        callee=site.callee,
        before=site.text,
        after=site.text,
        status=verdict.status,
        reason=verdict.reason,
        verb=verdict.verb,
        checked=verdict.checked,
        arguments=verdict.arguments,
        arity=verdict.arity,
    )
