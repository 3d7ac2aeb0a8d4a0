# SPDX-License-Identifier: MIT
"""What a request surely lacks: a field that points to nothing else is NULL while none is live.

``if (req->header)`` then needs no second path on which a header is held that was never allocated.
This is concluded for objects that only stages allocate: a request comes without them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from stingy.flow.objects import Objects
from stingy.flow.pointers import Node, Pointers
from stingy.flow.stages import Stages
from stingy.flow.values import AccessPath
from stingy.memwalk.memory import Memory
from stingy.memwalk.states import State
from stingy.model.program import is_array, overlaps


@dataclass(slots=True)
class Absences:
    """Completes states between stages.  ``foreign`` are nodes with pointers from outside."""

    memory: Memory
    pointers: Pointers
    objects: Objects
    foreign: set[Node]
    born_in_stages: set[str]
    _fields: dict[str, list[tuple[AccessPath, frozenset[str]]]] = field(default_factory=dict)

    def complete(self, state: State) -> State:
        """The state in which fields of live objects are 0 where nothing is that they point to."""
        holders = {o for o, _, high in state.property.live if high == 1} | {self.objects.task}
        for holder in sorted(holders):
            kind = self.objects.kinds.get(holder)
            record = kind.type if kind else self.objects.task_type
            for path, held in self._fields_of(record):
                place = (("object", holder, ""), *path)
                if place not in state.facts and not any(state.count(o)[1] != 0 for o in held):
                    state = state.learn(place, 0)
        return state

    def _fields_of(self, record: str) -> list[tuple[AccessPath, frozenset[str]]]:
        """The fields that hold nothing but objects of stages, each with these objects."""
        if record not in self._fields:
            self._fields[record] = [
                (path, held)
                for path, _ in self.memory.fields_of(record)
                if (held := self._held_by(path[-1])) and self._has_own_memory(path[-1])
            ]
        return self._fields[record]

    def _held_by(self, step: tuple[str, ...]) -> frozenset[str]:
        node = ("field", *step)
        if node in self.foreign:
            return frozenset()
        targets = self.pointers.targets.get(node, set())
        found = {self.objects.of_site.get(target, "") for target in targets}
        return frozenset(found) if found <= self.born_in_stages else frozenset()

    def _has_own_memory(self, step: tuple[str, ...]) -> bool:
        """Whether no other member writes there, but for views of the same pointer."""
        program = self.memory.program
        layout = program.records.get(step[0])
        members = {m.name: m for m in layout.members} if layout else {}
        if step[1] not in members or is_array(members[step[1]].type):
            return False
        targets = self.pointers.targets.get(("field", *step))
        return all(
            program.inner_record(step[0], members[other])
            or self.pointers.targets.get(("field", step[0], other)) == targets
            for other in overlaps(layout).get(step[1], ())
        )


def find_born_in_stages(stages: Stages, pointers: Pointers, objects: Objects) -> set[str]:
    """The objects that no code outside of stages allocates."""
    callees: dict[str, set[str]] = {}
    for (caller, _), keys in pointers.callees.items():
        callees.setdefault(caller, set()).update(keys)
    outside = {key for key in stages.roots if key not in stages.functions}
    waiting = sorted(outside)
    while waiting:
        for key in callees.get(waiting.pop(), ()):
            if key not in outside and key not in stages.functions:
                outside.add(key)
                waiting.append(key)
    return {
        kind.id
        for kind in objects.kinds.values()
        if not kind.task and not any(site.routine in outside for site in kind.sites)
    }
