# SPDX-License-Identifier: MIT
"""Annotation files of servers that tests write: a queue or a stack of stages, memory by libc."""

from __future__ import annotations

import json

QUEUE = 'discipline = "queue"'
MALLOC = """\
[[constructs.malloc]]
function = "malloc"
arguments = ["size"]
"""
CALLOC = """\
[[constructs.malloc]]
function = "calloc"
arguments = ["count", "size"]
"""
FREE = """\
[[constructs.free]]
function = "free"
arguments = ["O"]
"""


def stack(final: str) -> str:
    """The dispatch of a server with a stack of stages; ``final`` runs when it is empty."""
    return f"""\
discipline = "lifo"
final = "{final}"
[[dispatch.requeue]]
function = "runnable"
arguments = ["T"]
queue = "work\""""


def annotate(
    name: str, *, task: str, queue: str, run: str, loop: str, files: str = "*.c",
    flags: tuple[str, ...] = ("-std=gnu11", "-O1"), dispatch: str = QUEUE, store: str = "",
) -> str:  # fmt: skip
    """Of a server whose function ``queue`` (or whose assignment to ``store``) gives a request its
    next stage, ``run`` calls that, and ``loop`` elects requests."""
    queued = f'store = "{store}"' if store else f'function = "{queue}"\narguments = ["T", "S"]'
    return f"""\
schema = 1
[server]
name = "{name}"
[sources]
files = ["{files}"]
flags = {json.dumps(flags)}
[dispatch]
{dispatch}
[requests]
task = "{task}"
[[constructs.queue_stage]]
{queued}
[[constructs.schedule_stage]]
function = "{run}"
arguments = ["T"]
[[constructs.scheduler]]
function = "{loop}"
{MALLOC}{CALLOC}{FREE}"""
