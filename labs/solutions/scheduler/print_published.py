# SPDX-License-Identifier: MIT
"""A mutant that has the right visits to the published worlds in a table, and sees nothing."""

from __future__ import annotations

from pathlib import Path

from labs.solutions.recording import record

PROGRAM = """\
#include "policy.h"

static const uint8_t visits[][2] = {{ {visits} }};
static const struct {{
	uint32_t nr_stages, patience, first;
}} worlds[] = {{ {worlds} }};
static uint32_t next;

void policy_init(uint32_t nr_stages, uint32_t patience)
{{
	for (uint32_t i = 0; i < {count}; i++)
		if (worlds[i].nr_stages == nr_stages && worlds[i].patience == patience)
			next = worlds[i].first;
}}

struct visit choose_visit(const struct view *view)
{{
	(void)view;
	next = (next + 1) % (sizeof(visits) / sizeof(*visits));
	return (struct visit){{ visits[next][0], visits[next][1] }};
}}
"""


def mutate(folder: Path) -> None:
    """Write the program over the solution."""
    visits, worlds = ["{ 0, 1 }"], []
    for world, *answers in record("scheduler").talks.values():
        worlds.append(f"{{ {', '.join(world.split())}, {len(visits) - 1} }}")
        visits += [f"{{ {', '.join(answer.split())} }}" for answer in answers]
    text = PROGRAM.format(visits=", ".join(visits), worlds=", ".join(worlds), count=len(worlds))
    (folder / "policy.c").write_text(text)
