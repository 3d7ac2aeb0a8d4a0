# SPDX-License-Identifier: MIT
"""Geometry files: every number with its source, checked, with messages that name the remedy."""

# DEVIATIONS.md: [machine]

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from ground.errors import UsageError
from ground.paths import PROJECT
from testbed.hardware.geometry import Core, Geometry
from testbed.hardware.sourced_numbers import Sourced, find_names, load_sourced

FOLDER = PROJECT / "experiments" / "geometry"


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
    return find_names(FOLDER)


def load_geometry(name: str) -> GeometryFile:
    """The geometry ``name`` of this project, or the file at the path ``name``; errors as
    `load_sourced`."""
    document = load_sourced("geometry", name, FOLDER)
    values = dict(document.values)
    core = values.pop("core", None)
    if core is None:
        raise UsageError(
            f"{document.path}: core is missing", hint="add a table [core], see banias-1400"
        )
    return GeometryFile(
        path=document.path,
        title=document.title,
        geometry=document.validate_as(Geometry, values),
        core=document.validate_as(Core, core, ("core",)),
        sources=document.sources,
    )
