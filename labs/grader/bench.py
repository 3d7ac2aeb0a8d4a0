# SPDX-License-Identifier: MIT
"""What a test works with: the student's files, our files beside them, the sandbox, the chance."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from labs.grader.chance import Chance
from labs.grader.endings import Limits, shorten
from labs.grader.sandbox import STUDENT_UID, Sandbox

T = TypeVar("T")

STRICT = ("-std=gnu11", "-Wall", "-g", "-ftrivial-auto-var-init=pattern")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
COMPILER_LIMITS = Limits(cpu_s=30, wall_s=120.0, memory_bytes=None)
SANITIZED_LIMITS = Limits(cpu_s=10, wall_s=60.0, memory_bytes=None)


class BuildError(Exception):
    """The student's sources do not compile; the message is the compiler's."""


@dataclass
class Bench:
    """``folder`` holds the student's files, owned by the student's user.

    ``secret`` is the course's: hidden inputs derive from it.  ``seed`` is the student's own, for
    labs whose task differs from one student to the next.
    """

    folder: Path
    sandbox: Sandbox
    secret: str
    seed: int = 0
    _made: dict[str, object] = field(default_factory=dict)

    def chance(self, purpose: str) -> Chance:
        """Random numbers for ``purpose``, known only to who knows the secret."""
        return Chance(self.secret, purpose)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` gives, made when it is asked for first.  BuildError is kept too."""
        if name not in self._made:
            try:
                self._made[name] = make()
            except BuildError as error:
                self._made[name] = error
        made = self._made[name]
        if isinstance(made, BuildError):
            raise made
        return cast(T, made)

    def add(self, source: Path, name: str = "") -> str:
        """Put a file of ours beside the student's, over any that has its name."""
        target = self.folder / (name or source.name)
        if target.is_symlink() or target.exists():
            target.unlink()
        shutil.copyfile(source, target)
        self.give(target)
        return target.name

    def write(self, name: str, data: bytes) -> str:
        """The same for data."""
        target = self.folder / name
        if target.is_symlink() or target.exists():
            target.unlink()
        target.write_bytes(data)
        self.give(target)
        return name

    def give(self, path: Path) -> None:
        """Make ``path`` the student's."""
        if self.sandbox.isolate_user:
            os.chown(path, STUDENT_UID, STUDENT_UID, follow_symlinks=False)

    def compile(self, program: str, sources: Sequence[str], *flags: str) -> str:
        """Compile C with our flags, as the student's user; BuildError says what gcc said."""
        self.add_folder()
        argv = ["gcc", *STRICT, *(flags or ("-O1",)), "-o", program, *sources, "-lm"]
        raw = self.sandbox.run(argv, limits=COMPILER_LIMITS)
        if not raw.ran:
            why = raw.stderr.decode(errors="replace").strip() or raw.describe(COMPILER_LIMITS)
            raise BuildError(shorten(why))
        return f"./{program}"

    def add_folder(self) -> None:
        """See that the student's folder is writable by the student's user."""
        self.give(self.folder)
