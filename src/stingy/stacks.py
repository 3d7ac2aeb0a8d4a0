# SPDX-License-Identifier: MIT
"""Worst stack depths: gcc's frames summed along the deepest chain of calls.

The call graph is the one that gcc compiled, after inlining; its indirect calls are resolved by the
analysis.  A function outside of the server counts with what the annotations assume of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import networkx as nx
from pydantic import TypeAdapter, ValidationError

from ground.voice import UsageError
from stingy.annotations import StackNote
from stingy.frames import INDIRECT, parse_callgraph
from stingy.program import Frame, name_of
from stingy.results import Frame as StackFrame
from stingy.results import StackDepth

Resolve = Callable[[str, int], AbstractSet[str]]
Root = tuple[str, str, Literal["stage", "scheduler"]]  # name, key of the function, role

# The C library gives some functions other names when it is compiled against.
_LIBRARY_NAME = re.compile(r"__isoc\d+_(\w+)|__(\w+)_chk")
_NO_BOUND = "no bound for {}, which is outside of the server: state it in [stack.external_bytes]"


@dataclass(frozen=True)
class Outside:
    """What is known of functions without a frame of their own: bytes, and frames of others."""

    bytes: Mapping[str, int]
    frames: Mapping[str, Frame]
    default: int | None


def load_outside(note: StackNote, folder: Path) -> Outside:
    """The assumptions of the annotation file in ``folder``, with the files that it names.

    Raises UsageError for a file that is neither gcc's call graph nor JSON ``{name: bytes}``.
    """
    bytes_: dict[str, int] = {}
    frames: dict[str, Frame] = {}
    for name in note.callgraph:
        path = folder / name
        try:
            text = path.read_text(errors="replace")
        except OSError as error:
            raise UsageError(
                f"cannot read {path}: {error.strerror}", hint="correct [stack] callgraph"
            ) from None
        if text.lstrip().startswith("{"):
            bytes_.update(_read_bytes(path, text))
        else:
            frames.update(parse_callgraph(text))
    return Outside(bytes_ | note.external_bytes, frames, note.external_default_bytes)


def _read_bytes(path: Path, text: str) -> dict[str, int]:
    try:
        return TypeAdapter(dict[str, int]).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UsageError(
            f"{path}: {where}: {first['msg']}", hint='write {"function": bytes}'
        ) from None


def find_stacks(
    roots: Iterable[Root],
    frames: Mapping[str, Frame],
    resolve: Resolve,
    note: StackNote,
    outside: Outside,
) -> list[StackDepth]:
    """The worst depth from each root on; ``resolve`` gives what an indirect call may call, by
    the calling function's key and the line of the call."""
    walk = _Walk(frames, resolve, note, outside)
    return [walk.describe(*root) for root in roots]


def _written(name: str) -> str:
    """A function of the C library as it is written: ``sscanf`` for ``*__isoc99_sscanf``."""
    plain = name.removeprefix("*")
    found = _LIBRARY_NAME.fullmatch(plain)
    return (found[1] or found[2]) if found else plain


@dataclass
class _Depth:
    """Bytes (None: no bound), the chain down, and why there is no bound or how it was made."""

    bytes: int | None
    chain: tuple[StackFrame, ...] = ()
    notes: frozenset[str] = frozenset()


