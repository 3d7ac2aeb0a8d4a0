# SPDX-License-Identifier: MIT
"""Files that are read as models: TOML that people write, JSON that commands made; errors name
file, field and remedy."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ground.complaints import Complaint, FieldPath, find_complaint, find_foreign
from ground.errors import UsageError

M = TypeVar("M", bound=BaseModel)


class Strict(BaseModel):
    """Base of what stands in a file: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MisfitError(ValueError):
    """A document that is not what its model asks for; ``complaint`` says where and why."""

    def __init__(self, complaint: Complaint, document: object = None):
        super().__init__(complaint.describe(document))
        self.complaint = complaint


def fit(model: type[M], document: Any) -> M:
    """``document``, of tables and lists, as a ``model``.  Raises MisfitError."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise MisfitError(find_complaint(error, model, document), document) from None


def fit_json(model: type[M], document: Any, *, strict: bool | None = None) -> M:
    """As `fit`, of what could stand in a JSON file; ``strict``: a value of another type is wrong.

    Only as JSON are lists and names taken for tuples and enums while all else is strict.
    """
    try:
        return model.model_validate_json(json.dumps(document), strict=strict)
    except ValidationError as error:
        raise MisfitError(find_complaint(error, model, document), document) from None


def read_made(model: type[M], data: bytes) -> M:
    """The JSON ``data``, which a command made, as a ``model``.  Raises MisfitError."""
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise MisfitError(Complaint(first["loc"], first["msg"], "make it again")) from None


def load_document(model: type[M], path: Path) -> M:
    """The file ``path`` as a ``model``.  Raises UsageError if it cannot be read or is not one."""
    return check_document(model, read_toml(path), path)


def parse_document(model: type[M], text: str, path: Path) -> M:
    """``text``, the content of ``path``, as a ``model``.  Raises UsageError if it is none."""
    return check_document(model, parse_toml(text, path), path)


def load_made(model: type[M], path: Path, remedy: str) -> M:
    """The JSON file ``path``, which a command made, as a ``model``.

    Raises UsageError, with the ``remedy``, if it cannot be read or is not one.
    """
    try:
        return read_made(model, path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint=remedy) from None
    except MisfitError as misfit:
        raise UsageError(f"{path}: {misfit}", hint=remedy) from None


def read_toml(path: Path) -> dict[str, Any]:
    """The file ``path`` as tables.  Raises UsageError if it cannot be read or is not TOML."""
    return parse_toml(read_text(path), path)


def read_text(path: Path) -> str:
    """What is in ``path``.  Raises UsageError if it cannot be read or is not UTF-8."""
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", hint="give the path of a TOML file"
        ) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8: {error.reason}", hint="save it as UTF-8") from None


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """``text``, the content of ``path``, as tables.  Raises UsageError if it is not TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {error}", hint="correct the TOML syntax there") from None
    except RecursionError:
        raise UsageError(f"{path} is nested too deeply", hint="remove the nesting") from None


def check_document(
    model: type[M], document: Mapping[str, Any], path: Path, below: FieldPath = ()
) -> M:
    """``document``, which stands in ``path`` at the place ``below``, as a ``model``; errors as
    `parse_document`.

    A value of another type is wrong, also if it could be turned into one of the right type: what
    looks like a mistake is one.
    """
    if foreign := find_foreign(document):
        raise refuse(path, foreign.inside(below), document)
    try:
        return fit_json(model, document, strict=True)
    except MisfitError as misfit:
        raise refuse(path, misfit.complaint.inside(below), document) from None


def refuse(path: Path, complaint: Complaint, document: object) -> UsageError:
    """The error that says ``complaint`` of ``document``, which was read from ``path``."""
    return UsageError(f"{path}: {complaint.describe(document)}", hint=complaint.remedy)
