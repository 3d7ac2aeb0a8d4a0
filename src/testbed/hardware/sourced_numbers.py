# SPDX-License-Identifier: MIT
"""TOML files in which every number has its source: read, checked, with messages that name the
remedy.  Geometries and platforms are such files."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from ground.complaints import FieldPath
from ground.documents import check_document, parse_toml, read_text
from ground.errors import UsageError

LEAF_KEYS = {"value", "source", "sweep"}
M = TypeVar("M", bound=BaseModel)


class Sourced(BaseModel):
    """Where one number of a file comes from, and the values that a sweep gives it."""

    model_config = ConfigDict(frozen=True)

    field: str
    value: str
    source: str
    sweep: tuple[str, ...] = ()

    @property
    def assumed(self) -> bool:
        """Whether no measurement backs this number."""
        return self.source.startswith("assumed")


class SourcedDocument(BaseModel):
    """A file's title, its plain values, and where each of them comes from."""

    model_config = ConfigDict(frozen=True)

    path: Path
    title: str
    values: dict[str, Any]
    sources: tuple[Sourced, ...]

    def validate_as(self, model: type[M], values: dict[str, Any], below: FieldPath = ()) -> M:
        """``values``, a part of this file at the place ``below``, as a ``model``.  Raises
        UsageError."""
        return check_document(model, values, self.path, below)


def find_names(folder: Path) -> list[str]:
    """Names of the files of one kind that come with the project."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def load_sourced(kind: str, name: str, folder: Path) -> SourcedDocument:
    """The ``kind`` of file called ``name`` in ``folder``, or the one at the path ``name``.

    Raises UsageError with the file, the field and the remedy if anything in it is wrong.
    """
    path = Path(name) if name.endswith(".toml") else folder / f"{name}.toml"
    if not path.is_file():
        raise UsageError(
            f"no {kind} {name!r}",
            hint=f"choose one of {', '.join(find_names(folder))} or give a path ending in .toml",
        )
    return _parse(path, read_text(path))


@cache  # a design names its files once for every run
def _parse(path: Path, text: str) -> SourcedDocument:
    document = parse_toml(text, path)
    title = document.pop("title", None)
    if not isinstance(title, str):
        raise UsageError(f"{path}: title is missing", hint="add: title = 'what machine this is'")
    sources: list[Sourced] = []
    values = _strip_sources(document, (), path, sources)
    return SourcedDocument(path=path, title=title, values=values, sources=tuple(sources))


def _strip_sources(
    table: dict[str, Any], trail: tuple[str, ...], path: Path, sources: list[Sourced]
) -> dict[str, Any]:
    """``table`` with each ``{value, source}`` replaced by its value; the sources are collected."""
    plain: dict[str, Any] = {}
    for key, entry in table.items():
        field = ".".join((*trail, key))
        if not isinstance(entry, dict):
            if trail or key != "name":
                raise UsageError(
                    f"{path}: {field} = {entry!r} has no source",
                    hint=f'write {key} = {{ value = {entry!r}, source = "where it comes from" }}',
                )
            plain[key] = entry
        elif "value" in entry:
            plain[key] = entry["value"]
            sources.append(_read_leaf(field, entry, path))
        else:
            plain[key] = _strip_sources(entry, (*trail, key), path, sources)
    return plain


def _read_leaf(field: str, entry: dict[str, Any], path: Path) -> Sourced:
    if unknown := set(entry) - LEAF_KEYS:
        raise UsageError(
            f"{path}: {field} has the unknown key {sorted(unknown)[0]!r}",
            hint=f"allowed are {', '.join(sorted(LEAF_KEYS))}",
        )
    source = entry.get("source")
    if not isinstance(source, str) or not source.strip():
        raise UsageError(
            f"{path}: {field} has no source",
            hint='add source = "..."; if nobody measured it, write source = "assumed: why"',
        )
    sweep = tuple(str(value) for value in entry.get("sweep", ()))
    if source.startswith("assumed") and not sweep:
        raise UsageError(
            f"{path}: {field} is assumed but has no sweep",
            hint="add sweep = [...], the values that an experiment gives it",
        )
    return Sourced(field=field, value=str(entry["value"]), source=source, sweep=sweep)
