# SPDX-License-Identifier: MIT
"""A tier's plan and stored runs in one file: to go on with them on another machine, to bring the
parts of several machines together, or to draw every figure without a machine.

The file is a tar archive, compressed by xz: ``plan.json``, then for each run
``runs/KEY/entry.json`` and, of profiled runs, ``runs/KEY/symbols.csv``.  Consoles and captures stay
behind: they explain a run, but no figure and no verdict comes from them.  The same runs give the
same bytes.
"""

from __future__ import annotations

import io
import lzma
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from artifact.runs.plan import Plan, render_plan
from artifact.runs.searches import expand_plan, follow_searches
from artifact.runs.store import ENTRY, DamageError, Entry, Store
from artifact.runs.symbols import NAME as SYMBOLS
from ground.documents import MisfitError, read_made
from ground.errors import UsageError
from ground.files import write_atomically

PLAN: Final = "plan.json"
MEMBER: Final = re.compile(rf"runs/([0-9a-f]{{64}})/({re.escape(ENTRY)}|{re.escape(SYMBOLS)})")
LARGEST_MEMBER: Final = 64 << 20  # bytes; the plan of a full tier has 3 MB, a run some kilobytes
CHUNK: Final = 1 << 20


@dataclass(frozen=True)
class Exported:
    """How many runs went into an archive, how many of the plan are not stored (or damaged), and
    the archive's size."""

    runs: int
    missing: int
    bytes: int


@dataclass(frozen=True)
class Imported:
    """The plan of an archive, and how many of its runs were new to the store and how many not."""

    plan: Plan
    new: int
    known: int


def export_runs(plan: Plan, store: Store, path: Path) -> Exported:
    """Write the runs of ``plan`` that ``store`` has, peak searches included, to ``path``."""
    plan_and_probes = expand_plan(plan, follow_searches(plan, store))
    keys = sorted(plan_and_probes.keys)
    packed = Counter[str]()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz", preset=9) as archive:
        _add(archive, PLAN, render_plan(plan).encode())
        for key in keys:
            files = list(_list_files(store, key))
            for name, data in files:
                _add(archive, f"runs/{key}/{name}", data)
            packed["runs" if files else "missing"] += 1
    write_atomically(path, buffer.getvalue())
    return Exported(packed["runs"], packed["missing"], buffer.tell())


def _list_files(store: Store, key: str) -> Iterator[tuple[str, bytes]]:
    """Names and contents of what is kept of a run; nothing if it is absent or damaged."""
    try:
        if store.load(key) is None:
            return
    except DamageError:
        return
    for name in (ENTRY, SYMBOLS):
        path = store.find_directory(key) / name
        if path.is_file():
            yield name, path.read_bytes()


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)  # of nobody, at no time
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def import_runs(path: Path, store: Store) -> Imported:
    """Put the runs of the archive ``path`` into ``store``.

    Each is whole or absent, so an import that was stopped can be given again.  Raises UsageError
    if ``path`` is not an archive or a damaged one, DeterminismError if the store has another result
    for one of the runs.
    """
    present = set(store.find_keys())
    found = Counter[bool]()
    try:
        with lzma.open(path) as stream:
            members = _read_members(stream)
            plan = _read_plan(members)
            for key, files in _group(members):
                _commit(store, key, files)
                found[key in present] += 1
    except FileNotFoundError:
        raise UsageError(f"there is no {path}", hint="name the file of an export") from None
    except (tarfile.TarError, lzma.LZMAError, EOFError, ValueError) as error:
        raise UsageError(
            f"{path} is not a whole archive of runs: {str(error).splitlines()[0]}",
            hint="fetch it again, or export it again (./invoke results.export); an archive is read "
            "by the version of this project that wrote it",
        ) from error
    return Imported(plan, new=found[False], known=found[True])


def _read_members(stream: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            if content is None:
                raise ValueError(f"{member.name!r} is not a file")
            if member.size > LARGEST_MEMBER:
                raise ValueError(f"{member.name!r} has {member.size} bytes")
            yield member.name, content.read()
    while stream.read(CHUNK):  # to the checksum at the very end
        pass


def _read_plan(members: Iterator[tuple[str, bytes]]) -> Plan:
    name, data = next(members, ("", b""))
    if name != PLAN:
        raise ValueError(f"it does not begin with {PLAN}")
    return read_made(Plan, data)


def _group(members: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Keys and files of the runs, which follow each other."""
    current, files = "", dict[str, bytes]()
    for name, data in members:
        match = MEMBER.fullmatch(name)
        if match is None:
            raise ValueError(f"{name!r} belongs to no run")
        if match[1] != current and files:
            yield current, files
            files = {}
        current = match[1]
        files[match[2]] = data
    if files:
        yield current, files


def _commit(store: Store, key: str, files: dict[str, bytes]) -> None:
    try:
        entry = read_made(Entry, files.get(ENTRY, b""))
    except MisfitError as misfit:
        raise ValueError(f"the run {key}: {misfit}") from None
    if entry.key != key:
        raise ValueError(f"the run {key} has the inputs of {entry.key}")
    with store.open_workspace() as workspace:
        folder = workspace / "run"
        folder.mkdir()
        if SYMBOLS in files:
            (folder / SYMBOLS).write_bytes(files[SYMBOLS])
        store.commit(entry, folder)
