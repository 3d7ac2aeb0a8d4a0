# SPDX-License-Identifier: MIT
"""Packs the grader of a lab for a platform: a zip with the same bytes each time."""

from __future__ import annotations

import csv
import io
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from labs.catalogue import LabFile
from labs.grader.errors import USAGE, GraderError
from labs.handout import copy_package, copy_rooms, format_wanted

TIMESTAMP = (2006, 11, 14, 0, 0, 0)
BASE_PACKAGES = ("python3",)  # 3.11 or later

GRADE = '''#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Grades a submission for the lab "{title}": grade.py FOLDER [--format FORMAT]"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "package"))
sys.dont_write_bytecode = True

from labs.grader.command import main
from labs.grader.grading import Lab
from labs.grader.roster import find_seed
from labs.grader.submission import Wanted
from labs.{name} import hidden, public

WANTED = (
{wanted})
LAB = Lab("{name}", "{title}", WANTED, (*public.CASES, *hidden.CASES))
SECRET = (HERE / "secret").read_text().strip()
sys.exit(main(LAB, secret=SECRET, seed=find_seed(HERE / "roster.csv")))
'''

SETUP = """#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs what the grader of the lab "{title}" needs on Debian 12 or Ubuntu 24.04, as root.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends {packages}
"""

VENV = """
# Python packages, in an environment of their own
python3 -m venv {where}/python
{where}/python/bin/python -m pip install --quiet {needs}
"""

RUN_GRADESCOPE = """#!/bin/sh
# SPDX-License-Identifier: MIT
# What Gradescope runs for each submission, as root.  The score is in results.json, so that the
# grader's "not all points" (exit status 1) is no failure here.
set -u
chmod -R go-rwx /autograder/source
mkdir -p /autograder/results
{python} /autograder/source/grade.py /autograder/submission \\
    --format gradescope --results /autograder/results/results.json
[ $? -le 1 ]
"""

AUTOLAB_MAKEFILE = """# SPDX-License-Identifier: MIT
# What Autolab runs for each submission: {files}, handed in as {handin}
all:
\ttar xf autograde.tar
\tmkdir -p submission
\ttar xf {handin} -C submission
\tpython3 autograde/grade.py submission --format autolab || [ $$? -eq 1 ]
"""


def pack(entry: LabFile, platform: str, target: Path, *, secret: str, roster: Path | None) -> None:
    """Write the zip ``target``; GraderError if there is no such platform."""
    if platform not in PLATFORMS:
        raise GraderError(
            f"no platform {platform!r}", hint=f"choose one of {', '.join(PLATFORMS)}", code=USAGE
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "pack"
        folder.mkdir()
        PLATFORMS[platform](entry, folder, secret, roster)
        _zip(folder, target)


def _pack_grader(entry: LabFile, folder: Path, secret: str, roster: Path | None) -> None:
    """grade.py and all that it imports; the solution is never among it."""
    modules = tuple(path.name for path in entry.folder.glob("*.py") if path.name != "__init__.py")
    copy_package(entry, folder / "package" / "labs", modules)
    for one in entry.data:
        source, target = entry.folder / one, folder / "package" / "labs" / entry.name / one
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
    copy_rooms(entry, folder / "package")
    text = GRADE.format(name=entry.name, title=entry.title, wanted=format_wanted(entry))
    _write_program(folder / "grade.py", text)
    (folder / "secret").write_text(secret + "\n")
    if roster:
        read_roster(roster)
        shutil.copyfile(roster, folder / "roster.csv")


def read_roster(path: Path) -> dict[str, int]:
    """Seeds by e-mail address; GraderError names the line that is none."""
    seeds = {}
    for number, row in enumerate(csv.reader(path.read_text().splitlines()), 1):
        if len(row) != 2 or not row[1].strip().isdecimal():
            raise GraderError(
                f"{path}, line {number}: not an address and a seed",
                hint="write lines such as ada@example.org,17",
                code=USAGE,
            )
        seeds[row[0].strip().lower()] = int(row[1])
    return seeds


def _write_setup(entry: LabFile, path: Path, where: str) -> None:
    packages = (*BASE_PACKAGES, *entry.packages, *(("python3-venv",) if entry.needs else ()))
    text = SETUP.format(title=entry.title, packages=" ".join(packages))
    if entry.needs:
        text += VENV.format(where=where, needs=" ".join(entry.needs))
    _write_program(path, text)


def _pack_gradescope(entry: LabFile, folder: Path, secret: str, roster: Path | None) -> None:
    _pack_grader(entry, folder, secret, roster)
    _write_setup(entry, folder / "setup.sh", "/autograder")
    python = "/autograder/python/bin/python" if entry.needs else "python3"
    _write_program(folder / "run_autograder", RUN_GRADESCOPE.format(python=python))


def _pack_plain(entry: LabFile, folder: Path, secret: str, roster: Path | None) -> None:
    _pack_grader(entry, folder, secret, roster)
    _write_setup(entry, folder / "setup.sh", "/opt/lab")


def _pack_autolab(entry: LabFile, folder: Path, secret: str, roster: Path | None) -> None:
    inner = folder / "autograde"
    inner.mkdir()
    _pack_grader(entry, inner, secret, roster)
    _tar(inner, folder / "autograde.tar")
    shutil.rmtree(inner)
    files = " ".join(one.name for one in entry.files)
    text = AUTOLAB_MAKEFILE.format(files=files, handin="handin.tar")
    if entry.needs:
        text = text.replace("python3 ", "/opt/lab/python/bin/python ")
    (folder / "autograde-Makefile").write_text(text)
    _write_setup(entry, folder / "setup.sh", "/opt/lab")


PLATFORMS: dict[str, Callable[[LabFile, Path, str, Path | None], None]] = {
    "gradescope": _pack_gradescope,
    "autolab": _pack_autolab,
    "plain": _pack_plain,
}


def _write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _list_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _zip(folder: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _list_files(folder):
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), TIMESTAMP)
            info.external_attr = (0o755 if path.stat().st_mode & 0o100 else 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, path.read_bytes())


def _tar(folder: Path, target: Path) -> None:
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as archive:
        for path in _list_files(folder):
            info = tarfile.TarInfo((folder.name / path.relative_to(folder)).as_posix())
            info.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            data = path.read_bytes()
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
