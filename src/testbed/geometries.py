# SPDX-License-Identifier: MIT
"""Geometry files: every number with its source, checked, with messages that name the remedy."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ground.places import PROJECT
from ground.voice import UsageError
from testbed.geometry import Core, Geometry

FOLDER = PROJECT / "experiments" / "geometry"
LEAF_KEYS = {"value", "source", "sweep"}
M = TypeVar("M", bound=BaseModel)


class Sourced(BaseModel):
    """Where one number of a geometry file comes from, and the values that a sweep gives it."""

    model_config = ConfigDict(frozen=True)

    field: str
    value: str
    source: str
    sweep: tuple[str, ...] = ()

    @property
    def assumed(self) -> bool:
        """Whether no measurement backs this number."""
        return self.source.startswith("assumed")


class GeometryFile(BaseModel):
    """A geometry file: the two value objects that enter an experiment, and their sources."""

    model_config = ConfigDict(frozen=True)

    path: Path
    title: str
    geometry: Geometry
    core: Core
    sources: tuple[Sourced, ...]


def find_geometries() -> list[str]:
    """Names of the geometries that come with the project."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_geometry(name: str) -> GeometryFile:
    """The geometry ``name`` of this project, or the file at the path ``name``.

    Raises UsageError with the file, the field and the remedy if anything in it is wrong.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        raise UsageError(
            f"no geometry {name!r}",
            hint=f"choose one of {', '.join(find_geometries())} or give a path ending in .toml",
        )
    try:
        document = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {error}", hint="correct the TOML syntax there") from None
    return parse_geometry(document, path)


def parse_geometry(document: dict[str, Any], path: Path) -> GeometryFile:
    """Check a parsed geometry file; errors as `load_geometry`."""
    title = document.pop("title", None)
    if not isinstance(title, str):
        raise UsageError(f"{path}: title is missing", hint="add: title = 'what machine this is'")
    sources: list[Sourced] = []
    plain = _strip_sources(document, (), path, sources)
    core = plain.pop("core", None)
    if core is None:
        raise UsageError(f"{path}: core is missing", hint="add a table [core], see banias-1400")
    return GeometryFile(
        path=path,
        title=title,
        geometry=_validate(Geometry, plain, path, ""),
        core=_validate(Core, core, path, "core."),
        sources=tuple(sources),
    )


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
            hint="add sweep = [...], the values that the sensitivity experiment gives it",
        )
    return Sourced(field=field, value=str(entry["value"]), source=source, sweep=sweep)


def _validate(model: type[M], data: object, path: Path, prefix: str) -> M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = prefix + ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(
            f"{path}: {field.rstrip('.')}: {message}",
            hint=f"correct {field.rstrip('.') or 'the file'} in {path}",
        ) from None
