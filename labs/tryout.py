# SPDX-License-Identifier: MIT
"""Runs a packed grader by Gradescope's rules in a fresh Debian root."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ground import process
from ground.errors import ArtifactError, UsageError
from ground.terminal import complete_step
from labs.catalogue import Entry
from labs.pack import pack

FORMS: dict[str, Any] = {  # of results.json, by key of a test
    "name": str, "score": (int, float), "max_score": (int, float), "status": str,
    "output": str, "visibility": str,
}  # fmt: skip
VISIBILITIES = {"hidden", "after_due_date", "after_published", "visible"}


def try_pack(entry: Entry, submission: Path) -> float:
    """Pack the grader, install it in a fresh root, grade ``submission``; the score.

    ArtifactError if setup.sh or run_autograder fails, or results.json is not what Gradescope takes.
    """
    if not submission.is_dir():
        raise UsageError(f"{submission} is not a folder", hint="give the folder of a submission")
    with tempfile.TemporaryDirectory(prefix="lab-tryout-") as name:
        root = Path(name) / "root"
        with complete_step("a fresh Debian root"):
            process.run(["mmdebstrap", "--variant=apt", "bookworm", root])
        _use_our_mirrors(root)
        home = root / "autograder"
        (home / "results").mkdir(parents=True)
        shutil.copytree(submission, home / "submission", symlinks=True)
        _unpack(entry, Path(name) / "pack.zip", home / "source")
        with _mounted(root):
            for step in ("setup.sh", "run_autograder"):
                with complete_step(step):
                    process.run(["chroot", root, f"/autograder/source/{step}"])
        return check_results((home / "results/results.json").read_text())


def _use_our_mirrors(root: Path) -> None:
    """The host's package sources and name service: the root is Debian's, the mirror may be ours."""
    for name in ("apt.conf.d", "sources.list.d"):
        shutil.copytree(Path("/etc/apt") / name, root / "etc/apt" / name, dirs_exist_ok=True)
    if Path("/etc/apt/sources.list").exists():
        shutil.copyfile("/etc/apt/sources.list", root / "etc/apt/sources.list")
    else:
        (root / "etc/apt/sources.list").unlink(missing_ok=True)
    for name in ("resolv.conf", "hosts"):
        shutil.copyfile(Path("/etc") / name, root / "etc" / name)


def _unpack(entry: Entry, archive: Path, target: Path) -> None:
    pack(entry, "gradescope", archive, secret="tryout", roster=None)
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            opened.extract(info, target)
            (target / info.filename).chmod(info.external_attr >> 16)


@contextmanager
def _mounted(root: Path) -> Iterator[None]:
    process.run(["mount", "-t", "proc", "proc", root / "proc"])
    try:
        yield
    finally:
        process.run(["umount", root / "proc"])


def check_results(text: str) -> float:
    """The score of a results.json; ArtifactError if it is not as Gradescope's documents say."""
    data = json.loads(text)
    wrong = [
        f"test {number}: {key}"
        for number, test in enumerate(data["tests"], 1)
        for key, form in FORMS.items()
        if not isinstance(test.get(key), form)
    ]
    wrong += [
        f"test {number}: unknown visibility"
        for number, test in enumerate(data["tests"], 1)
        if test.get("visibility") not in VISIBILITIES
    ]
    if not isinstance(data.get("score"), int | float) or not data["tests"] or wrong:
        raise ArtifactError(
            f"results.json is not what Gradescope takes: {', '.join(wrong) or 'no score or tests'}",
            hint="compare labs/grader/writers.py with Gradescope's documents",
        )
    return float(data["score"])
