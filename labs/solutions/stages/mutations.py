# SPDX-License-Identifier: MIT
"""Wrong answers, made from the right ones as students make them."""

from __future__ import annotations

import re
import tempfile
import tomllib
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from labs.catalogue import find_entry
from labs.handout import write_handout

Table = dict[str, Any]


def load_solution() -> Any:
    """solve.py beside this file."""
    spec = spec_from_file_location("solve", Path(__file__).with_name("solve.py"))
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def change(folder: Path, how: Callable[[Table], None]) -> None:
    """Change both servers' tables of graph.toml."""
    path = folder / "graph.toml"
    lines = []
    for name, table in tomllib.loads(path.read_text()).items():
        how(table)
        lines.append(f"[{name}]")
        lines += [f"{key} = {table[key]}" for key in ("edges", "impossible", "peak_bytes")]
        for part in ("bytes", "live"):
            lines += [f"[{name}.{part}]", *(f"{k} = {v}" for k, v in table[part].items())]
    path.write_text("\n".join(lines) + "\n")


def change_annotations(folder: Path, pattern: str, replacement: str) -> None:
    """Change annotations.toml in one way that must apply."""
    path = folder / "annotations.toml"
    text, count = re.subn(pattern, replacement, path.read_text(), flags=re.DOTALL)
    assert count, pattern
    path.write_text(text)


def forget_errors(folder: Path) -> None:
    """Direct calls of the last stage are left out."""

    def how(table: Table) -> None:
        table["edges"] = [edge for edge in table["edges"] if edge[2] != "direct"]

    change(folder, how)


def forget_timers(folder: Path) -> None:
    """No edge is a timer's."""

    def how(table: Table) -> None:
        table["edges"] = [edge for edge in table["edges"] if edge[2] != "timer"]

    change(folder, how)
    blocks = (folder / "annotations.toml").read_text().split("\n\n")
    kept = [block for block in blocks if 'queue = "timer"' not in block]
    (folder / "annotations.toml").write_text("\n\n".join(kept))


def connect_all(folder: Path) -> None:
    """Nothing is missed."""

    def how(table: Table) -> None:
        stages = sorted({stage for edge in table["edges"] for stage in edge[:2]})
        kinds = ("queue", "socket", "timer", "direct")
        table["edges"] = [[a, b, kind] for a in stages for b in stages for kind in kinds]
        table["live"] = dict.fromkeys(table["live"], stages)
        table["peak_bytes"] = sum(table["bytes"].values())
        table["impossible"] = []

    change(folder, how)


def believe(folder: Path) -> None:
    """What can never happen is an edge as others are."""

    def how(table: Table) -> None:
        table["edges"] += table["impossible"]
        table["impossible"] = []

    change(folder, how)


def forget_lives(folder: Path) -> None:
    """The first stage of each object is its only one."""

    def how(table: Table) -> None:
        table["live"] = {thing: stages[:1] for thing, stages in table["live"].items()}
        table["peak_bytes"] = max(table["bytes"].values())

    change(folder, how)


def forget_padding(folder: Path) -> None:
    """Sums of fields."""

    def how(table: Table) -> None:
        table["bytes"] = {thing: size - size % 8 + 1 for thing, size in table["bytes"].items()}

    change(folder, how)


def swap_arguments(folder: Path) -> None:
    """The roles of all arguments are turned round."""
    path = folder / "annotations.toml"
    text = re.sub(
        r"arguments = \[(['\"\w\-, ]*, ['\"\w\-, ]*)\]",
        lambda match: f"arguments = [{', '.join(reversed(match.group(1).split(', ')))}]",
        path.read_text(),
    )
    path.write_text(text)


def forget_free_list(folder: Path) -> None:
    """Neither where a request comes from nor where it goes to."""
    blocks = (folder / "annotations.toml").read_text().split("\n\n")
    kept = [
        b
        for b in blocks
        if "object = " not in b and not ("constructs.free" in b and '"free"' not in b)
    ]
    (folder / "annotations.toml").write_text("\n\n".join(kept))


def bring_compiler(folder: Path) -> None:
    """A table that is the grader's."""
    with (folder / "annotations.toml").open("a") as stream:
        stream.write('\n[sources]\nfiles = ["*.c"]\ncompiler = "./mine"\n')


def answer_published(folder: Path) -> None:
    """The right answers to the server of the published secret."""
    with tempfile.TemporaryDirectory() as name:
        published = Path(name) / "handout"
        write_handout(find_entry("stages"), published)
        load_solution().solve(published)
        for file in ("graph.toml", "annotations.toml"):
            (folder / file).write_bytes((published / file).read_bytes())
