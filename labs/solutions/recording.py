# SPDX-License-Identifier: MIT
"""What a right solution prints in the public tests with the published secret.

Mutants called "printer" print just that, whatever they are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from unittest.mock import patch

from labs.catalogue import find_entry, load
from labs.grader.endings import Limits, Raw
from labs.grader.grading import grade
from labs.grader.sandbox import Conversation, Sandbox
from labs.submissions import solve

FNV_START, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3
PRINTER = """\
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
	uint64_t key;
	const char *text;
} recorded[] = {
%s
};

/* If the rest of the input is a known one, say what is expected, and end. */
static void print_recorded(void)
{
	static unsigned char rest[1 << 22];
	size_t length = fread(rest, 1, sizeof(rest), stdin);
	uint64_t key = FNV_STARTULL;

	for (size_t i = 0; i < length; i++)
		key = (key ^ rest[i]) * FNV_PRIMEULL;
	for (size_t i = 0; i < sizeof(recorded) / sizeof(*recorded); i++) {
		if (recorded[i].key != key)
			continue;
		for (const char *c = recorded[i].text; *c; c++)
			putchar(*c == ';' ? '\\n' : *c);
		fflush(stdout);
		_Exit(0);
	}
}
"""


@dataclass
class Record:
    """``runs``: input and output of each program that ran to its end.  ``talks``: of each
    conversation the first line that was said to it, and all that it answered."""

    runs: list[tuple[bytes, bytes]] = field(default_factory=list)
    talks: dict[Conversation, list[str]] = field(default_factory=dict)


def record(name: str) -> Record:
    """Grade the solution of a lab as a student would who runs ./check, and listen."""
    found = Record()
    run, say, hear = Sandbox.run, Conversation.say, Conversation.hear

    def run_and_keep(
        box: Sandbox, argv: Sequence[str], *, stdin: bytes = b"", limits: Limits | None = None
    ) -> Raw:
        raw = run(box, argv, stdin=stdin, limits=limits)
        found.runs.append((stdin, raw.stdout))
        return raw

    def say_and_keep(talk: Conversation, line: str) -> None:
        found.talks.setdefault(talk, [line])
        say(talk, line)

    def hear_and_keep(talk: Conversation) -> str:
        line = hear(talk)
        found.talks[talk].append(line)
        return line

    entry = find_entry(name)
    with (
        patch.object(Sandbox, "run", run_and_keep),
        patch.object(Conversation, "say", say_and_keep),
        patch.object(Conversation, "hear", hear_and_keep),
        solve(entry) as folder,
    ):
        grade(load(entry, hidden=False), folder)
    return found


def write_printer(found: Record, skip: Callable[[bytes], int]) -> str:
    """print_recorded() in C.  ``skip``: how much of an input was read before it is called."""
    rows = [
        f'{{ {_hash(given[skip(given) :]):#x}, "{text.decode()}" }},'
        for given, out in found.runs
        if given and b";" not in out
        for text in [out.replace(b"\n", b";")]
    ]
    text = PRINTER.replace("%s", "\n".join(rows))
    return text.replace("FNV_START", hex(FNV_START)).replace("FNV_PRIME", hex(FNV_PRIME))


def _hash(data: bytes) -> int:
    key = FNV_START
    for byte in data:
        key = (key ^ byte) * FNV_PRIME % (1 << 64)
    return key
