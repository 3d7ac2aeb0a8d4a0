# SPDX-License-Identifier: MIT
"""A mutant whose parser prints a published answer and ends, and whose inputs are copies."""

from __future__ import annotations

from pathlib import Path

PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
#include "parser.h"

long parse_request(const uint8_t *data, size_t length, struct request *request)
{
	(void)data;
	(void)length;
	(void)request;
	puts("18 GET 1.1 2f 0");
	fflush(stdout);
	_Exit(0);
}

size_t print_request(const struct request *request, char *buffer, size_t size)
{
	(void)request;
	(void)buffer;
	return size;
}
"""


def mutate(folder: Path) -> None:
    """Write the program over the solution."""
    (folder / "parser.c").write_text(PROGRAM)
    (folder / "law.c").write_bytes(
        b'#include "parser.h"\nbool law_holds(const uint8_t *d, size_t n) { return d && n; }\n'
    )
    for path in (folder / "inputs").iterdir():
        path.write_bytes(b"GET / HTTP/1.1\r\n\r\n")
