# SPDX-License-Identifier: MIT
"""What memwalk finds: the versioned models of its JSON, and their published JSON Schema.

All sizes are bytes.  Files are relative to the server's root, lines and columns count from 1.
Lists are sorted, so that equal servers give equal bytes.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, JsonValue

from ground.documents import Strict, load_made
from ground.errors import UsageError
from ground.files import canonical_json

SCHEMA_VERSION = 1
EXTERNAL = "(external)"  # the source of edges that start outside of any stage


class EdgeKind(StrEnum):
    """How a stage is followed by another."""

    QUEUE = "queue"  # the stage queued its successor itself
    STACK = "stack"  # an earlier stage had pushed the successor
    FLUSH = "flush"  # the stack is empty: the implicit final stage
    DIRECT = "direct"  # the stage function is called
    HELPER = "helper"  # the successor runs in a helper thread
    SOCKET = "socket"  # the successor runs when the socket is ready
    TIMER = "timer"  # the successor runs when a timer fires
    EXTERNAL = "external"  # started from outside: a scheduler, a callback


class WarningKind(StrEnum):
    """What memwalk warns of."""

    LEAK = "leak"
    DOUBLE_FREE = "double-free"
    STACK = "stack"
    UNBOUNDED = "unbounded"
    MERGED = "merged"  # paths were merged: the result is conservative, not exact
    PARTIAL = "partial"  # the walk was interrupted: the result is not to be relied on
    SOURCE = "source"


class Location(Strict):
    """Where in the sources something stands."""

    file: str
    line: int
    column: int = 0

    @property
    def text(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"


class TranslationUnit(Strict):
    """One source file: analysed, or refused with the reason."""

    file: str
    digest: str  # of everything that the preprocessor read, and of the flags
    status: Literal["analysed", "refused"]
    reason: str = ""
    functions: int = 0


class Function(Strict):
    """One function of the server; ``frame_bytes`` is None where it is not compiled on its own."""

    name: str
    location: Location
    frame_bytes: int | None
    frame_kind: Literal["static", "dynamic", "bounded", "inlined", "unknown"]
    calls: list[str]
    stages: list[str]  # the stages that reach it


class Evidence(Strict):
    """Why an edge exists: where, through which functions, under which conditions."""

    location: Location
    function: str
    via: list[str]  # call chain from the stage to ``function``, without both
    guard: str  # conditions that hold there, joined by &&; empty: always


class Edge(Strict):
    """``target`` may run next for a request after ``source``."""

    source: str  # a stage, or EXTERNAL
    target: str
    kind: EdgeKind
    evidence: list[Evidence]


class Live(Strict):
    """How many of an object can be live for one request; ``most`` None: no bound found."""

    object: str
    least: int
    most: int | None


class Stage(Strict):
    """A node of the stage graph with its memory use per request.

    ``peak_bytes`` is the most that per-request objects occupy at any point of the stage (None:
    an object has no bound); ``stack_bytes`` is the worst depth from the stage's own frame on.
    """

    name: str
    function: str
    label: str
    location: Location
    entry: bool
    final: bool
    flags: list[int]  # values of its flag argument that occur
    live_in: list[Live]
    live_out: list[Live]
    peak: list[Live]
    peak_bytes: int | None
    stack_bytes: int | None
    allocates: list[str]
    frees: list[str]


class Frame(Strict):
    """One frame of the deepest chain and where its size comes from."""

    function: str
    bytes: int
    source: Literal["compiler", "call graph", "assumption"]


class StackDepth(Strict):
    """The worst stack depth from ``root`` (a stage or a scheduler); None: no bound exists."""

    root: str
    role: Literal["stage", "scheduler"]
    bytes: int | None
    chain: list[Frame]
    notes: list[str]  # recursion, variable frames, functions without a bound


class Size(Strict):
    """An object's size: a constant, an upper bound with its source, or unknown."""

    kind: Literal["constant", "bound", "unknown"]
    bytes: int | None
    expression: str = ""  # as written
    source: str = ""  # where the value comes from


class Room(Strict):
    """What the slabs keep of an object that may be larger or more numerous; the rest is to come
    from the system's memory.  None: no more than the object's bound."""

    bytes: int | None
    live: int | None


class Site(Strict):
    """Code by which an object is allocated, released or handed over."""

    location: Location
    function: str
    matches: str  # the construct of the annotation file: its function or store
    callee: str  # the function called there (a wrapper of the construct, or itself); "" for a store
    text: str  # the call as written
    holder: str = ""  # where the pointer goes to, or comes from
    guard: str = ""
    stages: list[str]  # the stages that reach it


