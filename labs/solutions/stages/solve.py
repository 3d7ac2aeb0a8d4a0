# SPDX-License-Identifier: MIT
"""Answers from the hand-out's sources alone: annotations by the comments of server.h, the graph by
memwalk, less the edges whose condition work.c rules out."""

from __future__ import annotations

import re
from pathlib import Path

from labs.stages.walking import find_edges, walk
from stingy.model.results import EXTERNAL, Memwalk

Edges = set[tuple[str, str, str]]
NEVER = ("mode > 2", "length > LINE_SIZE")  # read_command() sets both
ROLES = {"struct": "T", "stage_fn": "S"}


def read(folder: Path) -> dict[str, str]:
    """The sources of a server."""
    return {path.name: path.read_text() for path in sorted(folder.glob("*.[ch]"))}


def annotate(sources: dict[str, str]) -> str:
    """What memwalk has to know, by what the header says each function is for."""
    header, loop = sources["server.h"], sources["loop.c"]
    task = found(r"typedef void \(\*stage_fn\)\(struct (\w+) \*\)", header)[0]
    tables = [
        "schema = 1",
        '[dispatch]\ndiscipline = "queue"',
        f'[requests]\ntask = "struct {task}"',
    ]
    for comment, queue in (("runs in this", ""), ("socket is", "socket"), ("unless", "timer")):
        name, parameters = found(rf"void (\w+)\((.*)\);.*{comment}", header)
        roles = [ROLES.get(one.split()[0], "-") for one in parameters.split(", ")]
        waits = f'\nqueue = "{queue}"' if queue else ""
        tables.append(
            f'[[constructs.queue_stage]]\nfunction = "{name}"\narguments = {roles}{waits}'
        )
    for name in re.findall(rf"^static void (\w+)\(struct {task} \*c\)", loop, re.MULTILINE):
        tables.append(f'[[constructs.schedule_stage]]\nfunction = "{name}"\narguments = ["T"]')
    name = found(r"void (\w+)\(int listener\);", header)[0]
    tables.append(f'[[constructs.scheduler]]\nfunction = "{name}"')
    tables.append('[[constructs.malloc]]\nfunction = "malloc"\narguments = ["size"]')
    name = found(rf"static struct {task} \*(\w+)\(void\)", loop)[0]
    tables.append(f'[[constructs.malloc]]\nfunction = "{name}"\nobject = "struct {task}"')
    name = found(rf"\nvoid (\w+)\(struct {task} \*c\)\n", loop)[0]
    for one in ("free", name):
        tables.append(f'[[constructs.free]]\nfunction = "{one}"\narguments = ["O"]')
    return "\n\n".join(tables) + "\n"


def found(pattern: str, text: str) -> tuple[str, ...]:
    """The groups of the first match."""
    match = re.search(pattern, text)
    assert match, pattern
    return match.groups()


def find_impossible(result: Memwalk) -> Edges:
    """Edges of which every place has a condition that never holds."""
    return {
        (edge.source, edge.target, edge.kind.value)
        for edge in result.edges
        if edge.source != EXTERNAL and all(is_never(place.guard) for place in edge.evidence)
    }


def is_never(guard: str) -> bool:
    """Whether one of the conditions of ``guard`` never holds."""
    parts = [part for part in guard.split(" && ") if not part.startswith("!")]
    return any(word in part for part in parts for word in NEVER)


def answer(name: str, edges: Edges, impossible: Edges, result: Memwalk, peak: int | None) -> str:
    """The tables of one server in graph.toml."""
    lines = [f"[{name}]"]
    for key, rows in (("edges", edges), ("impossible", impossible)):
        lines += [f"{key} = {[list(row) for row in sorted(rows)]}"]
    lines += [f"peak_bytes = {peak}", f"[{name}.bytes]"]
    lines += [f"{thing.type.split()[-1]} = {thing.size.bytes}" for thing in result.objects]
    lines += [f"[{name}.live]"]
    lines += [f"{thing.type.split()[-1]} = {thing.live_in}" for thing in result.objects]
    return "\n".join(lines) + "\n"


def find_all(folder: Path) -> dict[str, Memwalk]:
    """memwalk's results for both servers of a hand-out."""
    names = ("practice", "server")
    return {
        name: walk(annotate(sources), sources) for name in names if (sources := read(folder / name))
    }


def solve(folder: Path) -> None:
    """Write both files."""
    (folder / "annotations.toml").write_text(annotate(read(folder / "server")))
    tables = []
    for name, result in find_all(folder).items():
        impossible = find_impossible(result)
        edges = find_edges(result) - impossible
        tables.append(answer(name, edges, impossible, result, result.peak_bytes))
    (folder / "graph.toml").write_text("\n".join(tables))
