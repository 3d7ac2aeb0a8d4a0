# SPDX-License-Identifier: MIT
"""How far a walk is, told to whoever waits for it; nothing here reaches a result."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

PATIENCE_S = 5.0  # a walk that takes less says nothing
INTERVAL_S = 5.0


@dataclass(slots=True)
class Progress:
    """Says every few seconds how many steps were made, and when the budget is spent at this rate.

    ``clock`` gives seconds.
    """

    budget: int
    tell: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _start_s: float = field(init=False)
    _next_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._start_s = self.clock()
        self._next_s = self._start_s + PATIENCE_S

    def watch(self, steps: int, followed: int, waiting: int) -> None:
        """``steps`` were made, ``followed`` of them on single paths; ``waiting`` states of stages
        are still to be looked at."""
        now_s = self.clock()
        if now_s < self._next_s:
            return
        self._next_s = now_s + INTERVAL_S
        used_s = now_s - self._start_s
        left = self.budget - followed
        if left > 0 and followed:
            left_s = used_s * left / followed
            when = f"paths are followed one by one for {left_s:.0f} s more at most"
        else:
            when = "the budget is spent: paths are merged where they meet"
        self.tell(f"{steps:,} steps in {used_s:.0f} s, {waiting:,} states wait; {when}")
