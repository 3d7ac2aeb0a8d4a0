# SPDX-License-Identifier: MIT
"""A load as one writes it on a command line: the load generator's own flags."""

from __future__ import annotations

import argparse
import shlex
from typing import NoReturn

from pydantic import TypeAdapter, ValidationError

from ground.complaints import Complaint, find_complaint
from ground.errors import UsageError
from testbed.loads import KINDS, Load
from testbed.loads.kind import LoadKind

EXAMPLES = tuple(example for kind in KINDS.values() for example in kind.examples)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"load: {self.prog}: {message}", hint=f"such as: {'; '.join(EXAMPLES)}")


def parse_load(line: str) -> Load:
    """The load that ``line`` describes; UsageError with examples if it does not describe one."""
    words = shlex.split(line)
    if not words or words[0] not in KINDS:
        raise UsageError(
            f"load {line!r} begins with none of {', '.join(KINDS)}",
            hint=f"such as: {'; '.join(EXAMPLES)}",
        )
    name, *flags = words
    asked = vars(_make_parser(name, KINDS[name]).parse_args(flags))
    # What was not given keeps the model's own default.
    given = {field: value for field, value in asked.items() if value is not None}
    load: TypeAdapter[Load] = TypeAdapter(Load)
    try:
        return load.validate_python({"kind": name} | given)
    except ValidationError as error:
        raise _refuse(line, KINDS[name], find_complaint(error, KINDS[name], given)) from None


def _refuse(line: str, kind: type[LoadKind], complaint: Complaint) -> UsageError:
    """The error that says ``complaint`` of the flag in ``line``, or of the whole."""
    flag = f"{_find_flag(kind, str(complaint.field[0]))}: " if complaint.field else ""
    return UsageError(f"load {line!r}: {flag}{complaint.problem}", hint=complaint.remedy)


def format_load(load: LoadKind) -> str:
    """The line from which `parse_load` makes ``load``; defaults are left out."""
    given = load.model_dump(mode="json", exclude_defaults=True)
    words = [f"{_find_flag(type(load), field)} {value}" for field, value in given.items()]
    return " ".join([str(type(load).model_fields["kind"].default), *words])


def _make_parser(name: str, kind: type[LoadKind]) -> _Parser:
    """A flag a field."""
    parser = _Parser(prog=name, add_help=False, allow_abbrev=False)
    for field, found in kind.model_fields.items():
        if field == "kind":
            continue
        parser.add_argument(
            _find_flag(kind, field),
            dest=field,
            type=int if found.annotation is int else str,
            required=found.is_required() and field not in kind.usual,
            default=kind.usual.get(field),
        )
    return parser


def _find_flag(kind: type[LoadKind], field: str) -> str:
    return kind.flags.get(field, f"--{field.replace('_', '-')}")
