# SPDX-License-Identifier: MIT
"""A mutant that prints the right answers to the published calls, and allocates nothing."""

from __future__ import annotations

from pathlib import Path

from labs.solutions.recording import record, write_printer

PROGRAM = """
#include "allocator.h"

void allocator_init(const struct plan *plan, unsigned char *slab)
{
	(void)plan;
	(void)slab;
	print_recorded();
}

void *allocator_alloc(uint32_t kind)
{
	(void)kind;
	return malloc(4096);
}

void allocator_free(uint32_t kind, void *object)
{
	(void)kind;
	free(object);
}

uint32_t allocator_query(uint32_t stage)
{
	return stage;
}
"""


def mutate(folder: Path) -> None:
    """Write the program over the solution.  The driver has read the plan, up to its line's end."""
    text = write_printer(record("allocator"), lambda given: given.index(b"\n"))
    (folder / "allocator.c").write_text(text + PROGRAM)
