# SPDX-License-Identifier: MIT
"""TOML files of this room: frozen models, and errors that name file, field and remedy."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ground.complaints import Complaint, find_complaint, find_foreign
from ground.errors import UsageError

M = TypeVar("M", bound=BaseModel)


class Strict(BaseModel):
    """Base of what is read from TOML: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def parse_document(model: type[M], text: str, path: Path) -> M:
    """``text``, the content of ``path``, as a ``model``.  Raises UsageError if it is none."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {error}", hint="correct the TOML syntax there") from None
    return check_document(model, document, path)


def check_document(model: type[M], document: Mapping[str, Any], path: Path) -> M:
    """``document``, which was read from ``path``, as a ``model``; errors as `parse_document`.

    A value of another type is wrong, also if it could be turned into one of the right type: what
    looks like a mistake is one.
    """
    if foreign := find_foreign(document):
        raise refuse(path, foreign, document)
    try:
        # Only as JSON are lists and names taken for tuples and enums while all else is strict.
        return model.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        raise refuse(path, find_complaint(error, model, document), document) from None


def refuse(path: Path, complaint: Complaint, document: object) -> UsageError:
    """The error that says ``complaint`` of ``document``, which was read from ``path``."""
    return UsageError(f"{path}: {complaint.describe(document)}", hint=complaint.remedy)
