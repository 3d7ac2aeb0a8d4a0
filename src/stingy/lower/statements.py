# SPDX-License-Identifier: MIT
"""Lowering of statements into a routine's graph."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from stingy.lower import clang
from stingy.lower.clang import Cursor
from stingy.lower.initialisers import Initialisers
from stingy.lower.names import canonical
from stingy.model.program import (
    Assign,
    Assume,
    Call,
    Expr,
    Func,
    Op,
    Return,
    Unknown,
    name_of,
)

_FOR_PARTS = 4
_CLEANUP = re.compile(r"cleanup(?:__)?\s*\(\s*(\w+)\s*\)")


@dataclass(slots=True)
class _Switch:
    """A switch while its body is lowered."""

    value: Expr
    text: str
    heads: list[int]  # the open ends at the head
    values: list[Expr] = field(default_factory=list)
    has_default: bool = False
    default: int = -1


class Statements(Initialisers):
    """Lowers the body of one routine."""

    _breaks: list[int]
    _continues: list[int]
    _switches: list[_Switch]
    _indirect: list[list[int]]
    _cleanups: list[list[tuple[Expr, str, Cursor]]]  # by scope: variable, function

    def lower_body(self, body: Cursor) -> None:
        """Lower the whole body; falling off its end returns."""
        self._breaks, self._continues, self._switches = [], [], []
        self._indirect, self._cleanups = [], []
        self.statement(body)
        end = self.names.spot(body)
        if self.graph.open:
            last = type(end)(end.file, body.extent.end.line, body.extent.end.column)
            self.graph.end(Return(None, last))
        for ends in self._indirect:  # computed goto: any label whose address may be taken
            for target in self.graph.labels.values():
                for source in ends:
                    self.graph.link(source, target)

    def statement(self, cursor: Cursor) -> None:
        """Lower one statement."""
        kind = clang.kind(cursor)
        lower = getattr(self, f"_do_{kind.lower()}", None)
        if lower is not None:
            lower(cursor)
        elif kind.endswith(("_STMT", "_ATTR", "_DECL", "_REF")):
            for child in clang.children(cursor):
                self.statement(child)
        else:
            self.value(cursor)

    def statement_expression(self, body: Cursor) -> Expr:
        """Lower ``({ ... })``: its value is that of its last expression."""
        parts = clang.children(body)
        for part in parts[:-1]:
            self.statement(part)
        if not parts:
            return Unknown()
        last = parts[-1]
        while clang.kind(last) == "LABEL_STMT":
            self.graph.go_on_at(self.graph.label(last.spelling))
            last = clang.children(last)[-1]
        if clang.kind(last).endswith("_STMT"):
            self.statement(last)
            return Unknown()
        return self.value(last)

    def _do_compound_stmt(self, cursor: Cursor) -> None:
        self._cleanups.append([])
        for child in clang.children(cursor):
            self.statement(child)
        self._clean_up(self._cleanups.pop())

    def _clean_up(self, scope: list[tuple[Expr, str, Cursor]]) -> None:
        """Call what __attribute__((cleanup)) names, where a scope is left."""
        for variable, function, cursor in reversed(scope):
            if not self.graph.open:
                return
            keys = [k for k in self.names.unit.declared if name_of(k) == function]
            callee = Func(keys[0] if keys else function)
            signature = self.names.unit.declared.get(callee.key, "")
            spot = self.names.spot(cursor)
            result = self.temporary("void")
            argument = self.address(variable)
            text = f"cleanup({function})"
            self.graph.add(Call(callee, (argument,), result, signature, spot, text, function))

    def _note_cleanup(self, variable: Expr, cursor: Cursor) -> None:
        found = _CLEANUP.search(self.names.attributes_text(cursor))
        if found and self._cleanups:
            self._cleanups[-1].append((variable, found[1], cursor))

    def _do_null_stmt(self, _: Cursor) -> None:
        pass

    def _do_decl_stmt(self, cursor: Cursor) -> None:
        for child in clang.children(cursor):
            if clang.kind(child) == "VAR_DECL":
                self._declare(child)
            elif clang.kind(child) == "TYPEDEF_DECL":
                self.names.typedef(child)

    def _declare(self, cursor: Cursor) -> None:
        variable = self.names.resolve(cursor, self.routine.key)
        static = cursor.storage_class.name in {"STATIC", "EXTERN"}
        kind = cursor.type.get_canonical().kind.name
        parts = [c for c in clang.children(cursor) if not clang.kind(c).endswith(("_REF", "_ATTR"))]
        if kind == "VARIABLEARRAY":
            self.routine.dynamic.append(cursor.spelling)
            for part in parts:
                if not clang.kind(part).endswith("_DECL"):
                    self.value(part)
            return
        if variable is None or isinstance(variable, int):
            return
        if any(clang.kind(c).endswith("_ATTR") for c in clang.children(cursor)):
            self._note_cleanup(variable, cursor)
        if not parts:
            return
        initialiser = parts[-1]
        if kind == "CONSTANTARRAY" and clang.kind(initialiser) == "INTEGER_LITERAL":
            return  # the array's length, not a value
        if clang.kind(initialiser).endswith("_DECL"):
            return  # parameters of a function pointer's type
        if static:
            self._initialise_static(variable, initialiser)
        else:
            self.initialise(variable, initialiser)

    def _initialise_static(self, variable: Expr, initialiser: Cursor) -> None:
        graph_open = self.graph.open
        before = len(self.routine.steps)
        self.graph.open = []
        self.initialise(variable, initialiser)
        added = self.routine.steps[before:]
        self.names.unit.initialisers += [s for s in added if isinstance(s, Assign)]
        del self.routine.steps[before:]
        del self.routine.successors[before:]
        self.graph.open = graph_open

    # -- branches ----------------------------------------------------------------------------

    def _do_if_stmt(self, cursor: Cursor) -> None:
        parts = clang.children(cursor)
        while clang.kind(parts[0]) in {"DECL_STMT"}:  # C23-like: if (int x = ...; x)
            self.statement(parts.pop(0))
        yes, no = self.condition(parts[0])
        self.graph.open = yes
        if len(parts) > 1:
            self.statement(parts[1])
        after_yes = self.graph.open
        self.graph.open = no
        if len(parts) > 2:
            self.statement(parts[2])
        self.graph.open = after_yes + self.graph.open

    def _do_switch_stmt(self, cursor: Cursor) -> None:
        parts = clang.children(cursor)
        value = self.copy(self.value(parts[-2]), parts[-2])
        switch = _Switch(value, self.text(parts[-2]), list(self.graph.open))
        end = self.graph.reserve()
        switch.default = self.graph.reserve()
        self._switches.append(switch)
        self._breaks.append(end)
        self.graph.open = []
        self.statement(parts[-1])
        self._breaks.pop()
        self._switches.pop()
        after = self.graph.open
        self._default_branch(switch)
        if switch.has_default:
            self.graph.jump(switch.default)
        self.graph.open = after + self.graph.open
        self.graph.go_on_at(end)

    def _default_branch(self, switch: _Switch) -> None:
        """From the head to what no case takes: every case's test is false."""
        self.graph.open = list(switch.heads)
        for test in switch.values:
            if self.graph.open:
                self.graph.add(Assume(test, False, f"{switch.text} is this case"))

    def _case(self, test: Expr, label: str) -> None:
        switch = self._switches[-1]
        before = self.graph.open
        self.graph.open = list(switch.heads)
        if self.graph.open:
            self.graph.add(Assume(test, True, f"{switch.text} == {label}"))
        self.graph.open = before + self.graph.open
        switch.values.append(test)

    def _do_case_stmt(self, cursor: Cursor) -> None:
        if not self._switches:
            return
        parts = clang.children(cursor)
        switch = self._switches[-1]
        low = self.value(parts[0])
        if len(parts) > 2:  # case low ... high:
            high = self.value(parts[1])
            test: Expr = Unknown((switch.value, low, high))
            label = f"{self.text(parts[0])} ... {self.text(parts[1])}"
        else:
            test = Op("==", (switch.value, low))
            label = self.text(parts[0])
        self._case(test, label)
        self.statement(parts[-1])

    def _do_default_stmt(self, cursor: Cursor) -> None:
        if self._switches:
            switch = self._switches[-1]
            switch.has_default = True
            self.graph.go_on_at(switch.default)
        for child in clang.children(cursor):
            self.statement(child)

    # -- loops -------------------------------------------------------------------------------

    def _loop(self, test: Cursor | None, step: Cursor | None, body: Cursor) -> None:
        head = self.graph.join()
        end, again = self.graph.reserve(), self.graph.reserve()
        no: list[int] = []
        if test is not None:
            self.graph.open, no = self.condition(test)
        self._inside(body, end, again)
        self.graph.go_on_at(again)
        if step is not None:
            self.value(step)
        self.graph.jump(head)
        self.graph.open = no
        self.graph.go_on_at(end)
        self._drop_unreached(end)

    def _inside(self, body: Cursor, end: int, again: int) -> None:
        self._breaks.append(end)
        self._continues.append(again)
        self.statement(body)
        self._continues.pop()
        self._breaks.pop()

    def _drop_unreached(self, end: int) -> None:
        if not any(end in successors for successors in self.routine.successors):
            self.graph.open = []

    def _do_while_stmt(self, cursor: Cursor) -> None:
        parts = clang.children(cursor)
        self._loop(parts[-2], None, parts[-1])

    def _do_do_stmt(self, cursor: Cursor) -> None:
        body, test = clang.children(cursor)[:2]
        head = self.graph.join()
        end, again = self.graph.reserve(), self.graph.reserve()
        self._inside(body, end, again)
        self.graph.go_on_at(again)
        self._drop_unreached(again)
        yes, no = self.condition(test) if self.graph.open else ([], [])
        self.graph.open = yes
        self.graph.jump(head)
        self.graph.open = no
        self.graph.go_on_at(end)
        self._drop_unreached(end)

    def _do_for_stmt(self, cursor: Cursor) -> None:
        parts = clang.children(cursor)
        body = parts[-1]
        slots = self._for_parts(cursor, parts)
        if slots[0] is not None:
            self.statement(slots[0])
        self._loop(slots[1], slots[2], body)

    def _for_parts(self, cursor: Cursor, parts: list[Cursor]) -> list[Cursor | None]:
        """Tell the start, the test and the step of a for apart when some are missing."""
        if len(parts) == _FOR_PARTS:
            return list(parts[:3])
        slots: list[Cursor | None] = [None, None, None]
        start = cursor.extent.start.offset
        for part in parts[:-1]:
            before = self.source[start : part.extent.start.offset].decode(errors="replace")
            position = min(_semicolons(before), 2)
            if clang.kind(part) == "DECL_STMT":
                position = 0
            while position < 2 and slots[position] is not None:
                position += 1
            slots[position] = part
        return slots

    def _do_break_stmt(self, _: Cursor) -> None:
        if self._breaks:
            self.graph.jump(self._breaks[-1])

    def _do_continue_stmt(self, _: Cursor) -> None:
        if self._continues:
            self.graph.jump(self._continues[-1])

    # -- jumps -------------------------------------------------------------------------------

    def _do_return_stmt(self, cursor: Cursor) -> None:
        parts = clang.children(cursor)
        value = self.value(parts[0]) if parts else None
        if isinstance(value, Unknown) and canonical(cursor.type) == "void":
            value = None
        if value is not None and any(self._cleanups):
            value = self.copy(value, cursor)
        for scope in reversed(self._cleanups):
            self._clean_up(scope)
        self.graph.end(Return(value, self.names.spot(cursor)))

    def _do_goto_stmt(self, cursor: Cursor) -> None:
        for child in clang.children(cursor):
            self.graph.jump(self.graph.label(child.spelling))

    def _do_indirect_goto_stmt(self, cursor: Cursor) -> None:
        for child in clang.children(cursor):
            self.value(child)
        self._indirect.append(list(self.graph.open))
        self.graph.open = []

    def _do_label_stmt(self, cursor: Cursor) -> None:
        self.graph.go_on_at(self.graph.label(cursor.spelling))
        for child in clang.children(cursor):
            self.statement(child)

    def _do_asm_stmt(self, cursor: Cursor) -> None:
        for child in clang.children(cursor):
            place = self.value(child)
            self.assign(place, Unknown((place,)), cursor)  # an operand may be an output
        if "goto" in self.text(cursor):
            self._indirect.append(list(self.graph.open))

    _do_gcc_asm_stmt = _do_asm_stmt


def _semicolons(text: str) -> int:
    """Semicolons of a for's head in ``text``, which begins at the for."""
    depth = 0
    count = 0
    for letter in text:
        depth += {"(": 1, ")": -1, "{": 1, "}": -1}.get(letter, 0)
        count += letter == ";" and depth == 1
    return count
