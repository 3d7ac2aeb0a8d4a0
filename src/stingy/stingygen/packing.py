# SPDX-License-Identifier: MIT
"""Which objects share a sub-region: the partition with the fewest bytes per request.

A sub-region is an array of equal slots.  Objects that one request never has live together can
share one; a slot is as large as the largest of them, and a request needs as many slots as the
most numerous of them.  To find the cheapest partition is weighted graph colouring with the cost
max(bytes) x max(count) a colour.  It is stated as an integer program with asymmetric
representatives (the largest object of a sub-region stands for it) and solved to the optimum by
HiGHS through scipy, which also gives the lower bound that proves it.
"""

# DEVIATIONS.md: [sub-regions]

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import networkx as nx
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from ground.errors import ArtifactError

# Far more than a server's objects take. Beyond, the best packing found is used, with its bound; a
# limit of nodes, unlike one of time, gives the same packing on every host.
MOST_NODES = 2000


@dataclass(frozen=True)
class Item:
    """What is packed: ``bytes`` of one slot, and the slots that one request needs of it."""

    name: str
    bytes: int
    count: int


@dataclass(frozen=True)
class Packing:
    """A partition of the items and the proof of its quality, in bytes per request.

    ``bound_bytes`` is what no partition can go below (equal to ``cost_bytes``: optimal);
    ``separate_bytes`` what a sub-region for each object would cost; ``peak_bytes`` the most that
    items which are all live together occupy, which no layout at all could go below.
    """

    groups: tuple[tuple[str, ...], ...]
    cost_bytes: int
    bound_bytes: int
    separate_bytes: int
    peak_bytes: int

    @property
    def optimal(self) -> bool:
        """Whether the bound proves that no partition is cheaper."""
        return self.cost_bytes == self.bound_bytes


def measure_group(items: Sequence[Item]) -> int:
    """Bytes per request of one sub-region that holds ``items``."""
    return max(i.bytes for i in items) * max(i.count for i in items)


def pack(items: Sequence[Item], conflicts: set[tuple[str, str]]) -> Packing:
    """The cheapest partition of ``items`` in which no group holds a pair of ``conflicts``.

    Pairs are sorted by name.  Deterministic: items are ordered before they are given to the
    solver.  Raises ArtifactError if the solver fails.
    """
    ordered = sorted(items, key=lambda i: (-i.bytes, i.name))
    if not ordered:
        return Packing((), 0, 0, 0, 0)
    arcs = [
        (member, leader)
        for leader in range(len(ordered))
        for member in range(leader, len(ordered))
        if member == leader or not _meet(ordered[leader], ordered[member], conflicts)
    ]
    values, bound = _solve(ordered, arcs, conflicts)
    groups: dict[int, list[Item]] = {}
    for (member, leader), chosen in zip(arcs, values, strict=False):
        if chosen > 0.5:
            groups.setdefault(leader, []).append(ordered[member])
    return Packing(
        groups=tuple(tuple(item.name for item in groups[leader]) for leader in sorted(groups)),
        cost_bytes=sum(measure_group(group) for group in groups.values()),
        bound_bytes=bound,
        separate_bytes=sum(i.bytes * i.count for i in ordered),
        peak_bytes=_find_peak(ordered, conflicts),
    )


def _meet(one: Item, other: Item, conflicts: set[tuple[str, str]]) -> bool:
    return (min(one.name, other.name), max(one.name, other.name)) in conflicts


def _solve(
    items: Sequence[Item], arcs: Sequence[tuple[int, int]], conflicts: set[tuple[str, str]]
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], int]:
    """Values of x (an arc: member is in the group of leader), and the proven bound in bytes.

    After the arcs come the counts: how many slots a request needs of each leader's group.
    """
    rows = _build_rows(items, arcs, conflicts)
    width = len(arcs) + len(items)
    matrix = csr_array(
        (
            [value for coefficients, _, _ in rows for value in coefficients.values()],
            (
                [row for row, (coefficients, _, _) in enumerate(rows) for _ in coefficients],
                [column for coefficients, _, _ in rows for column in coefficients],
            ),
        ),
        shape=(len(rows), width),
    )
    most = max(item.count for item in items)
    result = milp(
        np.array([0.0] * len(arcs) + [float(item.bytes) for item in items]),
        constraints=LinearConstraint(
            matrix, np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
        ),
        integrality=np.ones(width, dtype=np.int64),
        bounds=Bounds(np.zeros(width), np.array([1.0] * len(arcs) + [float(most)] * len(items))),
        options={"mip_rel_gap": 0.0, "node_limit": MOST_NODES},
    )
    if result.x is None:
        raise ArtifactError(
            f"packing {len(items)} objects failed: {result.message}",
            hint="report this with the memwalk result",
        )
    return result.x, int(np.ceil(result.mip_dual_bound - 1e-6))


def _build_rows(
    items: Sequence[Item], arcs: Sequence[tuple[int, int]], conflicts: set[tuple[str, str]]
) -> list[tuple[dict[int, float], float, float]]:
    """Constraints as (coefficients by column, lower, upper)."""
    column = {arc: index for index, arc in enumerate(arcs)}
    rows: list[tuple[dict[int, float], float, float]] = []
    for member in range(len(items)):  # each object is in one group
        choices = {column[arc]: 1.0 for arc in arcs if arc[0] == member}
        rows.append((choices, 1.0, 1.0))
    for (member, leader), index in column.items():
        if member != leader:  # a group has a leader
            rows.append(({index: 1.0, column[leader, leader]: -1.0}, -np.inf, 0.0))
        # the group's slots suffice for each member
        count = len(arcs) + leader
        rows.append(({count: 1.0, index: -float(items[member].count)}, 0.0, np.inf))
    for leader in range(len(items)):  # no two members of a group meet
        members = [m for m, chosen in arcs if chosen == leader and m != leader]
        for one, other in combinations(members, 2):
            if _meet(items[one], items[other], conflicts):
                pair = {
                    column[one, leader]: 1.0,
                    column[other, leader]: 1.0,
                    column[leader, leader]: -1.0,
                }
                rows.append((pair, -np.inf, 0.0))
    return rows


def _find_peak(items: Sequence[Item], conflicts: set[tuple[str, str]]) -> int:
    """The heaviest set of items that are pairwise live together."""
    graph: nx.Graph[str] = nx.Graph()
    for item in items:
        graph.add_node(item.name, bytes=item.bytes * item.count)
    graph.add_edges_from(
        pair for pair in conflicts if graph.has_node(pair[0]) and graph.has_node(pair[1])
    )
    _, weight = nx.max_weight_clique(graph, weight="bytes")
    return int(weight)
