# SPDX-License-Identifier: MIT
"""The graders' one random source: the same numbers on every host and version of Python."""

from __future__ import annotations

import hashlib
from collections.abc import MutableSequence, Sequence
from typing import TypeVar

T = TypeVar("T")

# Of a hand-out's own check; a course has its own, so that all inputs are others when it counts.
PUBLISHED_SECRET = "published"


class Chance:
    """Numbers that depend on a secret and a purpose alone.

    ``random.Random`` does not promise the same choices in other versions, and numpy's generators
    do not either; a score must.
    """

    def __init__(self, secret: str, purpose: str):
        self._key = hashlib.sha256(f"{secret}\0{purpose}".encode()).digest()
        self._block = 0
        self._pool: list[int] = []

    def word(self) -> int:
        """The next 32-bit number."""
        if not self._pool:
            data = hashlib.shake_256(self._key + self._block.to_bytes(8, "little")).digest(1024)
            self._pool = [int.from_bytes(data[i : i + 4], "little") for i in range(0, 1024, 4)]
            self._pool.reverse()
            self._block += 1
        return self._pool.pop()

    def below(self, bound: int) -> int:
        """A number from 0 to ``bound`` - 1, all equally likely (``bound`` up to 2^32)."""
        limit = (1 << 32) - (1 << 32) % bound
        while (word := self.word()) >= limit:
            pass
        return word % bound

    def between(self, low: int, high: int) -> int:
        """A number from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def pick(self, items: Sequence[T]) -> T:
        """One of ``items``."""
        return items[self.below(len(items))]

    def shuffle(self, items: MutableSequence[T]) -> None:
        """Put ``items`` into a random order, in place."""
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """``count`` different ones of ``items``."""
        order = list(items)
        self.shuffle(order)
        return order[:count]

    def chance(self, numerator: int, denominator: int) -> bool:
        """True ``numerator`` times in ``denominator``."""
        return self.below(denominator) < numerator

    def data(self, length: int) -> bytes:
        """``length`` random bytes."""
        return b"".join(self.word().to_bytes(4, "little") for _ in range((length + 3) // 4))[
            :length
        ]
