# SPDX-License-Identifier: MIT
"""What is wrong with a file that a person wrote: where it is, what stands there, what to write."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError

SHOWN = 60  # characters of a value
FieldPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Complaint:
    """``field`` is the way to the field from the top of the file, ``problem`` what is wrong there,
    ``remedy`` what to do."""

    field: FieldPath
    problem: str
    remedy: str

    def inside(self, below: FieldPath) -> Complaint:
        """The same of a document that stands below the field ``below`` of its file."""
        return replace(self, field=(*below, *self.field))

    def describe(self, document: object) -> str:
        """Dotted path and problem; list items by number, with their id if they have one."""
        where = ".".join(str(part) for part in self.field)
        owner = next((f" (of {name})" for name in _list_owners(self.field, document)), "")
        return f"{where}{owner}: {self.problem}" if where else self.problem


def find_foreign(value: object, field: FieldPath = ()) -> Complaint | None:
    """The first value that no field takes: a date or time, or a number that is none."""
    if isinstance(value, Mapping | list):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        found = (find_foreign(item, (*field, key)) for key, item in items)
        return next((complaint for complaint in found if complaint), None)
    if isinstance(value, float) and not math.isfinite(value):
        return Complaint(field, f"{value} is not a finite number", "write a finite number")
    if not isinstance(value, str | int | float | bool):
        return Complaint(field, f"{value} is a date or time", "write it in quotes, or a number")
    return None


def find_complaint(
    error: ValidationError, model: type[BaseModel], document: Mapping[str, Any]
) -> Complaint:
    """The first thing that is wrong with ``document``, which was to be a ``model``.  A field that
    is not known comes first: where it is misspelled, it explains one that is missing."""
    errors = error.errors(include_url=False)
    unknown = (one for one in errors if one["type"] == "extra_forbidden")
    first: dict[str, Any] = {**next(unknown, errors[0])}
    field = _find_field(first["loc"], document, missing=first["type"] == "missing")
    kind, value, context = first["type"], first["input"], first.get("ctx", {})
    if kind == "value_error":  # one of our own, in words
        problem = first["msg"].removeprefix("Value error, ")
        return Complaint(field, problem, "correct it there")
    if kind == "missing":
        return Complaint(field, "it is missing", f"add {field[-1]} there")
    if kind == "extra_forbidden":
        known = _list_fields(model.model_json_schema(), first["loc"][:-1])
        near = difflib.get_close_matches(str(first["loc"][-1]), known, 1)
        remedy = f"did you mean {near[0]}? if not, remove it" if near else "correct or remove it"
        choices = f"; known are {', '.join(known)}" if known else ""
        return Complaint(field, "there is no such field", f"{remedy}{choices}")
    if kind.startswith("union_tag"):
        return _complain_of_tag(field, value, context, model, first["loc"])
    for kinds, explain in EXPLANATIONS:
        if kind in kinds:
            wrong, remedy = explain(context)
            shown = field[-1] if first["loc"][-1:] == ("[key]",) else value
            return Complaint(field, f"{_show(shown)} {wrong}", remedy)
    return Complaint(
        field, f"{_show(value)} does not fit there", "compare the other files of its kind"
    )


def _explain_choice(context: Mapping[str, Any]) -> tuple[str, str]:
    expected = str(context["expected"]).replace("'", "").replace(" or ", ", ")
    return f"is not one of {expected}", f"choose one of {expected}"


def _explain_pattern(context: Mapping[str, Any]) -> tuple[str, str]:
    pattern = str(context["pattern"])
    if "A-Z" in pattern:
        return "is not a name in C", "write it as the source does: main, or struct conn.handler"
    dots = ", - and ." if "." in pattern else " and -"
    characters = f"lower-case letters, digits{dots}"
    return "is not a name here", f"use {characters}, and begin with a letter or digit"


Explain = Callable[[Mapping[str, Any]], tuple[str, str]]
EXPLANATIONS: tuple[tuple[frozenset[str], Explain], ...] = (
    (
        frozenset({"int_type", "int_parsing", "int_from_float", "int_parsing_size"}),
        lambda _: ("is not a whole number", "write a whole number, without quotes"),
    ),
    (
        frozenset({"float_type", "float_parsing", "finite_number"}),
        lambda _: ("is not a number", "write a number, without quotes"),
    ),
    (frozenset({"string_type"}), lambda _: ("is not text", "write text in quotes")),
    (
        frozenset({"bool_type", "bool_parsing"}),
        lambda _: ("is not true or false", "write true or false, without quotes"),
    ),
    (
        frozenset({"tuple_type", "list_type"}),
        lambda _: ("is not a list", "write a list in brackets: [a, b]"),
    ),
    (
        frozenset({"dict_type", "model_type", "model_attributes_type"}),
        lambda _: ("is not a table", "write a table: { name = value }"),
    ),
    (frozenset({"enum", "literal_error"}), _explain_choice),
    (frozenset({"string_pattern_mismatch"}), _explain_pattern),
    (
        frozenset({"greater_than"}),
        lambda c: ("is too small", f"write a number above {c['gt']:g}"),
    ),
    (
        frozenset({"greater_than_equal"}),
        lambda c: ("is too small", f"write a number of at least {c['ge']:g}"),
    ),
    (frozenset({"less_than"}), lambda c: ("is too large", f"write a number below {c['lt']:g}")),
    (
        frozenset({"less_than_equal"}),
        lambda c: ("is too large", f"write a number of at most {c['le']:g}"),
    ),
    (
        frozenset({"string_too_short"}),
        lambda c: ("is too short", f"write at least {c['min_length']} characters"),
    ),
    (
        frozenset({"too_short"}),
        lambda c: ("is too short a list", f"list at least {c['min_length']}"),
    ),
)


def _show(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _find_field(location: Sequence[str | int], document: object, *, missing: bool) -> FieldPath:
    """``location`` without what is not in the document: names of the kinds of a union."""
    field: list[str | int] = []
    node: Any = document
    for index, part in enumerate(location):
        last = missing and index == len(location) - 1
        inside = (isinstance(node, Mapping) and part in node) or (
            isinstance(node, list) and isinstance(part, int) and part < len(node)
        )
        # A kind may have the name of one of its fields: then what follows stands beside it.
        if inside and isinstance(node, Mapping) and not isinstance(node[part], Mapping | list):
            inside = not any(beside in node for beside in location[index + 1 :])
        if inside:
            node = node[part]
        if inside or last:
            field.append(part)
    return tuple(field)


def _list_owners(field: FieldPath, document: object) -> Iterator[str]:
    """Names of the list items on the way to ``field``."""
    node: Any = document
    for part in field:
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            return
        if isinstance(part, int) and isinstance(node, Mapping):
            name = node.get("id", node.get("name"))
            if isinstance(name, str):
                yield name


def _complain_of_tag(
    field: FieldPath,
    value: object,
    context: Mapping[str, Any],
    model: type[BaseModel],
    location: Sequence[str | int],
) -> Complaint:
    name = str(context["discriminator"]).strip("'")
    node = _follow(model.model_json_schema(), location)
    kinds = ", ".join(node.get("discriminator", {}).get("mapping", {}))
    if "tag" not in context:
        return Complaint((*field, name), "it is missing", f"choose one of {kinds}")
    tag = value.get(name) if isinstance(value, Mapping) else value
    return Complaint(
        (*field, name), f"{_show(tag)} is not one of {kinds}", f"choose one of {kinds}"
    )


def _list_fields(schema: Mapping[str, Any], location: Sequence[str | int]) -> list[str]:
    """The fields of the table at ``location``; empty if it has no fixed ones."""
    return list(_follow(schema, location).get("properties", {}))


def _follow(schema: Mapping[str, Any], location: Sequence[str | int]) -> Mapping[str, Any]:
    """The part of a JSON schema that is about ``location``; empty if that is not to be found."""
    node = _resolve(schema, schema)
    for part in location:
        kinds = node.get("discriminator", {}).get("mapping", {})
        if part in kinds:
            node = _resolve(schema, {"$ref": kinds[part]})
        elif isinstance(part, int):
            node = _resolve(schema, node.get("items", {}))
        else:
            below = node.get("properties", {}).get(part, node.get("additionalProperties", {}))
            node = _resolve(schema, below)
    return node


def _resolve(schema: Mapping[str, Any], node: object) -> Mapping[str, Any]:
    """``node`` with its reference followed; of a field that may be absent the present form."""
    while isinstance(node, Mapping):
        if "$ref" in node:
            node = schema.get("$defs", {}).get(str(node["$ref"]).rpartition("/")[2], {})
        elif "anyOf" in node:
            node = next((one for one in node["anyOf"] if one.get("type") != "null"), {})
        else:
            return node
    return {}
