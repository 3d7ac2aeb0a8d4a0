# SPDX-License-Identifier: MIT
"""Which files of a tree are the server, and how they are compiled, where nobody has said."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ground.errors import UsageError
from stingy.lower.sources import find_sources
from stingy.lower.units import load_units
from stingy.model.annotations import Sources
from stingy.model.program import Func, Unit, Var, expressions_of, name_of, walk
from stingy.proposal.candidates import LIBRARY_LOOPS, WAITS

_BUILDS = (".", "build", "builddir", "_build", "out")
_NOT_SERVERS = {"test", "tests", "testing", "examples", "contrib", "doc", "docs", "fuzz", "bench"}
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The files of a server.

    ``refused`` are files that could not be analysed, with the reason; ``foreign`` those that the
    server does not use (other programs of the same tree).
    """

    sources: Sources
    units: tuple[Unit, ...]
    refused: dict[str, str]
    foreign: tuple[str, ...]
    notes: tuple[str, ...]


def choose_sources(
    root: Path, files: tuple[str, ...], flags: tuple[str, ...], commands: Path | None,
    report: Report = lambda _: None,
) -> Chosen:  # fmt: skip
    """Analyse what may belong to the server, and keep what its main program uses.

    Raises UsageError where there is nothing to analyse, or where the tree is not configured yet.
    """
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder", hint="give --root the folder of the sources")
    commands = commands or find_commands(root)
    found = keep_compiled(list_sources(root), root, commands)
    if not files and not found:
        raise UsageError(f"there is no C file below {root}", hint="correct --root")
    notes = [] if commands or flags else describe_build(root)
    wanted = Sources(
        files=files or tuple(found),
        flags=flags or (() if commands else guess_flags(root)),
        compile_commands=commands,
    )
    units = load_units(find_sources(wanted, root), root, report=report)
    refused = {unit.file: unit.problem for unit in units if unit.problem}
    good = [unit for unit in units if not unit.problem]
    if not good:
        file, reason = next(iter(refused.items()))
        raise UsageError(
            f"none of {len(refused)} files could be analysed; {file}: {reason}",
            hint="configure the server, build it with `memwalk record --root DIR -- make`, which "
            "writes down the flags of the compiler; or give each of them (--flag=-Isrc)",
        )
    notes += describe_refused(root, refused, commands)
    kept = good if files else keep_used(good)
    chosen = replace_files(wanted, files or tuple(unit.file for unit in kept))
    left = tuple(unit.file for unit in good if unit not in kept)
    return Chosen(chosen, tuple(kept), refused, left, tuple(notes))


def replace_files(sources: Sources, files: tuple[str, ...]) -> Sources:
    """The same flags for other files."""
    return sources.model_copy(update={"files": files})


def find_commands(root: Path) -> Path | None:
    """A compile_commands.json where build tools leave it, relative to the root."""
    places = (Path(build, "compile_commands.json") for build in _BUILDS)
    return next((place for place in places if (root / place).is_file()), None)


def list_sources(root: Path) -> list[str]:
    """The C files below the root, without those of folders for tests and examples."""
    found = []
    for path in sorted(root.rglob("*.c")):
        folders = path.relative_to(root).parts[:-1]
        if not any(one.lower() in _NOT_SERVERS or one.startswith(".") for one in folders):
            found.append(path.relative_to(root).as_posix())
    return found


def keep_compiled(files: list[str], root: Path, commands: Path | None) -> list[str]:
    """Those of the files that the build compiles, if its commands say so for some."""
    if commands is None or not (root / commands).is_file():
        return files
    entries = json.loads((root / commands).read_bytes())
    compiled = {Path(one["directory"], one["file"]).resolve() for one in entries}
    return [file for file in files if (root / file).resolve() in compiled] or files


def guess_flags(root: Path) -> tuple[str, ...]:
    """Folders with headers, and whether there is a configuration header."""
    headers = sorted(root.rglob("*.h"))
    folders = {path.parent.relative_to(root) for path in headers}
    flags = [f"-I{folder.as_posix()}" for folder in sorted(folders)]
    if any(path.name == "config.h" for path in headers):
        flags.append("-DHAVE_CONFIG_H")
    return tuple(flags)


def describe_build(root: Path) -> list[str]:
    """What has to be done before the sources can be read as they are compiled."""
    configured = any(path.name == "config.h" for path in root.rglob("config.h"))
    if not configured and ((root / "configure").is_file() or (root / "configure.ac").is_file()):
        return [
            "the tree has a configure script that has not run: run it first, or the headers that "
            "it makes are missing"
        ]
    if (root / "CMakeLists.txt").is_file() and not configured:
        return [
            "the tree is built by CMake: cmake -B build -DCMAKE_EXPORT_COMPILE_COMMANDS=ON gives "
            "the flags of every file"
        ]
    return []


def describe_refused(root: Path, refused: dict[str, str], commands: Path | None) -> list[str]:
    """What is lost with the files that could not be read, and what helps."""
    if not refused:
        return []
    lines = {file: len((root / file).read_bytes().splitlines()) for file in refused}
    largest = max(lines, key=lambda file: lines[file])
    text = f"{sum(lines.values())} lines could not be read, most of them in {largest}"
    if commands is None:
        text += ": build with `memwalk record --root DIR -- make`, which writes down all flags"
    return [text]


# -- which files the server's main program uses --------------------------------------------------


def keep_used(units: list[Unit]) -> list[Unit]:
    """The files that the program with the event loop uses; all of them if no file has a main."""
    mains = [unit for unit in units if "main" in unit.routines]
    if not mains:
        return units
    definers: dict[str, list[Unit]] = {}
    for unit in units:
        for key in _defined(unit):
            definers.setdefault(key, []).append(unit)
    used = [_close(unit, definers) for unit in mains]
    best = max(used, key=lambda one: (any(_waits(u) for u in one), len(one)))
    return [unit for unit in units if unit in best]


def _close(start: Unit, definers: dict[str, list[Unit]]) -> list[Unit]:
    found, waiting = [start], [start]
    while waiting:
        for key in _used(waiting.pop()):
            for unit in definers.get(key, ()):
                if unit not in found and "main" not in unit.routines:
                    found.append(unit)
                    waiting.append(unit)
    return found


def _defined(unit: Unit) -> Iterator[str]:
    yield from unit.routines
    yield from (key for key, one in unit.storage.items() if one.defined)


def _used(unit: Unit) -> set[str]:
    found: set[str] = set()
    steps = [step for routine in unit.routines.values() for step in routine.steps]
    for step in (*steps, *unit.initialisers):
        for expr in expressions_of(step):
            for part in walk(expr):
                if isinstance(part, Func):
                    found.add(part.key)
                elif isinstance(part, Var) and not part.function:
                    found.add(part.name)
    return found


def _waits(unit: Unit) -> bool:
    names = {
        name_of(call.callee.key)
        for routine in unit.routines.values()
        for call in routine.calls()
        if isinstance(call.callee, Func)
    }
    return bool(names & (WAITS | LIBRARY_LOOPS))
