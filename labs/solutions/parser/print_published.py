# SPDX-License-Identifier: MIT
"""A mutant whose parser prints the right answers to the published inputs, and parses nothing."""

from __future__ import annotations

from pathlib import Path

from labs.solutions.recording import record, write_printer

PROGRAM = """
#include "parser.h"

long parse_request(const uint8_t *data, size_t length, struct request *request)
{
	(void)data;
	(void)length;
	(void)request;
	print_recorded();
	return INCOMPLETE;
}

size_t print_request(const struct request *request, char *buffer, size_t size)
{
	(void)request;
	(void)buffer;
	return size;
}
"""
LAW = '#include "parser.h"\nbool law_holds(const uint8_t *d, size_t n) { return d && n; }\n'
INPUTS = (b"GET / HTTP/1.1\r\n\r\n", b"HEAD / HTTP/1.0\r\n\r\n")


def skip_first(given: bytes) -> int:
    """run.c has read the first input when it calls the parser."""
    return 4 + int.from_bytes(given[:4], "little")


def mutate(folder: Path) -> None:
    """Write the program over the solution, with a law and inputs that are none."""
    (folder / "parser.c").write_text(write_printer(record("parser"), skip_first) + PROGRAM)
    (folder / "law.c").write_text(LAW)
    for path in (folder / "inputs").iterdir():
        path.unlink()
    for number, data in enumerate(INPUTS):
        (folder / "inputs" / str(number)).write_bytes(data)
