# SPDX-License-Identifier: MIT
"""Numbers beside those of the original, and beside those that were committed last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from artifact.paper.numbers import Number, Numbers, State
from artifact.paper.wording import write_number, write_plain
from artifact.statistics.estimates import bound_interval

NONE: Final = "-"


class Move(StrEnum):
    """What has become of a number; ordered by how much it matters."""

    FLIPPED = "verdict is another"
    OUTSIDE = "outside of the former interval"
    GONE = "no longer there"
    NEW = "new"
    INSIDE = "inside of the former interval"
    SAME = "the same"


@dataclass(frozen=True)
class Change:
    """A number then and now."""

    name: str
    move: Move
    before: Number | None
    after: Number | None


def find_changes(before: Numbers, after: Numbers) -> list[Change]:
    """Every number of either, what matters most first."""
    names = dict.fromkeys([*after.numbers, *before.numbers])
    found = [_compare(name, before.numbers.get(name), after.numbers.get(name)) for name in names]
    order = list(Move)
    return sorted(found, key=lambda change: order.index(change.move))


def _compare(name: str, before: Number | None, after: Number | None) -> Change:
    was = before is not None and before.state is State.MEASURED
    now = after is not None and after.state is State.MEASURED
    if before is None or after is None or not (was and now):
        move = Move.NEW if now else Move.GONE if was else Move.SAME
    elif before.verdict != after.verdict:
        move = Move.FLIPPED
    elif before == after:
        move = Move.SAME
    elif _contains(before, after.value):
        move = Move.INSIDE
    else:
        move = Move.OUTSIDE
    return Change(name, move, before, after)


def _contains(number: Number, value: float | None) -> bool:
    interval = bound_interval(number.low, number.high)
    if value is None or interval is None:
        return value == number.value
    return interval[0] <= value <= interval[1]


def write_difference(numbers: Numbers, known: Numbers | None) -> str:
    """Markdown: the original's numbers beside ours, then what has moved since ``known``."""
    lines = [
        "# The paper's numbers\n",
        f"{numbers.tier} tier, results {numbers.results[:16]}, commit {numbers.commit[:12]}"
        + (" (SYNTHETIC: no results)" if numbers.synthetic else "")
        + "\n",
        "| claim | original | ours | interval | verdict |",
        "|---|---|---|---|---|",
        *(_write_row(name, number) for name, number in numbers.verdicts.items()),
    ]
    if known:
        changes = [c for c in find_changes(known, numbers) if c.move is not Move.SAME]
        lines += [
            f"\n# Since the numbers that were committed last (results {known.results[:16]})\n",
            "| number | then | now | |",
            "|---|---|---|---|",
            *(
                f"| {c.name} | {_describe(c.before)} | {_describe(c.after)} | {c.move} |"
                for c in changes
            ),
        ]
    return "\n".join(lines) + "\n"


def _write_row(name: str, number: Number) -> str:
    texts = write_number(number)
    original = NONE if number.original is None else write_plain(number.original)
    cells = (name, original, *(texts.get(kind, NONE) for kind in ("value", "bounds", "verdict")))
    return f"| {' | '.join(cells)} |"


def _describe(number: Number | None) -> str:
    if number is None:
        return NONE
    texts = write_number(number)
    shown = texts.get("interval") or texts.get("value") or ""
    state = "" if number.state is State.MEASURED else number.state.value
    return " ".join(filter(None, (texts.get("verdict", ""), shown, state))) or NONE


def describe_changes(changes: Iterable[Change]) -> str:
    """How many numbers have moved how, in a line."""
    counts = dict.fromkeys(Move, 0)
    for change in changes:
        counts[change.move] += 1
    return ", ".join(f"{count} {move}" for move, count in counts.items() if count)
