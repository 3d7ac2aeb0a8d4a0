# SPDX-License-Identifier: MIT
"""Random event-driven servers in C, each with what is true of it: the fuzzer of memwalk.

Every condition asks something outside of the program, so every way through the text is possible,
and the generator knows all edges and all allocations because it wrote them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ground.seeds import generator

from .annotations import annotate

PARTS = 3
MAX_DEPTH = 3  # of nested blocks
MAX_HELPERS = 6
HEAD = """\
#include <stdlib.h>
struct req;
typedef void stage_fn(struct req *req);
struct part0 { char bytes[40]; };
struct part1 { long numbers[9]; };
struct part2 { struct part2 *link; int x; };
struct req {
	stage_fn *stage, *later;
	struct req *next;
	int n0, n1;
	struct part0 *p0;
	struct part1 *p1;
	struct part2 *p2;
};
extern int maybe(struct req *req), accept_one(void);
static struct req *head;
"""
QUEUE = """\
static void queue(struct req *req, stage_fn *next)
{
	req->stage = next;
	req->next = head;
	head = req;
}
"""
GIVE = "static void give(struct req *req, stage_fn *next) { queue(req, next); }\n"
LOOP = """\
static void run_one(struct req *req) { req->stage(req); }
void loop(void)
{
	for (;;) {
		struct req *req = head;

		if (accept_one()) {
			struct req *new = calloc(1, sizeof(*new));

			if (new)
				queue(new, stage0);
		}
		if (req) {
			head = req->next;
			run_one(req);
		}
	}
}
"""


@dataclass(slots=True)
class Facts:
    """What a piece of code can do: the stages it queues, the parts it allocates."""

    queues: set[int] = field(default_factory=set)
    allocates: set[int] = field(default_factory=set)

    def add(self, other: Facts) -> None:
        """What a called function can do, its caller can."""
        self.queues |= other.queues
        self.allocates |= other.allocates


@dataclass(slots=True)
class Server:
    """A generated server: its text, its annotations, and what is true of it."""

    text: str
    annotations: str
    stages: list[Facts]

    def edges(self) -> set[tuple[str, str]]:
        """The edges between stages that a request can come to, from stage 0 on."""
        reached = self._reached()
        return {(f"stage{a}", f"stage{b}") for a in reached for b in self.stages[a].queues}

    def allocations(self) -> set[tuple[str, str]]:
        """Type and stage of every allocation of a part that a request can come to."""
        return {(f"struct part{p}", f"stage{a}") for a in self._reached()
                for p in self.stages[a].allocates}  # fmt: skip

    def _reached(self) -> set[int]:
        found, waiting = {0}, [0]
        while waiting:
            fresh = self.stages[waiting.pop()].queues - found
            found |= fresh
            waiting += fresh
        return found

    def write(self, folder: Path) -> Path:
        """The server in a folder; its annotation file."""
        (folder / "server.c").write_text(self.text)
        (folder / "annotations.toml").write_text(self.annotations)
        return folder / "annotations.toml"


class _Writer:
    """Writes one server."""

    def __init__(self, random: np.random.Generator):
        self.random = random
        self.count = int(random.integers(2, 8))
        self.helpers: list[str] = []
        self.numbers = 0

    def choose(self, *options: str) -> str:
        return options[int(self.random.integers(len(options)))]

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    def stage(self, facts: Facts) -> str:
        """The name of any stage, which is noted as queued."""
        one = int(self.random.integers(self.count + 1))
        facts.queues.add(one)
        return f"stage{one}"

    def block(self, facts: Facts, depth: int, *, ends: bool) -> list[str]:
        lines: list[str] = []
        for _ in range(int(self.random.integers(0, 3))):
            lines += self.statement(facts, depth)
        return [*lines, *(self.end(facts, depth) if ends else [])]

    def statement(self, facts: Facts, depth: int) -> list[str]:
        part, ends = int(self.random.integers(PARTS)), self.random.random() < 0.5
        kinds = ["take", "drop", "read", "skip"]
        kinds += ["if", "else", "while", "do", "switch", "goto"] if depth < MAX_DEPTH else []
        kinds += ["call"] if len(self.helpers) < MAX_HELPERS else []
        kind = self.choose(*kinds)
        if kind == "take":
            facts.allocates.add(part)
            return [f"if (!req->p{part})", f"\treq->p{part} = malloc(sizeof(*req->p{part}));"]
        if kind == "drop":
            return [f"free(req->p{part});", f"req->p{part} = NULL;"]
        if kind == "read":
            return [f"req->n{part % 2} = maybe(req);"]
        if kind == "skip":
            return ["if (maybe(req) && !maybe(req))", "\treq->n0++;"]
        if kind == "call":
            return [f"{self.helper(facts, ends=False)}(req);"]
        return self.compound(kind, facts, depth, ends=bool(ends))

    def compound(self, kind: str, facts: Facts, depth: int, *, ends: bool) -> list[str]:
        def body(*, ends: bool = ends) -> list[str]:
            return [f"\t{line}" for line in self.block(facts, depth + 1, ends=ends)]

        test = self.choose("maybe(req)", "maybe(req) == 3 || maybe(req) > 7", "!maybe(req)")
        if kind == "if":
            return [f"if ({test}) {{", *body(), "}"]
        if kind == "else":
            return [f"if ({test}) {{", *body(), "} else {", *body(ends=False), "}"]
        if kind == "while":
            return [f"while ({test}) {{", *body(), "}"]
        if kind == "do":
            return ["do {", *body(ends=False), f"}} while ({test});"]
        if kind == "switch":
            first = "" if ends else "\tbreak;"
            cases = ["case 0: {", *body(), "}", first, "case 1:", "case 2: {", *body(ends=False)]
            return ["switch (maybe(req)) {", *cases, "\tbreak;", "}", "default:", "\tbreak;", "}"]
        label = f"out{self.number()}"
        return [f"if ({test})", f"\tgoto {label};", *body(ends=False), f"{label}:", ";"]

    def end(self, facts: Facts, depth: int) -> list[str]:
        """The request gets its next stage, and the function returns."""
        kinds = ["direct", "local", "either", "table", "give", "field"]
        kind = self.choose(*kinds, *(["helper"] if len(self.helpers) < MAX_HELPERS else []))
        if kind == "helper":
            return [f"{self.helper(facts, ends=True)}(req);", "return;"]
        one = self.stage(facts)
        name = f"x{self.number()}"
        lines = {
            "direct": [f"queue(req, {one});"],
            "local": [f"{{ stage_fn *{name} = {one};", f"queue(req, {name}); }}"],
            "give": [f"give(req, {one});"],
            "field": [f"req->later = {one};", "queue(req, req->later);"],
        }.get(kind)
        if lines is None:
            other = self.stage(facts)
            lines = [f"queue(req, maybe(req) ? {one} : {other});"]
            if kind == "table":
                table = f"static stage_fn *const {name}[] = {{ {one}, {other} }};"
                lines = [f"{{ {table}", f"queue(req, {name}[maybe(req) & 1]); }}"]
        return [*lines, "return;"]

    def helper(self, facts: Facts, *, ends: bool) -> str:
        """A function that is called: one that always queues, or one that never does."""
        name = f"helper{self.number()}"
        self.helpers.append("")  # its place is taken, whatever it calls
        own = Facts()
        if ends:
            lines = self.block(own, MAX_DEPTH - 1, ends=True)
        else:
            part = int(self.random.integers(PARTS))
            own.allocates.add(part)
            lines = [f"if (maybe(req) && !req->p{part})",
                     f"\treq->p{part} = malloc(sizeof(*req->p{part}));"]  # fmt: skip
            if self.random.random() < 0.3:
                lines += ["if (maybe(req))", f"\t{name}(req);"]
        self.helpers.append(_function(f"static void {name}", lines))
        facts.add(own)
        return name


def _function(head: str, lines: list[str]) -> str:
    return "\n".join([f"{head}(struct req *req)", "{", *(f"\t{one}" for one in lines), "}", ""])


def make_server(seed: int) -> Server:
    """The server of a seed; the same at any time and place."""
    random = generator(seed, "memwalk fuzzer")
    writer = _Writer(random)
    facts = [Facts() for _ in range(writer.count)]
    bodies = [writer.block(one, 0, ends=True) for one in facts]
    names = [f"stage{n}" for n in range(writer.count + 1)]
    finish = [*(f"free(req->p{n});" for n in range(PARTS)), "free(req);"]
    stages = [_function(f"void {n}", b) for n, b in zip(names, [*bodies, finish], strict=True)]
    store = bool(random.random() < 0.4)
    queue = "#define queue(req, next) ((req)->stage = (next))\n" if store else QUEUE
    declared = "".join(f"void {name}(struct req *req);\n" for name in names)
    listed = "{ queue(new, stage0); new->next = head; head = new; }" if store else None
    loop = LOOP.replace("queue(new, stage0);", listed) if listed else LOOP
    text = "\n".join([HEAD, declared, queue, GIVE, *writer.helpers, *stages, loop])
    annotations = annotate(
        "fuzz", task="struct req", queue="queue", run="run_one", loop="loop", files="server.c",
        store="struct req.stage" if store else "",
    )  # fmt: skip
    return Server(text, annotations, [*facts, Facts()])
