# SPDX-License-Identifier: MIT
"""The annotation file: what a server's constructs are called (the paper's Figs. 2 and 3).

A complete file for a tiny server on a direct queue::

    schema = 1

    [server]
    name = "echo"
    root = "."                            # folder of the sources, relative to this file

    [sources]
    files = ["src/*.c"]                   # globs below root
    flags = ["-std=gnu11", "-Iinclude"]   # or compile_commands = "build/compile_commands.json"

    [dispatch]
    discipline = "queue"                  # a stage is queued and runs when its turn comes

    [requests]
    task = "struct conn"                  # the type of T

    [[constructs.queue_stage]]            # void queue_stage(struct conn *, void (*)(struct conn *))
    function = "queue_stage"
    arguments = ["T", "S"]

    [[constructs.queue_stage]]            # the same, but the stage runs when the socket is ready
    function = "wait_readable"
    arguments = ["T", "S"]
    queue = "socket"

    [[constructs.schedule_stage]]
    function = "run_stage"
    arguments = ["T"]

    [[constructs.scheduler]]
    function = "main_loop"

    [[constructs.malloc]]
    function = "malloc"
    arguments = ["size"]

    [[constructs.malloc]]                 # its size is implicit: the type is said here
    function = "conn_new"
    object = "struct conn"

    [[constructs.free]]
    function = "free"
    arguments = ["O"]

    [[stages]]
    function = "accept_connection"
    entry = true                          # started from outside, not by another stage

Argument roles: ``T`` the task (request), ``S`` the stage, ``O`` the object (what is released, or
the address of the pointer that receives it), ``size`` its bytes, ``count`` a factor of the size,
``flag`` a constant that selects a stage's path (as TUX's ``cachemiss``), ``-`` anything else.
The list may be shorter than the parameter list.
"""

# DEVIATIONS.md: [annotations]

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, StringConstraints, model_validator

SCHEMA_VERSION = 1

Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*$")]
_FIELD_NAME = r"^((struct|union) )?[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$"
FieldName = Annotated[str, StringConstraints(pattern=_FIELD_NAME)]
Role = Literal["T", "S", "O", "size", "count", "flag", "-"]
Bytes = Annotated[int, Field(ge=0)]


class QueueKind(StrEnum):
    """Where a request waits for its next stage."""

    WORK = "work"  # runnable
    HELPER = "helper"  # runnable, in a helper thread that may block
    SOCKET = "socket"  # until its socket is ready
    TIMER = "timer"  # until a timer fires
    NONE = "none"  # nowhere: the request is only given a stage


class Table(BaseModel):
    """A table of the file: immutable, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Construct(Table):
    """What counts as one construct: calls of ``function``, or stores into ``store``.

    ``store`` names a variable (``free_conns``) or a field (``struct conn.handler``): assigning
    to it is the construct, for code that is open-coded instead of in a function.  ``within``
    restricts the match to the bodies of these functions (the paper's wrapper step, without
    touching the source).
    """

    function: Symbol | None = None
    store: FieldName | None = None
    arguments: tuple[Role, ...] = ()
    within: tuple[Symbol, ...] = ()

    @model_validator(mode="after")
    def _one_way_to_match(self) -> Self:
        if (self.function is None) == (self.store is None):
            raise ValueError("give either `function` or `store`")
        for role in ("T", "S", "O", "size"):
            if self.arguments.count(role) > 1:
                raise ValueError(f"role {role} is given twice in `arguments`")
        return self

    @property
    def name(self) -> str:
        """The function or the place, as shown in reports."""
        return self.function or self.store or ""

    def position(self, role: Role) -> int | None:
        """The argument number (from 0) that has ``role``."""
        return self.arguments.index(role) if role in self.arguments else None


class QueueStage(Construct):
    """Queue_Stage: gives a request its next stage; ``queue`` says where it then waits.

    ``stays``: it is a callback that an event library calls whenever something happens, until it
    is taken away; a request may have several of them at a time (discipline queue).  ``place`` names
    where a request has one at most (``relay.readcb``): what is set there replaces what was, and
    NULL takes it away.
    """

    queue: QueueKind | None = None  # default: work for discipline "queue", none for "lifo"
    stays: bool = False
    place: str = ""


class ScheduleStage(Construct):
    """Schedule_Stage: takes a request's next stage and calls it."""


class Scheduler(Table):
    """Scheduler: the loop that elects requests; ``thread`` says where it runs."""

    function: Symbol
    thread: Literal["event", "helper"] = "event"

    @property
    def name(self) -> str:
        """The function, as shown in reports."""
        return self.function


class Malloc(Construct):
    """Malloc: gives an object.  Its size is an argument, or implied by ``object`` or ``bytes``.

    With role ``O`` the object is stored through that argument instead of returned.
    ``max_bytes`` bounds a size that is not constant; ``reason`` says where the bound comes from.
    """

    object: str = ""
    bytes: Bytes | None = None
    max_bytes: Bytes | None = None
    reason: str = ""


