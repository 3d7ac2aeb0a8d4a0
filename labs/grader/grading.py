# SPDX-License-Identifier: MIT
"""Grades one submission: takes it, runs the tests in order, reports as they come."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from labs.grader.bench import Bench, BuildError
from labs.grader.chance import PUBLISHED_SECRET
from labs.grader.errors import RefusalError
from labs.grader.marks import Case, Mark, Progress, Report, none
from labs.grader.sandbox import STUDENT_UID, Sandbox, SilenceError
from labs.grader.submission import Wanted, take


@dataclass(frozen=True)
class Lab:
    """A lab as the grader sees it; ``notes`` are told with every report."""

    name: str
    title: str
    wanted: tuple[Wanted, ...]
    cases: tuple[Case, ...]
    notes: tuple[str, ...] = ()

    def find_faults(self) -> list[str]:
        """What is wrong with the lab itself: names used twice, parents that come later."""
        faults, seen = [], set[str]()
        for case in self.cases:
            if case.name in seen:
                faults.append(f"{self.name}: two tests are called {case.name}")
            if case.parent and case.parent not in seen:
                faults.append(f"{self.name}: {case.name} comes before its parent {case.parent}")
            seen.add(case.name)
        return faults


def grade(
    lab: Lab,
    submission: Path,
    *,
    secret: str = PUBLISHED_SECRET,
    seed: int = 0,
    only: str = "",
    tell: Callable[[Report], None] = lambda _report: None,
) -> Report:
    """Grade ``submission``; ``only`` runs the tests whose name begins so, and their parents.

    ``tell`` gets the report after each test, so that a platform that stops the grader has what
    was known by then.
    """
    cases = keep(lab.cases, {case.name for case in lab.cases if case.name.startswith(only)})
    progress = Progress(lab.name, cases, tell, (*lab.notes, *find_notes()))
    tell(progress.report())
    base = Path(tempfile.mkdtemp(prefix="lab-"))
    try:
        base.chmod(0o711)
        folder = base / "work"
        folder.mkdir(mode=0o700)
        bench = Bench(folder, Sandbox(folder), secret, seed)
        try:
            take(submission, lab.wanted, folder)
        except RefusalError as refusal:
            for case in cases:
                progress.add(case, none(f"the submission was not taken: {refusal}"))
        else:
            give_all(bench)
            for case in cases:
                progress.add(case, _run(case, bench, progress))
    finally:
        shutil.rmtree(base, ignore_errors=True)
    report = progress.report(complete=True)
    tell(report)
    return report


def _run(case: Case, bench: Bench, progress: Progress) -> Mark:
    if case.parent and progress.find_failed(case.parent):
        return none(f"not run: mend {case.parent} first")
    try:
        return case.run(bench)
    except BuildError as error:
        return none(f"it does not compile:\n{error}")
    except SilenceError as error:
        return none(f"your program stopped answering: {error}")


def keep(cases: Sequence[Case], names: Set[str]) -> tuple[Case, ...]:
    """The cases of these names, and what they depend on."""
    chosen = set(names)
    for case in reversed(cases):
        if case.name in chosen and case.parent:
            chosen.add(case.parent)
    return tuple(case for case in cases if case.name in chosen)


def give_all(bench: Bench) -> None:
    """Make the folder and all in it the student's."""
    if not bench.sandbox.isolate_user:
        return
    for folder, _, files in os.walk(bench.folder):
        os.chown(folder, STUDENT_UID, STUDENT_UID)
        for name in files:
            os.chown(Path(folder) / name, STUDENT_UID, STUDENT_UID, follow_symlinks=False)


def find_notes() -> tuple[str, ...]:
    """What the sandbox cannot do here."""
    notes = []
    if os.geteuid() != 0:
        notes.append("not run as root: your programs run as the user who grades")
    elif is_open_to_all(Path(__file__)):
        notes.append("every user may read the grader: chmod go-rwx its folder")
    return tuple(notes)


def is_open_to_all(path: Path) -> bool:
    """Whether users without rights can read a file: it, and each folder on the way, lets them."""
    return bool(path.stat().st_mode & stat.S_IROTH) and all(
        folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents
    )


def hide(cases: Sequence[Case]) -> tuple[Case, ...]:
    """The same cases, marked as hidden."""
    return tuple(replace(case, hidden=True) for case in cases)
