# SPDX-License-Identifier: MIT
"""Stacks of pending stages that became too many, or too deep, to be told apart.

Such a stack keeps its top; ``REST`` stands for what is below.  What may be below a stage is noted
once for all stacks (as a pushdown system keeps its continuations: Might, Van Horn: Abstracting
abstract machines, ICFP 2010).  So there are no more stacks than stages, and none is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from stingy.memwalk.states import BELOW, REST, Pending

KEPT = 1  # stages at the top of a stack that was cut
Stack = tuple[Pending, ...]


@dataclass(slots=True)
class Stacks:
    """What may lie below each stage in the stacks that were cut; "" is the bottom.

    ``depth`` is how deep a stack may be; ``told`` are called when something new may lie below a
    stage, with the stage and that.
    """

    depth: int
    below: dict[str, set[str]] = field(default_factory=dict)
    told: dict[str, list[Callable[[str], None]]] = field(default_factory=dict)

    def push(self, stack: Stack, new: Pending) -> tuple[Stack, bool]:
        """The stack with one more stage, and whether it is deeper than the server allows."""
        longer = (*stack, new)
        if len(longer) <= self.depth:
            return longer, False
        return self.cut(longer, self.depth - 1), True

    def cut(self, stack: Stack, kept: int = KEPT) -> Stack:
        """The stack with no more than ``kept`` stages that are told apart."""
        start = next((n for n in range(len(stack) - 1, -1, -1) if stack[n].stage == REST), -1)
        if len(stack) - start - 1 <= kept and start <= 0:
            return stack
        for lower, upper in pairwise(stack):
            if REST not in (lower.stage, upper.stage):
                self.note(upper.stage, lower.stage)
        if stack[0].stage not in (REST, BELOW):
            self.note(stack[0].stage, "")
        return (Pending(REST), *stack[max(start + 1, len(stack) - kept) :])

    def note(self, upper: str, lower: str) -> None:
        """``lower`` may lie below ``upper``."""
        known = self.below.setdefault(upper, set())
        if lower not in known:
            known.add(lower)
            for tell in list(self.told.get(upper, ())):
                tell(lower)

    def follow(self, upper: str, tell: Callable[[str], None]) -> None:
        """Have ``tell`` called with everything that may lie below a stage, now or later."""
        self.told.setdefault(upper, []).append(tell)
        for lower in sorted(self.below.get(upper, ())):
            tell(lower)

    def join(self, stack: Stack, below: Stack) -> Stack:
        """``stack``, of a request that code outside of stages found, on what that had pending."""
        if not any(one.stage == REST for one in stack):
            whole = (*below, *stack)
            return whole if len(whole) <= self.depth else self.cut(whole, self.depth - 1)
        under = below[-1].stage if below else ""
        self.cut(below, 0) if below else None
        for upper in sorted(u for u, lowers in self.below.items() if BELOW in lowers):
            self.note(upper, under)
        return self.cut(stack)


def rest_of(stage: str) -> Stack:
    """The stack that begins with a stage found below another; its own rest is not told apart."""
    if stage in ("", BELOW):
        return ()
    return (Pending(REST), Pending(stage))
