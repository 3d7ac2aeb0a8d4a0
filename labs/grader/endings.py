# SPDX-License-Identifier: MIT
"""How a program ended, and why not well: in the same words each time that it ends so."""

from __future__ import annotations

import re
from dataclasses import dataclass

MIB = 1 << 20
MESSAGE_LINES = 12
FIRST_LINES = 4  # of what a program said
LAST_CALLS = 2  # of a traceback
CARETS = re.compile(r"\s*[~^]+\s*")
CHANGING = re.compile(r"0x[0-9a-f]+|==\d+==")  # from run to run: addresses, process numbers


@dataclass(frozen=True)
class Limits:
    """What a student's program may use.  ``wall_s`` is generous: processor time decides."""

    cpu_s: int = 10
    wall_s: float = 40.0
    memory_bytes: int | None = 512 * MIB  # of address space; None: sanitizers need terabytes
    output_bytes: int = 16 * MIB
    processes: int = 64


@dataclass(frozen=True)
class Raw:
    """How a program ended, and what it wrote.

    ``ended``: "exit", "signal NAME", "processor time", "wall clock" or "output".
    """

    ended: str
    status: int
    stdout: bytes
    stderr: bytes

    @property
    def ran(self) -> bool:
        """Whether it came to its end by itself, with status 0."""
        return self.ended == "exit" and self.status == 0

    def describe(self, limits: Limits) -> str:
        """One sentence for the student."""
        if self.ended == "processor time":
            return f"it used more than {limits.cpu_s} s of processor time: is there a loop?"
        if self.ended == "wall clock":
            return f"it did not end within {limits.wall_s:.0f} s: does it wait for something?"
        if self.ended == "output":
            return f"it wrote more than {limits.output_bytes // MIB} MiB"
        if self.ended != "exit":
            return f"it was ended by {self.ended.removeprefix('signal ')}"
        return f"it ended with exit status {self.status}"


def shorten(text: str, lines: int = MESSAGE_LINES) -> str:
    """The first lines of ``text``, for a message."""
    found = [line.rstrip()[:200] for line in text.strip().splitlines()]
    return "\n".join(found[:lines]) + ("\n..." if len(found) > lines else "")


def explain_end(raw: Raw, limits: Limits) -> str:
    """Why a program did not end well: the sanitizer's summary, or how it ended and what it said.

    Process numbers and addresses are left out, so that equal submissions give equal messages.
    """
    said = raw.stderr.decode(errors="replace")
    if found := re.search(r"SUMMARY: (\w+): ([\w-]+) (\S*?)([\w.-]+:\d+)(?::\d+)?(.*)", said):
        where = found.group(4)
        return f"{found.group(1)} stopped it: {found.group(2)} at {where}{_in(found.group(5))}"
    if found := re.search(r"([\w.-]+:\d+):\d+: runtime error: (.*)", said):
        what = CHANGING.sub("...", found.group(2))
        return f"UndefinedBehaviorSanitizer stopped it at {found.group(1)}: {what}"
    if found := re.search(r"ERROR: (AddressSanitizer): ([\w-]+)", said):
        return f"{found.group(1)} stopped it: {found.group(2)}"
    tail = _quote(CHANGING.sub("...", said))
    return raw.describe(limits) + (f"\n{tail}" if tail else "")


def _in(text: str) -> str:
    found = re.search(r"in (\w+)", text)
    return f" in {found.group(1)}()" if found else ""


def _quote(said: str) -> str:
    """The lines that tell: of a traceback of Python the last calls, of all else the first."""
    _, traceback, calls = said.rpartition("Traceback (most recent call last):\n")
    if not traceback:
        return shorten(said, FIRST_LINES)
    lines = [line.strip() for line in calls.splitlines() if not CARETS.fullmatch(line)]
    starts = [number for number, line in enumerate(lines) if line.startswith("File ")]
    return shorten("\n".join(lines[starts[-LAST_CALLS] if len(starts) >= LAST_CALLS else 0 :]))
