# SPDX-License-Identifier: MIT
"""Ground truth that a reader of the source wrote down, and the cases that have one.

A case is an annotation file with its truth.  A server has ``annotations.toml`` and ``truth.toml``
in one folder; a snippet ``NAME.c`` has ``NAME.toml``, and its annotations are made from defaults.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ground.documents import Strict, load_document, read_toml
from ground.files import write_atomically
from stingy.model.results import EdgeKind, WarningKind


class TrueObject(Strict):
    """A per-request object; ``bytes`` of the target that the tools run on.

    ``held_in`` are the stages at whose start every request has one; None: not looked at.
    """

    type: str = ""
    holder: str = ""
    bytes: int | Literal["unknown"]
    allocated_in: tuple[str, ...]
    freed_in: tuple[str, ...]
    live_in: tuple[str, ...]
    held_in: tuple[str, ...] | None = None
    max_live: int | Literal["unbounded"] = 1
    free_list: str = ""

    @property
    def name(self) -> str:
        """The type, or the place that holds it if it has no type of its own."""
        return self.type or self.holder


class Truth(Strict):
    """What is true of a server or a snippet."""

    discipline: Literal["queue", "lifo", "own"] = "queue"
    entry: str = "stage_start"
    flags: tuple[str, ...] = ("-std=gnu17",)
    edges: tuple[tuple[str, str, EdgeKind], ...]
    exclusions: tuple[tuple[str, str], ...] = ()
    objects: tuple[TrueObject, ...] = ()
    warnings: tuple[WarningKind, ...] = ()
    unresolved: tuple[str, ...] = ()
    unbounded: tuple[str, ...] = ()
    refused: bool = False
    chains: dict[str, tuple[str, ...]] = Field(default={})  # deepest chain of calls of each stage
    annotations: dict[str, Any] = Field(default={})


@dataclass(frozen=True)
class Case:
    """An annotation file with what is true of its server."""

    name: str
    annotations: Path
    truth: Truth


def load_truth(path: Path) -> Truth:
    """Read a truth file; raises UsageError that names the file and the field."""
    return load_document(Truth, path)


def find_snippets(folder: Path, defaults: Path, out: Path) -> list[Case]:
    """The cases of the snippets in ``folder``; their annotation files are written to ``out``."""
    cases = []
    for path in sorted(folder.glob("*.toml")):
        truth = load_truth(path)
        annotations = out / f"{path.stem}.annotations.toml"
        write_atomically(annotations, dump_toml(_make_annotations(path, truth, defaults)).encode())
        cases.append(Case(path.stem, annotations, truth))
    return cases


def find_server(folder: Path) -> Case:
    """The case of the server in ``folder``."""
    return Case(folder.name, folder / "annotations.toml", load_truth(folder / "truth.toml"))


def _make_annotations(path: Path, truth: Truth, defaults: Path) -> dict[str, Any]:
    document: dict[str, Any] = {
        "schema": 1,
        "server": {"name": path.stem, "root": str(path.parent.resolve())},
        "sources": {"files": [f"{path.stem}.c"], "flags": [*truth.flags, "-O2"]},
        "stack": {"external_default_bytes": 512},
    }
    if truth.discipline != "own":
        shared = read_toml(defaults / f"{truth.discipline}.toml")
        _drop_unused(shared, path.with_suffix(".c"))
        merge(document, shared)
    merge(document, truth.annotations)
    return document


def _drop_unused(shared: dict[str, Any], source: Path) -> None:
    """Leave out allocators that the snippet does not call: a name that is nowhere is an error."""
    text = source.read_text()
    included = re.findall(r'#include "(\w+\.h)"', text)
    words = set(
        re.findall(r"\w+", "".join([text, *((source.parent / i).read_text() for i in included)]))
    )
    for construct in ("malloc", "free"):
        ones = shared["constructs"][construct]
        shared["constructs"][construct] = [one for one in ones if one["function"] in words]


def merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Put ``more`` into ``into``: lists are joined, tables merged, the rest replaced."""
    for key, value in more.items():
        if isinstance(value, dict):
            merge(into.setdefault(key, {}), value)
        elif isinstance(value, list):
            into[key] = [*into.get(key, []), *value]
        else:
            into[key] = value


def dump_toml(document: Mapping[str, Any]) -> str:
    """``document`` as TOML, with all tables inline."""
    return "".join(f"{key} = {_dump(value)}\n" for key, value in document.items())


def _dump(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_dump(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_dump(item) for item in value) + "]"
    return json.dumps(value)
