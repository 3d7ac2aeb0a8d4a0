# SPDX-License-Identifier: MIT
"""Servers of any size, made by one rule: for how memwalk's work grows with theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ground.seeds import generator

from .annotations import annotate

STAGES = 12
PARTS = 4
LINES_A_FUNCTION = 12
LINES_A_FILE = 2500
HEAD = """\
#ifndef SYNTHETIC_H
#define SYNTHETIC_H
#include <stdlib.h>
%s
struct req;
typedef void stage(struct req *req);
struct req {
	struct req *next;
	stage *stage;
%s
	int n0, n1, n2, n3;
};
void queue(struct req *req, stage *stage);
int maybe(struct req *req), io(struct req *req, int value), accept_one(void);
"""
MAIN = """
static struct req *head;

void queue(struct req *req, stage *stage)
{
	req->stage = stage;
	req->next = head;
	head = req;
}

static void run_one(struct req *req)
{
	req->stage(req);
}

void loop(void)
{
	for (;;) {
		if (accept_one()) {
			struct req *new = calloc(1, sizeof(*new));

			if (new)
				queue(new, stage0);
		}
		while (head) {
			struct req *req = head;

			head = req->next;
			run_one(req);
		}
	}
}
"""


def write_synthetic(
    folder: Path, lines: int, seed: int = 1, stages: int = STAGES, parts: int = PARTS
) -> Path:
    """A server of about ``lines`` lines in ``folder``; its annotation file.

    Its functions call others that come later, under conditions on the request; one in twelve
    allocates a part of the request where it lacks one, one in sixteen releases one.
    """
    random = generator(seed, "synthetic server")
    count = max(20, lines // LINES_A_FUNCTION)
    names = [f"int f{n}(struct req *req, int value);\n" for n in range(count)]
    names += [f"void stage{n}(struct req *req);\n" for n in range(stages)]
    types = "\n".join(f"struct part{n} {{ int x[{10 + n}]; }};" for n in range(parts))
    fields = "\n".join(f"\tstruct part{n} *p{n};" for n in range(parts))
    (folder / "synthetic.h").write_text("".join([HEAD % (types, fields), *names, "#endif\n"]))
    functions = [_make_function(n, count, parts, random) for n in range(count)]
    step = max(1, LINES_A_FILE // LINES_A_FUNCTION)
    for start in range(0, count, step):
        text = "\n".join(['#include "synthetic.h"\n', *functions[start : start + step]])
        (folder / f"part{start // step}.c").write_text(text)
    bodies = [_make_stage(n, count, stages, parts, random) for n in range(stages)]
    (folder / "main.c").write_text("\n".join(['#include "synthetic.h"\n', *bodies]) + MAIN)
    text = annotate("synthetic", task="struct req", queue="queue", run="run_one", loop="loop")
    (folder / "annotations.toml").write_text(text)
    return folder / "annotations.toml"


def _make_function(number: int, count: int, parts: int, random: np.random.Generator) -> str:
    which, kind = number % 4, float(random.random())
    later = min(count, number + 60)
    calls = random.integers(number + 1, later, random.integers(1, 4)) if number + 1 < count else []
    lines = [f"int f{number}(struct req *req, int value)", "{", "\tint sum = value;", ""]
    lines += [f"\tif (value > {number % 7})", f"\t\tsum += req->n{which};"]
    for position, callee in enumerate(calls):
        lines.append(f"\tif (req->n{(which + position) % 4} == {position})")
        lines.append(f"\t\tsum += f{callee}(req, sum);")
    part = f"req->p{number % parts}"
    if kind < 1 / 12:
        lines += [f"\tif (!{part})", f"\t\t{part} = malloc(sizeof(*{part}));"]
    elif kind < 1 / 12 + 1 / 16:
        lines += [f"\tif ({part}) {{", f"\t\tfree({part});", f"\t\t{part} = NULL;", "\t}"]
    elif kind < 1 / 4:
        lines.append(f"\treq->n{which} = io(req, sum);")
    return "\n".join([*lines, "\treturn sum;", "}", ""])


def _make_stage(
    number: int, count: int, stages: int, parts: int, random: np.random.Generator
) -> str:
    lines = [f"void stage{number}(struct req *req)", "{"]
    for position, callee in enumerate(random.integers(0, count, 4)):
        lines += ["\tif (maybe(req))", f"\t\tf{callee}(req, {position});"]
    if number == stages - 1:
        lines += [f"\tfree(req->p{n});" for n in range(parts)]
        lines.append("\tfree(req);")
    else:
        other = random.integers(0, stages)
        lines.append(f"\tqueue(req, maybe(req) ? stage{number + 1} : stage{other});")
    return "\n".join([*lines, "}", ""])