class Free(Construct):
    """Free: releases the object ``O``.  ``releases`` names its type where no argument does."""

    releases: str = ""


class Requeue(Construct):
    """A call that puts a request (``T``) on a queue without naming a stage."""

    queue: QueueKind

    @model_validator(mode="after")
    def _real_queue(self) -> Self:
        if self.queue is QueueKind.NONE:
            raise ValueError("`queue` must be work, helper, socket or timer")
        return self


class Handoff(Construct):
    """A call after which the object ``O`` belongs to another thread or to the system."""


class Constructs(Table):
    """The five constructs of the paper's Fig. 2."""

    queue_stage: tuple[QueueStage, ...] = Field(min_length=1)
    schedule_stage: tuple[ScheduleStage, ...] = ()
    scheduler: tuple[Scheduler, ...] = Field(min_length=1)
    malloc: tuple[Malloc, ...] = ()
    free: tuple[Free, ...] = ()


class Server(Table):
    """The server under analysis."""

    name: Annotated[str, StringConstraints(min_length=1)]
    root: Path = Path()
    description: str = ""


class Sources(Table):
    """Which files are analysed, and how the compiler is called for them.

    ``compile_commands`` (relative to the root) is a compile_commands.json, or a folder in which a
    kernel's build left its ``.NAME.o.cmd`` files.
    """

    files: tuple[str, ...] = Field(min_length=1)
    exclude: tuple[str, ...] = ()
    compile_commands: Path | None = None
    flags: tuple[str, ...] = ()
    compiler: str = "gcc"


class Dispatch(Table):
    """How the next stage is found.

    ``queue``: Queue_Stage names the next stage.  ``lifo``: each request has a stack of stages, at
    most ``depth`` deep; a runnable request with an empty stack runs the ``final`` stage.

    ``requeue``: calls that put a request on a queue without naming a stage.  ``clear``: calls that
    drop the stages a request still has, or stores (``struct conn.depth``) of the constant 0.
    A wait (for a socket, a timer) ends when the request runs any stage.
    """

    discipline: Literal["queue", "lifo"]
    depth: PositiveInt = 8
    final: Symbol | None = None
    requeue: tuple[Requeue, ...] = ()
    clear: tuple[Construct, ...] = ()

    @model_validator(mode="after")
    def _final_needs_lifo(self) -> Self:
        if self.final and self.discipline != "lifo":
            raise ValueError('`final` has a meaning for discipline = "lifo" only')
        return self


class Requests(Table):
    """The per-request types: the task itself, and types that are never per request."""

    task: str
    ignore: tuple[str, ...] = ()


class StageNote(Table):
    """What is said about one stage function.

    Stages that reach a Queue_Stage are found without being listed.  ``states`` are the constants
    that stand for it where the server queues states, not functions.  ``entry``: it is started
    from outside (accept, a callback).  ``waiting``: code outside of stages gives it only to
    requests that wait for their socket or a timer (a time-out), never to runnable ones; this is
    an assumption that the analysis does not check.
    """

    function: Symbol
    states: tuple[Symbol, ...] = ()
    entry: bool = False
    waiting: bool = False
    arguments: tuple[Role, ...] = ()
    label: str = ""


class ObjectNote(Table):
    """What is said about one object: bounds that the source does not show.

    ``slab_bytes`` and ``slab_live`` are no bounds: the slabs have room for one object of so many
    bytes, or for so many objects a request, and the rest comes from the system's memory.
    """

    type: str
    max_bytes: Bytes | None = None
    max_live: PositiveInt | None = None
    slab_bytes: PositiveInt | None = None
    slab_live: PositiveInt | None = None
    reason: Annotated[str, StringConstraints(min_length=1)]


class StackNote(Table):
    """Assumptions on stack depth, in bytes, for what lies outside of the server's source.

    ``callgraph`` are files that gcc wrote with -fcallgraph-info=su, or JSON ``{name: bytes}``.
    ``recursion`` bounds how often a recursive function is on the stack, ``dynamic_bytes`` the
    variable part of a frame.
    """

    external_default_bytes: Bytes | None = None
    external_bytes: dict[Symbol, Bytes] = {}
    callgraph: tuple[Path, ...] = ()
    recursion: dict[Symbol, PositiveInt] = {}
    dynamic_bytes: dict[Symbol, Bytes] = {}


class IndirectNote(Table):
    """An assumption on an indirect call that cannot be resolved.

    ``function`` contains the call; ``expression`` (as written) picks one if there are several.
    Empty ``targets``: it leaves the server.
    """

    function: Symbol
    expression: str = ""
    targets: tuple[Symbol, ...]


class Annotations(Table):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="Stingy annotations")

    schema_version: Literal[1] = Field(alias="schema")
    server: Server
    sources: Sources
    dispatch: Dispatch
    requests: Requests
    constructs: Constructs
    stages: tuple[StageNote, ...] = ()
    handoff: tuple[Handoff, ...] = ()
    objects: tuple[ObjectNote, ...] = ()
    stack: StackNote = StackNote()
    indirect: tuple[IndirectNote, ...] = ()
