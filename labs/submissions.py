# SPDX-License-Identifier: MIT
"""What the self-test hands in: the stub, the solution, and mutants of it."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labs.catalogue import HERE, LabFile
from labs.grader.errors import GraderError
from labs.handout import write_handout

SOLUTIONS = HERE / "solutions"
SECRET = "selftest"


@dataclass(frozen=True)
class Edit:
    """A text of a solution's file that a mutant has otherwise."""

    file: str
    find: str
    replace: str


@dataclass(frozen=True)
class Mutant:
    """A wrong solution: made by edits of the right one, or by a function of a script in the
    solution's folder.

    ``loses``: by test, the points that it must lose at least.  ``at_most``: its score, if given.
    ``published``: what it must get of the public tests with the published secret: it prints what
    these expect.  ``twice``: it is graded again, because its messages come from a crash or a loop.
    """

    name: str
    fault: str
    loses: dict[str, float] = field(default_factory=dict)
    at_most: float | None = None
    published: float | None = None
    edits: tuple[Edit, ...] = ()
    script: str = ""
    function: str = "mutate"
    twice: bool = False


def read_mutants(name: str) -> list[Mutant]:
    """The mutants of a lab."""
    data = tomllib.loads((SOLUTIONS / name / "mutants.toml").read_text())
    return [
        Mutant(**{**one, "edits": tuple(Edit(**edit) for edit in one.pop("edits", ()))})
        for one in data["mutants"]
    ]


@contextmanager
def prepare(entry: LabFile) -> Iterator[Path]:
    """A hand-out in a folder that goes with the block."""
    with tempfile.TemporaryDirectory(prefix="lab-selftest-") as name:
        folder = Path(name) / entry.name
        write_handout(entry, folder, secret=SECRET)
        yield folder


@contextmanager
def solve(entry: LabFile, mutant: Mutant | None = None) -> Iterator[Path]:
    """A hand-out with the solution in it, or with a mutant of it."""
    with prepare(entry) as folder:
        solution = SOLUTIONS / entry.name
        if (solution / "solve.py").exists():
            _import(solution / "solve.py").solve(folder)
        for one in entry.files:
            if not (solution / one.name).exists():
                continue
            if one.name.endswith("/"):
                shutil.copytree(solution / one.name, folder / one.name, dirs_exist_ok=True)
            else:
                shutil.copyfile(solution / one.name, folder / one.name)
        if mutant:
            _mutate(entry, mutant, folder)
        yield folder


def _mutate(entry: LabFile, mutant: Mutant, folder: Path) -> None:
    for edit in mutant.edits:
        path = folder / edit.file
        text = path.read_text()
        if text.count(edit.find) != 1:
            raise GraderError(
                f"mutant {mutant.name} of {entry.name}: its text is {text.count(edit.find)} times "
                f"in {edit.file}",
                hint=f"mend {SOLUTIONS / entry.name / 'mutants.toml'}",
            )
        path.write_text(text.replace(edit.find, edit.replace))
    if mutant.script:
        getattr(_import(SOLUTIONS / entry.name / mutant.script), mutant.function)(folder)


def _import(path: Path) -> Any:
    """A script of a solution, as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
