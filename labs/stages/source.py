# SPDX-License-Identifier: MIT
"""Writes a server as C."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path as File

from labs.stages.paths import Alloc, Do, Free, Next, Path, Server, Stage, Step, Struct

RUNTIME = File(__file__).with_name("runtime")
FILES = ("server.h", "loop.c", "work.c", "main.c")
PARAMETERS = {"T": "struct {task} *c", "S": "stage_fn stage", "E": "short events", "M": "int ms"}


def write_sources(server: Server) -> dict[str, str]:
    """The files of a server, by name."""
    words = {
        **server.words,
        "structs": "\n".join(map(_write_struct, (*server.structs, server.task))),
        "declarations": "\n".join(f"void {s.name}(struct @task@ *c);" for s in server.stages),
        "call_entry": _write_next(server, Next(server.entry, "queue")),
    }
    for name in ("soon", "ready", "timer"):
        order = server.words[f"{name}_order"]
        words[f"{name}_parameters"] = ", ".join(PARAMETERS[role] for role in order).format(
            task="@task@"
        )
    files = {name: (RUNTIME / name).read_text() for name in FILES}
    files["stages.c"] = _write_stages(server)
    return {name: _fill(text, words) for name, text in files.items()}


def _fill(text: str, words: dict[str, str]) -> str:
    while "@" in (filled := re.sub(r"@(\w+)@", lambda found: words[found.group(1)], text)):
        if filled == text:
            return text
        text = filled
    return filled


def _write_struct(struct: Struct) -> str:
    fields = "".join(f"\t{one.text};\n" for one in struct.fields)
    return f"struct {struct.name} {{\n{fields}}};\n"


def _write_stages(server: Server) -> str:
    # REUSE-IgnoreStart
    head = (
        "/* SPDX-License-Identifier: MIT */\n"
        # REUSE-IgnoreEnd
        "/* The stages of a request. */\n#include <stdlib.h>\n#include <unistd.h>\n\n"
        '#include "server.h"\n'
    )
    return head + "".join(_write_stage(server, stage) for stage in server.stages)


def _write_stage(server: Server, stage: Stage) -> str:
    lines = [f"/* {stage.comment} */", f"void {stage.name}(struct @task@ *c)", "{"]
    lines += [f"\t{line}" for step in stage.start for line in _write_step(server, step)]
    *guarded, last = stage.paths
    for path in guarded:
        lines += [f"\tif ({_write_guard(path)}) {{"]
        lines += [f"\t\t{line}" for step in path.steps for line in _write_step(server, step)]
        lines += ["\t\treturn;", "\t}"]
    lines += [f"\t{line}" for step in last.steps for line in _write_step(server, step)]
    return "\n" + "\n".join([*lines, "}"]) + "\n"


def _write_guard(path: Path) -> str:
    things = [f"{'' if live else '!'}c->{name}" for name, live in path.live]
    return " && ".join([*([path.guard] if path.guard else []), *things])


def _write_step(server: Server, step: Step) -> Iterator[str]:
    match step:
        case Alloc(name):
            yield f"c->{name} = malloc(sizeof(*c->{name}));"
            yield f"if (!c->{name}) {{"
            yield f"\t{server.last}(c);"
            yield "\treturn;"
            yield "}"
        case Free(objects):
            for name in objects:
                if name == server.task.name:
                    yield f"{server.words['put']}(c);"
                else:
                    yield f"free(c->{name});"
                    yield f"c->{name} = NULL;"
        case Next():
            yield _write_next(server, step) + ";"
        case Do(text):
            yield from text.splitlines()


def _write_next(server: Server, step: Next) -> str:
    if step.kind == "direct":
        return f"{step.stage}(c)"
    name = {"queue": "soon", "socket": "ready", "timer": "timer"}[step.kind]
    given = {"T": "c", "S": step.stage, "E": step.detail, "M": step.detail}
    words = ", ".join(given[role] for role in server.words[f"{name}_order"])
    return f"{server.words[name]}({words})"


ANNOTATIONS = """\
# SPDX-License-Identifier: MIT
# What memwalk has to know about the server for practice: which functions are the constructs.
# T is the request, S a stage, O what is freed, - anything else.
schema = 1

[dispatch]
discipline = "queue"            # a stage names the next

[requests]
task = "struct @task@"

[[constructs.queue_stage]]      # the stage runs soon
function = "@soon@"
arguments = [@soon_roles@]

[[constructs.queue_stage]]      # when the socket is ready
function = "@ready@"
arguments = [@ready_roles@]
queue = "socket"

[[constructs.queue_stage]]      # when nothing has come for so long
function = "@timer@"
arguments = [@timer_roles@]
queue = "timer"

[[constructs.schedule_stage]]   # takes a request's stage and calls it
function = "@run@"
arguments = ["T"]

[[constructs.schedule_stage]]
function = "@run_late@"
arguments = ["T"]

[[constructs.scheduler]]        # the loop
function = "@loop@"

[[constructs.malloc]]
function = "malloc"
arguments = ["size"]

[[constructs.malloc]]           # from a free list: the type is said here
function = "@get@"
object = "struct @task@"

[[constructs.free]]
function = "free"
arguments = ["O"]

[[constructs.free]]
function = "@put@"
arguments = ["O"]
"""


def write_annotations(server: Server) -> str:
    """What memwalk has to know of a server."""
    words = dict(server.words)
    for name in ("soon", "ready", "timer"):
        roles = (role if role in "TS" else "-" for role in server.words[f"{name}_order"])
        words[f"{name}_roles"] = ", ".join(f'"{role}"' for role in roles)
    return _fill(ANNOTATIONS, words)
