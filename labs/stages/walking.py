# SPDX-License-Identifier: MIT
"""Lets memwalk read a server by a student's annotations.

Which files are read, and how the compiler is called, is never the student's: those tables are ours.
No program of the student runs here, and memwalk's own work is bounded by a number of steps.
"""

from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path

from ground.errors import ArtifactError
from ground.files import canonical_json, digest_bytes, write_atomically
from ground.paths import find_cache
from stingy.memwalk.passes import Options, analyse
from stingy.model.results import EXTERNAL, Memwalk

BUDGET_STEPS = 12_000  # right annotations need less than 10,000; wrong ones any number
TABLES = {"schema", "dispatch", "requests", "constructs", "stages", "objects", "indirect"}
OURS = """
[server]
name = "server"

[sources]
files = ["*.c"]
flags = ["-std=gnu11", "-O2"]
"""


class AnnotationError(Exception):
    """The annotations are not what memwalk takes; the message is for the student."""


def complete(text: str) -> str:
    """A student's annotations with the tables that are ours."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AnnotationError(f"annotations.toml is no TOML: {error}") from None
    if others := sorted(data.keys() - TABLES):
        raise AnnotationError(
            f"annotations.toml: [{others[0]}] is not taken here; tables are "
            f"{', '.join(sorted(TABLES - {'schema'}))}"
        )
    if data.get("dispatch") != {"discipline": "queue"}:
        raise AnnotationError(
            'annotations.toml: [dispatch] must be discipline = "queue" and no more'
        )
    return text + OURS


def walk(annotations: str, sources: dict[str, str]) -> Memwalk:
    """What memwalk finds; AnnotationError says what it cannot take."""
    text = complete(annotations)
    root = keep(sources)
    with tempfile.TemporaryDirectory(prefix="stages-") as name:
        path = Path(name) / "annotations.toml"
        path.write_text(text)
        try:
            return analyse(path, Options(root=root, budget=BUDGET_STEPS))
        except ArtifactError as error:
            hint = f"; try: {error.hint}" if error.hint else ""
            message = f"{error.message}{hint}".replace(f"{name}/", "").replace(f"{root}/", "")
            raise AnnotationError(message) from None
        except Exception as error:  # whatever it is, the other tests go on
            raise AnnotationError(f"memwalk cannot go on: {error!r}") from None


def keep(sources: dict[str, str]) -> Path:
    """A folder with the sources, the same for the same sources: memwalk knows by the path what it
    has analysed before."""
    folder = find_cache() / "labs" / digest_bytes(canonical_json(dict(sources)))
    for name, text in sources.items():
        if not (folder / name).exists():
            write_atomically(folder / name, text.encode())
    return folder


def find_edges(result: Memwalk) -> set[tuple[str, str, str]]:
    """Edges from stage to stage."""
    return {(e.source, e.target, str(e.kind)) for e in result.edges if e.source != EXTERNAL}


def find_live(result: Memwalk) -> set[tuple[str, str]]:
    """Pairs of an object and a stage in which it can be live."""
    return {(o.type.removeprefix("struct "), stage) for o in result.objects for stage in o.live_in}


def describe(result: Memwalk) -> str:
    """What was found, as lines for a terminal."""
    lines = [f"{len(result.stages)} stages, {len(result.edges)} edges, each with its first place:"]
    for edge in result.edges:
        place = edge.evidence[0]
        guard = f" if {place.guard}" if place.guard else ""
        where = f"{place.location.file}:{place.location.line}{guard}"
        lines.append(f"  {edge.source} -> {edge.target} ({edge.kind.value})  {where}")
    lines.append(f"{len(result.objects)} objects:")
    for thing in result.objects:
        size = "no known size" if thing.size.bytes is None else f"{thing.size.bytes} bytes"
        lines.append(f"  {thing.type}: {size}, live in {', '.join(thing.live_in)}")
    lines.append(f"at most {result.peak_bytes} bytes a request at a time")
    for one in result.unresolved:
        where = f"{one.location.file}:{one.location.line}"
        lines.append(f"unresolved: {one.kind} {one.expression} at {where}: {one.reason}")
    for warning in result.warnings:
        lines.append(f"warning: {warning.location.file}:{warning.location.line}: {warning.message}")
    return "\n".join(lines)
