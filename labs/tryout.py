# SPDX-License-Identifier: MIT
"""Runs a packed grader by Gradescope's rules in a fresh Debian root.

The rules: the zip's content is in /autograder/source, and setup.sh is run there once, when an image
is built; run_autograder is copied to /autograder and run there as root, for a submission in
/autograder/submission; results/results.json is what counts, and it must be there in ten minutes.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ground import process
from ground.errors import ArtifactError, ExitCode, UsageError
from ground.terminal import complete_step
from labs.catalogue import LabFile, load
from labs.grader.grading import grade
from labs.grader.writers import write_gradescope
from labs.pack import pack

RELEASE = "bookworm"
TIMEOUT_S = 600  # the platform's default for run_autograder
FORMS: dict[str, Any] = {  # of results.json, by key of a test
    "name": str, "score": (int, float), "max_score": (int, float), "status": str,
    "output": str, "visibility": str,
}  # fmt: skip
VISIBILITIES = {"hidden", "after_due_date", "after_published", "visible"}
CLIENTS = ("/etc/pip.conf", "~/.config/pip/pip.conf", "/etc/resolv.conf", "/etc/hosts")
# The host's certificates, where ca-certificates, which setup.sh may install, writes none anew.
CERTIFICATES = "/etc/ssl/host-certificates.crt"
CERTIFICATES_HERE = "/etc/ssl/certs/ca-certificates.crt"
TRUST = {"PIP_CERT": CERTIFICATES, "SSL_CERT_FILE": CERTIFICATES}


def try_pack(entry: LabFile, submission: Path, *, secret: str) -> float:
    """Pack the grader, install it in a fresh root, grade ``submission``; the score.

    ArtifactError if setup.sh or run_autograder fails, if results.json is not what Gradescope takes,
    or if it has other bytes than grading here gives.
    """
    if not submission.is_dir():
        raise UsageError(f"{submission} is not a folder", hint="give the folder of a submission")
    if os.geteuid() != 0:
        raise UsageError("a root can only be made by root", hint="give the command with sudo")
    with tempfile.TemporaryDirectory(prefix="lab-tryout-") as name:
        root = Path(name) / "root"
        with complete_step(f"a fresh root of Debian {RELEASE}"):
            process.run(["mmdebstrap", "--variant=apt", RELEASE, root])
            use_our_mirrors(root)
        home = lay_out(entry, root, submission, secret)
        with _mounted(root):
            with complete_step("setup.sh"):
                process.run(["chroot", root, "/autograder/source/setup.sh"], env=TRUST)
            with complete_step("run_autograder"):
                run_autograder(root)
        text = read_results(home)
    score = check_results(text)
    with complete_step("the same, graded here"):
        check_same(text, write_gradescope(grade(load(entry), submission, secret=secret)))
    return score


def use_our_mirrors(root: Path) -> None:
    """The host's package sources and name service: the root is Debian's, the mirror may be ours."""
    for name in ("apt.conf.d", "sources.list.d"):
        shutil.copytree(Path("/etc/apt") / name, root / "etc/apt" / name, dirs_exist_ok=True)
    if Path("/etc/apt/sources.list").exists():
        shutil.copyfile("/etc/apt/sources.list", root / "etc/apt/sources.list")
    else:
        (root / "etc/apt/sources.list").unlink(missing_ok=True)
    bundle = next((os.environ[name] for name in TRUST if name in os.environ), CERTIFICATES_HERE)
    clients = [Path(name).expanduser() for name in CLIENTS]
    copies = {path: root / path.relative_to("/") for path in clients}
    copies[Path(bundle)] = root / CERTIFICATES.lstrip("/")
    for path, target in copies.items():
        if path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copyfile(path, target)


def lay_out(entry: LabFile, root: Path, submission: Path, secret: str) -> Path:
    """/autograder as the platform makes it."""
    home = root / "autograder"
    (home / "results").mkdir(parents=True)
    shutil.copytree(submission, home / "submission", symlinks=True)
    packed = root / "pack.zip"
    pack(entry, "gradescope", packed, secret=secret, roster=None)
    with zipfile.ZipFile(packed) as opened:
        for info in opened.infolist():
            opened.extract(info, home / "source")
            (home / "source" / info.filename).chmod(info.external_attr >> 16)
    packed.unlink()
    shutil.copy(home / "source/run_autograder", home / "run_autograder")
    return home


def run_autograder(root: Path) -> None:
    """Run it in /autograder, within the platform's time; what it prints is kept as there."""
    log = root / "autograder/results/stdout"
    argv: list[str | Path] = ["chroot", root, "sh", "-c"]
    argv.append("cd /autograder && exec ./run_autograder")
    try:
        process.run(argv, log=log, timeout_s=TIMEOUT_S)
    except process.ProcessError as error:
        said = log.read_text(errors="replace").strip() if log.exists() else ""
        raise ArtifactError(
            f"{error.message}\n{said[-2000:]}".strip(),
            hint="run_autograder of labs/pack.py is what the platform calls",
        ) from None


@contextmanager
def _mounted(root: Path) -> Iterator[None]:
    process.run(["mount", "-t", "proc", "proc", root / "proc"])
    try:
        yield
    finally:
        process.run(["umount", root / "proc"])


def read_results(home: Path) -> str:
    """results.json; ArtifactError if there is none."""
    path = home / "results/results.json"
    if not path.is_file():
        raise ArtifactError(
            "run_autograder wrote no results/results.json",
            hint="compare labs/pack.py with Gradescope's documents",
        )
    return path.read_text()


def check_results(text: str) -> float:
    """The score of a results.json; ArtifactError if it is not as Gradescope's documents say."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise _refuse([f"no JSON: {error}"]) from None
    tests = data.get("tests") if isinstance(data, dict) else None
    if not isinstance(tests, list) or not tests or not isinstance(data.get("score"), int | float):
        raise _refuse(["no score or no tests"])
    wrong = []
    for number, test in enumerate(tests, 1):
        wrong += [
            f"test {number}: {key}"
            for key, form in FORMS.items()
            if not isinstance(test.get(key), form)
        ]
        if test.get("visibility") not in VISIBILITIES:
            wrong.append(f"test {number}: unknown visibility")
    if not wrong and round(sum(test["score"] for test in tests), 2) != data["score"]:
        wrong.append("the score is not that of all tests together")
    if wrong:
        raise _refuse(wrong)
    return float(data["score"])


def _refuse(wrong: list[str]) -> ArtifactError:
    return ArtifactError(
        f"results.json is not what Gradescope takes: {', '.join(wrong)}",
        hint="compare labs/grader/writers.py with Gradescope's documents",
    )


def check_same(there: str, here: str) -> None:
    """Both reports have the same bytes; ArtifactError names the tests that differ."""
    if there == here:
        return
    one, other = (json.loads(text)["tests"] for text in (there, here))
    differing = [a["name"] for a, b in zip(one, other, strict=False) if a != b]
    raise ArtifactError(
        f"graded in the root and here, these differ: {', '.join(differing) or 'not the tests'}",
        hint="other versions of the compiler? Compare the two reports test by test",
        code=ExitCode.DOES_NOT_HOLD,
    )
