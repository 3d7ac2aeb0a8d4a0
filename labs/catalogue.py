# SPDX-License-Identifier: MIT
"""The labs that there are: each is a folder with a lab.toml, a README.md and two lists of tests."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from labs.grader.errors import USAGE, GraderError
from labs.grader.grading import Lab
from labs.grader.marks import Case
from labs.grader.submission import Wanted

HERE = Path(__file__).parent


@dataclass(frozen=True)
class LabFile:
    """lab.toml of one lab.

    ``modules`` are those of its Python modules that a hand-out's check needs: they must not
    contain what is hidden.  ``data`` are other files and folders that the hidden tests read,
    ``rooms`` packages of src/ that tests import.  ``packages`` are Debian's; ``needs`` are
    Python's, with versions.  ``minutes`` is what grading a full solution takes on two cores,
    measured.
    """

    name: str
    number: int
    title: str
    course: str
    weeks: float
    minutes: float
    memory_mb: int
    files: tuple[Wanted, ...]
    modules: tuple[str, ...]
    packages: tuple[str, ...]
    needs: tuple[str, ...]
    data: tuple[str, ...]
    rooms: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return HERE / self.name


def read_entry(path: Path) -> LabFile:
    """Read and check a lab.toml; GraderError names file, field and remedy."""
    data = tomllib.loads(path.read_text())
    try:
        files = tuple(Wanted(**one) for one in data.pop("files"))
        for name in ("modules", "packages", "needs", "data", "rooms"):
            data[name] = tuple(data.get(name, ()))
        return LabFile(name=path.parent.name, files=files, **data)
    except (KeyError, TypeError) as error:
        raise GraderError(
            f"{path}: {error}", hint="compare with the fields of labs.catalogue.LabFile"
        ) from None


def list_entries() -> list[LabFile]:
    """All labs, by number."""
    return sorted(map(read_entry, HERE.glob("*/lab.toml")), key=lambda entry: entry.number)


def find_entry(name: str) -> LabFile:
    """The lab ``name``, or the one of that number."""
    entries = list_entries()
    for entry in entries:
        if name in {entry.name, str(entry.number)}:
            return entry
    raise GraderError(
        f"no lab {name!r}", hint=f"choose one of {', '.join(e.name for e in entries)}", code=USAGE
    )


def load(entry: LabFile, *, hidden: bool = True) -> Lab:
    """The lab with its tests; a hand-out has the public ones alone."""
    parts = ("public", "hidden") if hidden else ("public",)
    cases: list[Case] = []
    for part in parts:
        cases += import_module(f"labs.{entry.name}.{part}").CASES
    return Lab(entry.name, entry.title, entry.files, tuple(cases))