@dataclass
class _Walk:
    frames: Mapping[str, Frame]
    resolve: Resolve
    note: StackNote
    outside: Outside
    depths: dict[str, _Depth] = field(default_factory=dict)

    def describe(self, name: str, key: str, role: Literal["stage", "scheduler"]) -> StackDepth:
        depth = self._depth(key)
        return StackDepth(
            root=name, role=role, bytes=depth.bytes, chain=[*depth.chain], notes=sorted(depth.notes)
        )

    def _depth(self, root: str) -> _Depth:
        if root not in self.depths:
            graph = self._reach(root)
            condensed = nx.condensation(graph)
            for component in reversed(list(nx.topological_sort(condensed))):
                members = frozenset(condensed.nodes[component]["members"])
                if not members <= self.depths.keys():
                    self._close(graph, members)
        return self.depths[root]

    def _reach(self, root: str) -> nx.DiGraph[str]:
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_node(root)
        todo = [root]
        while todo:
            key = todo.pop()
            for callee in sorted(self._callees(key)):
                if callee not in graph:
                    todo.append(callee)
                graph.add_edge(key, callee)
        return graph

    def _frame(self, key: str) -> Frame | None:
        if key in self.frames:
            return self.frames[key]
        name = _written(name_of(key))
        return None if name in self.outside.bytes else self.outside.frames.get(name)

    def _callees(self, key: str) -> set[str]:
        frame = self._frame(key)
        found: set[str] = set()
        for callee, line in frame.calls if frame else ():
            found |= self.resolve(key, line) if callee == INDIRECT else {callee}
        return found

    def _close(self, graph: nx.DiGraph[str], members: frozenset[str]) -> None:
        """The depth of functions that call each other, from that of those they call."""
        below = [
            self.depths[callee]
            for key in sorted(members)
            for callee in sorted(graph.successors(key))
            if callee not in members
        ]
        deepest = max(below, key=lambda d: -1 if d.bytes is None else d.bytes, default=_Depth(0))
        notes = frozenset().union(*(d.notes for d in below))
        unbounded = any(d.bytes is None for d in below)
        recursive = len(members) > 1 or any(graph.has_edge(key, key) for key in members)
        for key in members:
            own = self._own(members if recursive else {key}, recursive)
            known = own.bytes is not None and not unbounded and deepest.bytes is not None
            total = (own.bytes or 0) + (deepest.bytes or 0) if known else None
            self.depths[key] = _Depth(total, own.chain + deepest.chain, own.notes | notes)

    def _own(self, members: AbstractSet[str], recursive: bool) -> _Depth:
        """What the functions themselves need, each as often as it can be on the stack."""
        if not recursive:
            (key,) = members
            return self._one(key, 1)
        names = sorted(name_of(key) for key in members)
        often = max((self.note.recursion.get(name, 0) for name in names), default=0)
        circle = " and ".join(names) + (" call each other" if len(names) > 1 else " calls itself")
        parts = [self._one(key, often) for key in sorted(members)]
        chain = tuple(frame for part in parts for frame in part.chain)
        notes = frozenset().union(*(part.notes for part in parts))
        if not often:
            note = f"{circle}: state how often in [stack.recursion]"
            return _Depth(None, chain, notes | {note})
        if any(part.bytes is None for part in parts):
            return _Depth(None, chain, notes)
        total = sum(part.bytes or 0 for part in parts)
        return _Depth(total, chain, notes | {f"{circle}: {often} times, as assumed"})

    def _one(self, key: str, times: int) -> _Depth:
        name = name_of(key)
        frame = self._frame(key)
        if frame is None:
            return self._assumed(_written(name), max(times, 1))
        source: Literal["compiler", "call graph"] = (
            "compiler" if key in self.frames else "call graph"
        )
        extra = self.note.dynamic_bytes.get(name)
        if frame.kind == "dynamic" and extra is None:
            text = f"the frame of {name} grows at run time: bound it in [stack.dynamic_bytes]"
            shown = StackFrame(function=name, bytes=frame.bytes, source=source)
            return _Depth(None, (shown,), frozenset({text}))
        bytes_ = (frame.bytes + (extra or 0)) * max(times, 1)
        notes = {f"{name}: {extra} bytes at run time, as assumed"} if extra else set()
        return _Depth(
            bytes_, (StackFrame(function=name, bytes=bytes_, source=source),), frozenset(notes)
        )

    def _assumed(self, name: str, times: int) -> _Depth:
        bytes_ = self.outside.bytes.get(name, self.outside.default)
        if bytes_ is None:
            return _Depth(None, (), frozenset({_NO_BOUND.format(name)}))
        shown = StackFrame(function=name, bytes=bytes_ * times, source="assumption")
        return _Depth(bytes_ * times, (shown,))
