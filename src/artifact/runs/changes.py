# SPDX-License-Identifier: MIT
"""What differs between two plans, in a few lines however many runs it touches.

The plans are compared as JSON, so one that another version of the project wrote is described too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from artifact.study.designs import FACTORS, IDENTITY

MOST_LINES = 12  # of one kind
MOST_NAMES = 8
LONGEST_VALUE = 50
ABSENT = "absent"

Record = dict[str, Any]
"""A run or a search as it stands in a plan."""
Records = Mapping[str, Record]
"""Runs or searches by name, in the plan's order."""


class AnyPlan(BaseModel):
    """A plan as any version writes it."""

    designs: list[str] = []
    products: dict[str, str] = {}
    notes: list[str] = []
    runs: list[Record] = []
    searches: list[Record] = []


def describe_changes(recorded: str, wanted: str) -> str:
    """How the plan ``wanted`` differs from the one ``recorded``, both as JSON.

    Raises ValueError if one of them is no plan.
    """
    before, after = (AnyPlan.model_validate_json(text) for text in (recorded, wanted))
    runs = _index(before.runs), _index(after.runs)
    searches = _index(before.searches), _index(after.searches)
    lines = [
        _count_runs(*runs),
        *_describe_products(before.products, after.products),
        *_describe_fields("runs", *runs),
        *_describe_fields("searches", *searches),
        *_describe_missing("runs new", runs[1], runs[0]),
        *_describe_missing("runs gone", runs[0], runs[1]),
        *_describe_missing("searches new", searches[1], searches[0]),
        *_describe_missing("searches gone", searches[0], searches[1]),
        *_name_some("designs new", _subtract(after.designs, before.designs)),
        *_name_some("designs gone", _subtract(before.designs, after.designs)),
    ]
    if before.notes != after.notes:
        lines.append(f"notes: {_show(before.notes)} -> {_show(after.notes)}")
    return "\n".join(f"  {line}" for line in lines)


def _index(records: Sequence[Record]) -> Records:
    return {_name(record): record for record in records}


def _name(record: Record) -> str:
    place = "/".join(str(record[factor]) for factor in FACTORS if factor in record)
    return f"{place}/seed={record['seed']}" if "seed" in record else place


def _count_runs(before: Records, after: Records) -> str:
    common = [name for name in after if name in before]
    moved = sum(before[name].get("key") != after[name].get("key") for name in common)
    order = "" if common == [name for name in before if name in after] else "; in another order"
    return (
        f"{len(after)} runs: {len(common) - moved} as they were, {moved} with other inputs, "
        f"{len(after) - len(common)} new; {len(before) - len(common)} gone{order}"
    )


def _describe_products(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    common = [name for name in after if name in before]
    yield from _name_some("products changed", [n for n in common if before[n] != after[n]])
    yield from _name_some("products new", _subtract(after, before))
    yield from _name_some("products gone", _subtract(before, after))


def _describe_fields(what: str, before: Records, after: Records) -> Iterator[str]:
    """For each field that differs, in how many of the records that both plans have, and how it
    does in most of them."""
    fields: dict[str, dict[str, list[str]]] = {}
    for name, record in after.items():
        if name in before:
            for field, change in _compare(before[name], record):
                fields.setdefault(field, {}).setdefault(change, []).append(name)
    counts = Counter({field: sum(map(len, found.values())) for field, found in fields.items()})
    for field, count in counts.most_common(MOST_LINES):
        change, names = max(fields[field].items(), key=lambda found: len(found[1]))
        rest = count - len(names)
        other = f" (otherwise in {rest})" if rest else ""
        yield f"{field} in {count} {what}: {change}{other}, such as {names[0]}"
    yield from _name_some("other fields", [field for field, _ in counts.most_common()[MOST_LINES:]])


def _compare(before: Record, after: Record) -> Iterator[tuple[str, str]]:
    """The fields that differ, each with its change in words; keys follow from what they name."""
    if before == after:
        return
    was, now = dict(_flatten(before)), dict(_flatten(after))
    for field in dict.fromkeys([*was, *now]):
        old, new = was.get(field, ABSENT), now.get(field, ABSENT)
        if old != new and field != "key":
            yield field.removeprefix("experiment."), f"{_show(old)} -> {_show(new)}"


def _flatten(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Values of nested tables by path."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flatten(inner, f"{path}.{name}" if path else name)
    else:
        yield path, value


def _describe_missing(what: str, records: Records, others: Records) -> Iterator[str]:
    """How many of the ``records`` the ``others`` lack, design by design, and which values of the
    factors these do not have at all."""
    designs: dict[str, list[Record]] = {}
    for name, record in records.items():
        if name not in others:
            designs.setdefault(record.get("design", ABSENT), []).append(record)
    for design in sorted(designs, key=lambda design: -len(designs[design])):
        missing = designs[design]
        present = [record for record in others.values() if record.get("design", ABSENT) == design]
        foreign = [
            part for factor in IDENTITY[1:] for part in _list_foreign(factor, missing, present)
        ]
        values = f" ({'; '.join(foreign)})" if present and foreign else ""
        yield f"{what}, {design}: {len(missing)}{values}, such as {_name(missing[0])}"


def _list_foreign(factor: str, missing: list[Record], present: list[Record]) -> Iterator[str]:
    values = dict.fromkeys(str(record[factor]) for record in missing if factor in record)
    known = {str(record.get(factor)) for record in present}
    yield from _name_some(factor, _subtract(values, known))


def _subtract(names: Iterable[str], others: Container[str]) -> list[str]:
    return [name for name in names if name not in others]


def _name_some(what: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        yield f"{what}: {', '.join(names[:MOST_NAMES])}{more}"


def _show(value: object) -> str:
    text = ABSENT if value is ABSENT else json.dumps(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."
