# SPDX-License-Identifier: MIT
"""Arithmetic on constants, as C does it."""

from __future__ import annotations

import operator
from collections.abc import Callable

_WORD_BITS = 64

_FOLDERS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "|": operator.or_,
    "&": operator.and_,
    "^": operator.xor,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def fold_integers(symbol: str, left: int, right: int) -> int | None:
    """The value of a binary operator on two integers, where it is defined."""
    if symbol in {"/", "%"}:
        if right == 0:
            return None
        quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        return quotient if symbol == "/" else left - quotient * right
    if symbol in {"<<", ">>"}:
        if not 0 <= right < _WORD_BITS:
            return None
        return left << right if symbol == "<<" else left >> right
    folder = _FOLDERS.get(symbol)
    return int(folder(left, right)) if folder else None
