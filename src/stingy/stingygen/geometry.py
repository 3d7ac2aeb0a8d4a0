# SPDX-License-Identifier: MIT
"""The L2 of a geometry file: all that a memory map needs to know of a machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ground.documents import MisfitError, fit, read_toml
from ground.errors import UsageError
from ground.paths import PROJECT

FOLDER = PROJECT / "experiments" / "geometry"
PAGE_BYTES = 4096
SIZE_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "B": 1}


class L2(BaseModel):
    """The last cache level before memory, physically indexed.

    ``size_bytes`` = sets x ``ways`` x ``line_bytes``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: str
    size_bytes: Annotated[int, Field(gt=0)]
    ways: Annotated[int, Field(ge=1, le=64)]
    line_bytes: Annotated[int, Field(ge=16, le=256)]

    @property
    def sets(self) -> int:
        """Number of sets."""
        return self.size_bytes // (self.ways * self.line_bytes)

    @property
    def way_bytes(self) -> int:
        """Bytes of one way: the stretch of physical memory that covers each set once."""
        return self.sets * self.line_bytes

    @property
    def colours(self) -> int:
        """Page colours: pages of different colour never meet in a set."""
        return max(1, self.way_bytes // PAGE_BYTES)

    @model_validator(mode="after")
    def check_shape(self) -> Self:
        """Sets and lines are powers of two, and a way is whole pages."""
        for what, value in (("line", self.line_bytes), ("sets", self.sets)):
            if value < 1 or value & (value - 1):
                raise ValueError(f"{what} = {value} is not a power of two")
        if self.way_bytes * self.ways != self.size_bytes or self.way_bytes % PAGE_BYTES:
            raise ValueError(
                f"size = {self.size_bytes} with {self.ways} ways is not ways x whole pages "
                f"of {PAGE_BYTES} bytes"
            )
        return self


def find_geometries() -> list[str]:
    """Names of the geometries that come with the project."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_l2(name: str) -> L2:
    """The L2 of the geometry ``name`` of this project, or of the file at the path ``name``.

    Raises UsageError with file, field and remedy.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        raise UsageError(
            f"no geometry {name!r}",
            hint=f"choose one of {', '.join(find_geometries())} or give a path ending in .toml",
        )
    return _parse_l2(read_toml(path), path)


def _parse_l2(document: dict[str, Any], path: Path) -> L2:
    section = document.get("l2")
    if not isinstance(section, dict):
        raise UsageError(
            f"{path}: section [l2] is missing",
            hint="add [l2] with size, ways, line: numbers, or { value = ..., source = ... }",
        )
    numbers = {field: _read_bytes(section, field, path) for field in ("size", "ways", "line")}
    try:
        return fit(
            L2,
            {
                "machine": str(document.get("name", path.stem)),
                "size_bytes": numbers["size"],
                "ways": numbers["ways"],
                "line_bytes": numbers["line"],
            },
        )
    except MisfitError as misfit:
        field = ".".join(["l2", *(str(f).removesuffix("_bytes") for f in misfit.complaint.field)])
        raise UsageError(
            f"{path}: {field}: {misfit.complaint.problem}",
            hint="give size = ways x line x a power of two, as CPUID reports them",
        ) from None


def _read_bytes(section: dict[str, Any], field: str, path: Path) -> int:
    """A whole number, or a size like "1MiB", bare or under ``value``."""
    leaf = section.get(field)
    value = leaf.get("value") if isinstance(leaf, dict) else leaf
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return parse_bytes(value)
        except ValueError:
            pass
    raise UsageError(
        f"{path}: l2.{field} = {value!r} is not a size", hint="write a number, or one like '1MiB'"
    )


def parse_bytes(text: str) -> int:
    """Bytes from ``"768KiB"``, ``"1MiB"``, ``"64B"`` or ``"4096"``; ValueError otherwise."""
    for unit, factor in SIZE_UNITS.items():
        if text.endswith(unit):
            return int(text.removesuffix(unit)) * factor
    return int(text)
