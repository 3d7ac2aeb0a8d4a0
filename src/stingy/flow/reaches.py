# SPDX-License-Identifier: MIT
"""What a routine may do to the request that is followed, with all that it calls.

What it cannot reach it cannot change: that part of a state is kept aside while the routine is
looked at (``memwalk.splitting``), so that callers that differ only there share one answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from stingy.flow.callgraph import CallGraph
from stingy.flow.constructs import Constructs
from stingy.flow.footprints import Footprints
from stingy.flow.objects import Objects
from stingy.flow.pointers import Pointers
from stingy.flow.stages import Stages
from stingy.lower.linking import Program
from stingy.model.annotations import Free, Handoff, Malloc, QueueStage
from stingy.model.program import Assign, Assume, Call, Expr, Field, Func, Routine, walk


@dataclass(frozen=True, slots=True)
class Reach:
    """``changed``: objects that may be made, released or handed over; ``seen``: these, and those
    that may be pointed to by what the routine reads (both as bits).

    ``queues``: what is pending may change.  ``asks``: for the stage that a request is in.
    ``leaves``: another request may be followed after it.
    """

    changed: int = 0
    seen: int = 0
    queues: bool = False
    asks: bool = False
    leaves: bool = False

    def __or__(self, other: Reach) -> Reach:
        return Reach(
            self.changed | other.changed,
            self.seen | other.seen,
            self.queues or other.queues,
            self.asks or other.asks,
            self.leaves or other.leaves,
        )


@dataclass(slots=True)
class Reaches:
    """The reach of every routine; ``bits`` has the bit of each object."""

    program: Program
    constructs: Constructs
    pointers: Pointers
    objects: Objects
    stages: Stages
    footprints: Footprints
    bits: dict[str, int] = field(default_factory=dict)
    _known: dict[str, Reach] = field(default_factory=dict)
    _held: list[tuple[int, int]] = field(default_factory=list)  # name bit, objects pointed to

    def of(self, key: str) -> Reach:
        """The reach of a routine."""
        if not self._known:
            self._prepare(self.footprints.calls)
        return self._known[key]

    def bit(self, object_: str) -> int:
        """The bit of an object."""
        return self.bits.setdefault(object_, 1 << len(self.bits))

    def _prepare(self, calls: CallGraph) -> None:
        self.footprints.prepare()
        held = self._find_held()
        for members in calls.components:
            reach = Reach()
            for key in members:
                reach |= self._own(self.program.routines[key])
                for callee in calls.callees[key]:
                    reach |= self._known.get(callee, Reach())
            touched = self.footprints.of(members[0])
            for name, objects in held:
                if touched & name:
                    reach |= Reach(seen=objects)
            reach |= Reach(seen=reach.changed)
            for key in members:
                self._known[key] = reach

    def _find_held(self) -> list[tuple[int, int]]:
        """Fields and variables that point to objects, with these."""
        found: list[tuple[int, int]] = []
        for name, bit in self.footprints.names.items():
            node = ("field", *name) if name[0] else ("variable", name[1], "")
            objects = self._bits_of(
                self.objects.of_site.get(target, "")
                for target in self.pointers.targets.get(node, ())
                if target[0] == "object"
            )
            if objects:
                found.append((bit, objects))
        return found

    def _bits_of(self, objects: Iterable[str]) -> int:
        found = 0
        for one in objects:
            if one:
                found |= self.bit(one)
        return found

    def _own(self, routine: Routine) -> Reach:
        reach = Reach(queues=routine.key in self.stages.functions)
        for number, step in enumerate(routine.steps):
            match step:
                case Assume(condition=condition):
                    reach |= Reach(asks=self._asks_for_stage(condition))
                case Assign():
                    reach |= self._at_store(routine, step)
                case Call():
                    reach |= self._at_call(routine, number, step)
        return reach

    def _asks_for_stage(self, condition: Expr) -> bool:
        return any(
            isinstance(kind, QueueStage)
            for part in walk(condition)
            if isinstance(part, Field)
            for kind in self.constructs.at_store("", part)
        )

    def _at_store(self, routine: Routine, assign: Assign) -> Reach:
        reach = Reach()
        for kind in self.constructs.at_store(routine.key, assign.place):
            reach |= self._released(kind, assign.value) if isinstance(kind, Free) else _QUEUES
        return reach

    def _at_call(self, routine: Routine, number: int, call: Call) -> Reach:
        callees = self.pointers.called_at(routine.key, number)
        if not callees and not isinstance(call.callee, Func):
            return Reach(leaves=True)  # any function that fits
        reach = Reach()
        for key in callees:
            for kind in self.constructs.at_call(routine.key, key):
                position = self.constructs.position(kind, key, "O")
                known = position is not None and position < len(call.arguments)
                argument = call.arguments[position] if known and position is not None else None
                match kind:
                    case Malloc():
                        reach |= self._allocated(call, key)
                    case Free():
                        reach |= self._released(kind, argument)
                    case Handoff():
                        reach |= self._handed_over(argument)
                    case _:
                        reach |= _QUEUES
            if key in self.stages.functions:
                reach |= Reach(queues=True)
        return reach

    def _allocated(self, call: Call, key: str) -> Reach:
        spot = call.spot
        node = ("object", spot.file, str(spot.line), str(spot.column), key)
        object_ = self.objects.of_site.get(node, "")
        if not object_:
            return Reach()
        return Reach(changed=self.bit(object_), leaves=object_ == self.objects.task)

    def _released(self, kind: Free, expr: Expr | None) -> Reach:
        type_ = self.program.record_of(kind.releases) if kind.releases else ""
        named = {k.id for k in self.objects.kinds.values() if type_ and k.type == type_}
        if expr is not None:
            named |= set(self.objects.candidates(self.pointers, expr))
        return Reach(
            changed=self._bits_of(sorted(named)),
            queues=self.objects.task in named or not named,
        )

    def _handed_over(self, expr: Expr | None) -> Reach:
        if expr is None:
            return Reach()
        return Reach(changed=self._bits_of(self.objects.candidates(self.pointers, expr)))


_QUEUES = Reach(queues=True)
