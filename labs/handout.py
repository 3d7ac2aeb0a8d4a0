# SPDX-License-Identifier: MIT
"""Writes what a student gets: the text, stubs, given files, and a check with the public tests."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path

from labs.catalogue import HERE, LabFile, load
from labs.grader.chance import PUBLISHED_SECRET
from labs.grader.errors import USAGE, GraderError

SOURCES = HERE.parent / "src"
NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.pyc")
CHECK = '''#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the public tests of this lab on the files beside it: ./check --help"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYTHON = HERE / ".venv/bin/python"  # made by ./setup, in labs that need packages
if PYTHON.exists() and Path(sys.prefix) != HERE / ".venv":
    os.execv(PYTHON, [str(PYTHON), *sys.argv])
sys.path.insert(0, str(HERE / ".grader"))
sys.dont_write_bytecode = True

from labs.grader.command import main
from labs.grader.grading import Lab
from labs.grader.submission import Wanted
from labs.{name}.public import CASES

WANTED = (
{wanted})
NOTE = "{note}"
sys.exit(main(Lab("{name}", "{title}", WANTED, tuple(CASES), (NOTE,)), seed={seed}))
'''

SETUP = """#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Python packages that ./check needs, into .venv beside it.
set -eu
cd "$(dirname "$0")"
python3 -m venv .venv
.venv/bin/python -m pip install --quiet {needs}
"""


def write_handout(
    entry: LabFile, target: Path, *, seed: int = 0, secret: str = PUBLISHED_SECRET
) -> None:
    """Copy the hand-out of a lab to ``target``, which must not exist or be empty.

    Where a task differs from one student to the next, ``seed`` and the course's ``secret`` decide
    it; the secret itself is not written.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise GraderError(
            f"{target} exists",
            hint="name a folder that does not exist, or an empty one",
            code=USAGE,
        )
    shutil.copytree(entry.folder / "handout", target, ignore=NOT_COPIED, dirs_exist_ok=True)
    for path in (entry.folder / "README.md", *entry.folder.glob("*.svg")):
        shutil.copyfile(path, target / path.name)
    _write_check(entry, target, seed)
    import_module(f"labs.{entry.name}.public").prepare(target, seed, secret)


def _write_check(entry: LabFile, target: Path, seed: int) -> None:
    package = target / ".grader" / "labs"
    copy_package(entry, package, entry.modules)
    copy_rooms(entry, package.parent)
    wanted = format_wanted(entry)
    check = target / "check"
    note = (
        f"these are {count_points(entry, hidden=False)} of {count_points(entry)} points; the "
        "course's grader has other inputs, and the tests for the rest"
    )
    check.write_text(
        CHECK.format(name=entry.name, title=entry.title, wanted=wanted, seed=seed, note=note)
    )
    check.chmod(0o755)
    if entry.needs:
        setup = target / "setup"
        setup.write_text(SETUP.format(needs=" ".join(entry.needs)))
        setup.chmod(0o755)


def count_points(entry: LabFile, *, hidden: bool = True) -> int:
    """What the tests are worth, all of them or the public ones."""
    return sum(case.points for case in load(entry, hidden=hidden).cases)


def format_wanted(entry: LabFile) -> str:
    """The files of a submission as Python, a line each."""
    return "".join(
        f"    Wanted({one.name!r}, {one.max_bytes}, {one.max_files}),\n" for one in entry.files
    )


def copy_package(entry: LabFile, package: Path, modules: tuple[str, ...]) -> None:
    """The grader core, and ``modules`` and the given files of one lab, as the package labs."""
    shutil.copytree(HERE / "grader", package / "grader", ignore=NOT_COPIED)
    own = package / entry.name
    shutil.copytree(entry.folder / "handout", own / "handout", ignore=NOT_COPIED)
    for name in ("__init__.py", *modules):
        shutil.copyfile(entry.folder / name, own / name)
    shutil.copyfile(HERE / "__init__.py", package / "__init__.py")


def copy_rooms(entry: LabFile, folder: Path) -> None:
    """The packages of src/ that a lab's tests import."""
    for room in entry.rooms:
        shutil.copytree(SOURCES / room, folder / room, ignore=NOT_COPIED)
