# SPDX-License-Identifier: MIT
"""Ends what a process has started, if that process is killed before it can do so itself.

The kernel can kill a child when its parent dies (`ground.process.die_with`), but not what that
child has started, such as the compilers below make.  So a process that starts programs has a
reaper: a shell in a session of its own, which reads from a pipe whose writing end that process
alone holds.  It is told of each process group, and when the pipe ends, however that came, it kills
the groups that are left.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import threading
from contextlib import suppress

SCRIPT = """
trap '' HUP INT TERM
groups=
while read -r change group; do
    left=
    for one in $groups; do
        [ "$one" = "$group" ] || left="$left $one"
    done
    groups=$left
    [ "$change" = - ] || groups="$groups $group"
done
for group in $groups; do
    kill -s KILL -- "-$group"
done
"""


class Reaper:
    """The reaper of this process; started when it is needed first, and again if it was killed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: set[int] = set()
        self._shell: subprocess.Popen[bytes] | None = None

    def watch(self, group: int) -> None:
        """Kill the process group ``group`` when this process ends, unless it is forgotten."""
        with self._lock:
            self._groups.add(group)
            self._tell(f"+ {group}\n")

    def forget(self, group: int) -> None:
        """The process group ``group`` is at its end."""
        with self._lock:
            self._groups.discard(group)
            self._tell(f"- {group}\n")

    def _tell(self, line: str) -> None:
        with suppress(BrokenPipeError):
            if self._shell and self._shell.stdin:
                self._shell.stdin.write(line.encode())
                return
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", SCRIPT],
            bufsize=0,
            cwd="/",
            env={"LC_ALL": "C"},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self._shell.stdin
        self._shell.stdin.write("".join(f"+ {group}\n" for group in self._groups).encode())

    def close(self) -> None:
        """Let it end, after it has killed what is left."""
        if self._shell and self._shell.stdin:
            self._shell.stdin.close()
            self._shell.wait()

    def leave_to_parent(self) -> None:
        """This process is a fork: the reaper and its groups are those of its parent."""
        if self._shell and self._shell.stdin:
            self._shell.stdin.close()
            self._shell.returncode = 0  # not a child of this process: nothing to wait for
        self._lock, self._groups, self._shell = threading.Lock(), set(), None


REAPER = Reaper()
os.register_at_fork(after_in_child=REAPER.leave_to_parent)
atexit.register(REAPER.close)