class ObjectField(Strict):
    """A field of an object's type with the stages that touch it."""

    name: str
    offset: int
    bytes: int
    read_by: list[str]
    written_by: list[str]


class Object(Strict):
    """A per-request object.

    ``max_live`` is the most that one request can have live at a time (None: no bound found);
    ``scope`` says when it dies: before the request ends, with it, or not by it (handed over).
    ``room`` is there if the annotations let the rest of it go on in the system's memory.
    """

    id: str  # a C identifier
    type: str
    size: Size
    alignment: int
    fields: list[ObjectField]
    allocations: list[Site]
    frees: list[Site]
    handoffs: list[Site]
    allocated_in: list[str]
    freed_in: list[str]
    live_in: list[str]  # stages at whose start or during which it can be live
    max_live: int | None
    scope: Literal["stage", "request", "handed over"]
    free_list: str  # the global that keeps dead ones for reuse; "" if none
    room: Room | None = Field(default=None, exclude_if=lambda room: room is None)

    @property
    def slab_bytes(self) -> int | None:
        """The bytes that a slot for it has to have; None: that is not known."""
        bound = self.size.bytes
        if self.room is None or self.room.bytes is None or self.size.kind == "constant":
            return bound
        return self.room.bytes if bound is None else min(bound, self.room.bytes)

    @property
    def slab_live(self) -> int | None:
        """How many slots a request has to have for it; None: that is not known."""
        if self.room is None or self.room.live is None:
            return self.max_live
        return self.room.live if self.max_live is None else min(self.max_live, self.room.live)

    @property
    def has_place(self) -> bool:
        """Whether bounds or annotations say how much of the slabs it takes."""
        return self.slab_bytes is not None and self.slab_live is not None


class Exclusion(Strict):
    """Two objects (by id) that are never live together in one request."""

    first: str
    second: str


class Global(Strict):
    """A variable with static storage on a request path."""

    name: str
    location: Location
    type: str
    bytes: int | None
    constant: bool
    read_by: list[str]
    written_by: list[str]


class Unresolved(Strict):
    """Something that could not be resolved, and what it could be; all candidates are assumed."""

    kind: Literal["indirect call", "stage", "object", "external callback", "control flow"]
    location: Location
    function: str
    expression: str
    candidates: list[str]
    reason: str


class Warning(Strict):
    """Something the user should look at."""

    kind: WarningKind
    location: Location
    message: str
    hint: str = ""


class Declaration(Strict):
    """What the annotation file says of one function (or store): the paper's Figs. 2 and 3.

    ``kind`` is the construct, ``type`` and ``text`` are in roles (T the request, S a stage, O an
    object), ``signature`` is in C and empty where the source does not show it.  A ``wrapper`` does
    not fit its construct as it is: ``notes`` say what it leaves out or what it is restricted to.
    ``location`` is where it is defined; None: outside of the server.
    """

    kind: str
    name: str
    type: str
    text: str
    wrapper: bool
    notes: list[str]
    signature: str
    location: Location | None


class Memwalk(Strict):
    """The whole result."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="memwalk result")

    schema_version: Literal[1] = 1
    server: str
    discipline: Literal["queue", "lifo"]
    target: str  # of the compiler, as in i386-linux-gnu
    pointer_bytes: int
    task: str
    interface: list[Declaration]
    units: list[TranslationUnit]
    functions: list[Function]
    stages: list[Stage]
    edges: list[Edge]
    stacks: list[StackDepth]
    objects: list[Object]
    exclusions: list[Exclusion]
    peak_bytes: int | None  # the most that one request's objects occupy at a time
    globals: list[Global]
    unresolved: list[Unresolved]
    warnings: list[Warning]

    def to_json(self) -> bytes:
        """The canonical JSON spelling."""
        return canonical_json(self.model_dump(mode="json"))

    @property
    def partial(self) -> bool:
        """Whether the walk was interrupted, so that things are missing."""
        return any(w.kind is WarningKind.PARTIAL for w in self.warnings)

    def find_object(self, identifier: str) -> Object | None:
        """The object with this id."""
        return next((o for o in self.objects if o.id == identifier), None)


def load_result(path: Path) -> Memwalk:
    """Read a result that memwalk wrote.

    Raises UsageError if the file is missing, no JSON, or of another schema version.
    """
    remedy = "make it with: memwalk ANNOTATIONS.toml --out DIR"
    result = load_made(Memwalk, path, remedy)
    if result.partial:
        raise UsageError(f"{path} is partial: the walk was interrupted", hint=remedy)
    return result


def describe_schema() -> dict[str, JsonValue]:
    """The JSON Schema of the result."""
    return Memwalk.model_json_schema()
