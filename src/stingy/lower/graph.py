# SPDX-License-Identifier: MIT
"""A routine's graph while it is built: steps are added at the open ends."""

from __future__ import annotations

from stingy.model.program import Nop, Routine, Step


class Graph:
    """Adds steps to ``routine``.  ``open`` are the steps whose successor comes next."""

    def __init__(self, routine: Routine):
        self.routine = routine
        self.open: list[int] = []
        self.labels: dict[str, int] = {}
        self._new(Nop())
        self.open = [0]

    def _new(self, step: Step) -> int:
        self.routine.steps.append(step)
        self.routine.successors.append([])
        return len(self.routine.steps) - 1

    def link(self, source: int, target: int) -> None:
        """Add an edge, once."""
        if target not in self.routine.successors[source]:
            self.routine.successors[source].append(target)

    def add(self, step: Step) -> int:
        """Add a step after the open ends; it becomes the only open end."""
        number = self._new(step)
        for source in self.open:
            self.link(source, number)
        self.open = [number]
        return number

    def end(self, step: Step) -> None:
        """Add a step after which nothing follows."""
        self.add(step)
        self.open = []

    def join(self) -> int:
        """A point where paths meet."""
        return self.add(Nop())

    def jump(self, target: int) -> None:
        """Go on at ``target``; what comes next in the text is not reached from here."""
        for source in self.open:
            self.link(source, target)
        self.open = []

    def label(self, name: str) -> int:
        """The step of a label, whether or not the code has come to it."""
        if name not in self.labels:
            self.labels[name] = self._new(Nop())
        return self.labels[name]

    def go_on_at(self, number: int) -> None:
        """What comes next is a step that exists already (a label, the end of a loop)."""
        for source in self.open:
            self.link(source, number)
        self.open = [number]

    def reserve(self) -> int:
        """A step to go on at later."""
        return self._new(Nop())
