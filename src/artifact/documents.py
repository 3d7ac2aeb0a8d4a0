# SPDX-License-Identifier: MIT
"""TOML files of this room: frozen models, and errors that name file, field and remedy."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ground.voice import UsageError

M = TypeVar("M", bound=BaseModel)


class Strict(BaseModel):
    """Base of what is read from TOML: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def parse_document(model: type[M], text: str, path: Path) -> M:
    """``text``, the content of ``path``, as a ``model``.  Raises UsageError if it is none."""
    try:
        return model.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {error}", hint="correct the TOML syntax there") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{path}: {where}: {message}", hint=f"correct {path}") from None
