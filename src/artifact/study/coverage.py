# SPDX-License-Identifier: MIT
"""What a tier plans of a design: for which of its points, and for how many seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from artifact.study.designs import Design, Scope


@dataclass(frozen=True)
class Coverage:
    """What a tier plans of one design: how many seeds at each point (server, variant, level), and
    of each server's search for the peak."""

    seeds: Mapping[tuple[str, str, int], int]
    searches: Mapping[str, int]

    def list_levels(self, server: str, variant: str, needed: int) -> list[int]:
        """The levels at which a server has at least ``needed`` seeds, ascending."""
        return sorted(
            level
            for (name, of, level), seeds in self.seeds.items()
            if (name, of) == (server, variant) and seeds >= needed
        )

    def need_point(self, server: str, variant: str, level: int | None, needed: int) -> None:
        """Raise ValueError, in words, if fewer than ``needed`` seeds are planned there."""
        words = "" if variant == "base" else f", variant {variant}"
        planned = self.seeds.get((server, variant, level or 0), 0)
        _need(planned, needed, f"{server}{words} at c = {level}")

    def need_search(self, server: str, needed: int) -> None:
        """Raise ValueError, in words, if the search of a server has fewer than ``needed``
        seeds."""
        _need(self.searches.get(server, 0), needed, f"the search of {server}")


def _need(planned: int, needed: int, what: str) -> None:
    if planned < needed:
        raise ValueError(f"{what} needs {needed} seeds and {planned} are planned")


def cover_scope(design: Design, scope: Scope) -> Coverage:
    """What ``scope`` will plan."""
    return Coverage(
        {
            (server, variant.name, level): len(scope.list_seeds(level))
            for server in scope.servers
            for variant in design.find_variants(scope)
            for level in scope.levels
        },
        dict.fromkeys(scope.servers, scope.seeds) if scope.search else {},
    )
