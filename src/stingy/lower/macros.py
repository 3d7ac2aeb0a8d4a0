# SPDX-License-Identifier: MIT
"""Values of macros: states of a server may be ``#define`` constants instead of enumerators."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from stingy.lower import clang
from stingy.lower.sources import Source, clang_flags


def find_macro_values(names: Iterable[str], sources: Iterable[Source]) -> dict[str, set[int]]:
    """For each macro that is an integer constant, its values in the files that know it."""
    found: dict[str, set[int]] = {}
    wanted = sorted(set(names))
    for source in sources if wanted else ():
        for name in _used_in(source.path, wanted):
            value = clang.evaluate_constant(source.path, clang_flags(source), name)
            if value is not None:
                found.setdefault(name, set()).add(value)
    return found


def _used_in(path: Path, names: list[str]) -> list[str]:
    """The names that stand in a file: what sets or asks for a state names it."""
    words = set(re.findall(r"[A-Za-z_]\w*", path.read_text(errors="replace")))
    return [name for name in names if name in words]
