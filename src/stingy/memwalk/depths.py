# SPDX-License-Identifier: MIT
"""The worst stack depth of each stage and scheduler, from frames as compiled."""

# DEVIATIONS.md: [stack depth]

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import networkx as nx

from ground.errors import UsageError
from stingy.flow.pointers import Pointers
from stingy.flow.returning import NO_RETURN
from stingy.lower.frames import INDIRECT, parse_callgraph
from stingy.lower.linking import Program
from stingy.model.annotations import StackNote
from stingy.model.program import Call, CompiledFunction, Func, name_of
from stingy.model.results import Frame, StackDepth

Source = Literal["compiler", "call graph", "assumption"]


@dataclass(slots=True)
class Depth:
    """The worst depth from a function on: its bytes (None: no bound) and the chain."""

    bytes: int | None
    chain: tuple[Frame, ...]
    notes: frozenset[str] = frozenset()

    @property
    def known(self) -> int:
        """The bytes of the chain, which is the part that is known."""
        return sum(f.bytes for f in self.chain)


@dataclass(slots=True)
class Depths:
    """Computes depths, each once."""

    program: Program
    pointers: Pointers
    note: StackNote
    outside: dict[str, CompiledFunction] = field(default_factory=dict)
    outside_bytes: dict[str, int] = field(default_factory=dict)
    _cycles: dict[str, frozenset[str]] = field(default_factory=dict)
    _known: dict[str, Depth] = field(default_factory=dict)
    _calls: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _at: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    _indirectly: dict[str, set[str]] = field(default_factory=dict)  # callees by caller

    def prepare(self, root: Path) -> None:
        """Read the data on functions outside, resolve indirect calls, find recursion."""
        for path in self.note.callgraph:
            self._read_outside(root / path)
        for (caller, number), callees in self.pointers.callees.items():
            step = self.program.routines[caller].steps[number]
            if isinstance(step, Call) and not isinstance(step.callee, Func):
                self._at.setdefault((step.spot.file, step.spot.line), set()).update(callees)
                self._indirectly.setdefault(caller, set()).update(callees)
        graph: nx.DiGraph[str] = nx.DiGraph()
        for key in sorted({*self.program.compiled, *self.outside}):
            self._calls[key] = tuple(sorted(self._callees(key)))
            graph.add_edges_from((key, callee) for callee in self._calls[key])
        for component in nx.strongly_connected_components(graph):
            if len(component) > 1 or any(graph.has_edge(k, k) for k in component):
                for key in component:
                    self._cycles[key] = frozenset(component)

    def _read_outside(self, path: Path) -> None:
        remedy = "give a .ci file of gcc -fcallgraph-info=su, or JSON {name: bytes}"
        try:
            text = path.read_text(errors="replace")
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}", hint=remedy) from None
        if text.lstrip().startswith("{"):
            try:
                data = {str(k): int(v) for k, v in json.loads(text).items()}
            except (ValueError, TypeError, AttributeError):
                raise UsageError(f"{path} is no JSON of name: bytes", hint=remedy) from None
            self.outside_bytes.update(data)
        else:
            for key, frame in parse_callgraph(text).items():
                self.outside.setdefault(name_of(key), frame)

    def _frame(self, key: str) -> CompiledFunction | None:
        return self.program.compiled.get(key) or self.outside.get(key)

    def _callees(self, key: str) -> Iterable[str]:
        frame = self._frame(key)
        for callee, file, line in frame.calls if frame else ():
            if callee != INDIRECT:
                yield callee
            elif key in self.program.compiled:
                yield from self._indirect(key, file, line)

    def _indirect(self, key: str, file: str, line: int) -> set[str]:
        """What an indirect call may call: by its spot, else anything in the function."""
        if not file:
            return {INDIRECT}  # code inlined from outside: what it calls is outside too
        for near in (line, line - 1, line + 1):
            if (file, near) in self._at:
                return self._at[file, near]
        return self._indirectly.get(key) or {
            k for k in self.pointers.addressed if k in self.program.routines
        }

    def is_recursive(self, key: str) -> bool:
        """Whether a function can be on the stack several times."""
        return key in self._cycles

    def depth(self, key: str) -> Depth:
        """The worst depth from the first byte of a function's frame on."""
        if key not in self._known:
            for one in self._callees_first(key):  # a chain of calls may be longer than our stack
                if one not in self._known:
                    self._known[one] = self._measure(one)
        return self._known[key]

    def _callees_first(self, key: str) -> list[str]:
        """A function and those below it that are not known, each after what its depth rests on."""
        found: list[str] = []
        seen = {key}
        stack = [(key, iter(self._needs(key)))]
        while stack:
            one, rest = stack[-1]
            callee = next((c for c in rest if c not in seen and c not in self._known), None)
            if callee is None:
                stack.pop()
                found.append(one)
            else:
                seen.add(callee)
                stack.append((callee, iter(self._needs(callee))))
        return found

    def _needs(self, key: str) -> list[str]:
        """The functions whose depths a function's own rests on."""
        if key in self._cycles:
            members = self._cycles[key]
            return sorted({c for m in members for c in self._calls.get(m, ())} - members)
        if self._frame(key) is None and key in self.program.routines:
            return sorted(self._inlined_callees(key))
        return list(self._calls.get(key, ()))

    def _measure(self, key: str) -> Depth:
        name = name_of(key)
        frame = self._frame(key)
        if key in self._cycles:
            return self._recursive(key)
        if frame is None:
            if key in self.program.routines:
                return self._inlined(key)
            return self._external(name)
        source: Source = "compiler" if key in self.program.compiled else "call graph"
        own, notes = self._own_bytes(name, frame)
        below = self._worst(self._calls.get(key, ()))
        top = Frame(function=self.program.show(key), bytes=own or frame.bytes, source=source)
        total = None if below.bytes is None or own is None else below.bytes + own
        return Depth(total, (top, *below.chain), below.notes | notes)

    def _own_bytes(self, name: str, frame: CompiledFunction) -> tuple[int | None, frozenset[str]]:
        if frame.kind != "dynamic":
            return frame.bytes, frozenset()
        extra = self.note.dynamic_bytes.get(name)
        if extra is None:
            text = f"{name} has a variable frame: say [stack] dynamic_bytes.{name}"
            return None, frozenset({text})
        return frame.bytes + extra, frozenset()

    def _worst(self, callees: Iterable[str]) -> Depth:
        depths = [self.depth(c) for c in callees]
        if not depths:
            return Depth(0, ())
        notes = frozenset().union(*(d.notes for d in depths))
        worst = max(depths, key=lambda d: (d.known, (d.chain and d.chain[0].function) or ""))
        bounded = all(d.bytes is not None for d in depths)
        return Depth(worst.bytes if bounded else None, worst.chain, notes)

    def _inlined(self, key: str) -> Depth:
        """A function that was never compiled on its own: what it calls still counts."""
        self._known[key] = Depth(0, ())
        return self._worst(sorted(self._inlined_callees(key)))

    def _inlined_callees(self, key: str) -> set[str]:
        callees: set[str] = set()
        for number, step in enumerate(self.program.routines[key].steps):
            if isinstance(step, Call):
                callees |= self.pointers.called_at(key, number)
        return callees

    def _external(self, name: str) -> Depth:
        if name in NO_RETURN or name.startswith("__builtin_"):
            return Depth(0, ())
        bytes_ = self.note.external_bytes.get(name)
        source: Source = "assumption"
        if bytes_ is None and name in self.outside_bytes:
            bytes_, source = self.outside_bytes[name], "call graph"
        if bytes_ is None:
            bytes_ = self.note.external_default_bytes
        if bytes_ is None:
            text = f"{name} is outside of the server: say [stack] external_bytes.{name}"
            return Depth(None, (), frozenset({text}))
        return Depth(bytes_, (Frame(function=name, bytes=bytes_, source=source),))

    def _recursive(self, key: str) -> Depth:
        """A recursion counts as often as the annotations say that it is on the stack."""
        members = sorted(self._cycles[key])
        limits = [n for m in members if (n := self.note.recursion.get(name_of(m)))]
        outside = {c for m in members for c in self._calls.get(m, ()) if c not in members}
        below = self._worst(sorted(outside))
        names = ", ".join(self.program.show(m) for m in members)
        times = max(limits) if limits else 1
        chain: list[Frame] = []
        total: int | None = 0 if limits else None
        for member in members:
            frame = self._frame(member)
            own = self._own_bytes(name_of(member), frame)[0] if frame else 0
            shown = Frame(
                function=self.program.show(member), bytes=(own or 0) * times, source="compiler"
            )
            chain.append(shown)
            total = None if total is None or own is None else total + own * times
        notes = below.notes
        if not limits:
            text = f"recursion of {names}: say [stack] recursion.{name_of(key)}"
            notes |= {text}
        bounded = total is not None and below.bytes is not None
        bytes_ = (total or 0) + (below.bytes or 0) if bounded else None
        return Depth(bytes_, (*chain, *below.chain), notes)

    def describe(self, key: str, role: Literal["stage", "scheduler"], root: str) -> StackDepth:
        """The depth from a stage or scheduler, as a result."""
        found = self.depth(key)
        notes = sorted(found.notes)
        if found.bytes is None:
            notes.append(f"the known part is {found.known} bytes")
        return StackDepth(
            root=root, role=role, bytes=found.bytes, chain=list(found.chain), notes=notes
        )
