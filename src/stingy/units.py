# SPDX-License-Identifier: MIT
"""Translation units, cached by content: only what changed is analysed again."""

from __future__ import annotations

import functools
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from ground.files import canonical_json, digest_bytes, digest_file, digest_tree, write_atomically
from ground.places import find_cache
from stingy.frames import compile_frames
from stingy.lowering import lower
from stingy.program import Unit
from stingy.sources import Source, clang_flags

_WORKERS = 2


def load_units(
    sources: list[Source],
    root: Path,
    *,
    fresh: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> list[Unit]:
    """The units of all sources, in their order; ``fresh`` ignores what is cached.

    ``report`` is told the file of each unit that is analysed again.
    """
    cached = {s.path: None if fresh else _read_cached(s) for s in sources}
    missing = [s for s in sources if cached[s.path] is None]
    made = _make_units(missing, root, report)
    return [cached[s.path] or made[s.path] for s in sources]


def _make_units(
    sources: list[Source], root: Path, report: Callable[[str], None]
) -> dict[Path, Unit]:
    workers = min(_WORKERS, os.cpu_count() or 1, len(sources))
    made: dict[Path, Unit] = {}
    if workers <= 1:
        for source in sources:
            made[source.path] = _make_unit(source, root)
            report(source.file)
        return made
    with ProcessPoolExecutor(workers) as pool:
        largest_first = sorted(sources, key=lambda s: -s.path.stat().st_size)
        jobs = {s: pool.submit(_make_unit, s, root) for s in largest_first}
        for source, job in jobs.items():
            made[source.path] = job.result()
            report(source.file)
    return made


def _make_unit(source: Source, root: Path) -> Unit:
    unit = lower(source.path, source.file, root, clang_flags(source), "")
    if not unit.problem:
        unit.frames, complaint = compile_frames(source)
        if complaint:
            unit.problem = f"{source.compiler} does not compile it: {complaint}"
    inputs = canonical_json(dict(sorted(unit.inputs.items())))
    unit.digest = digest_bytes(_name_entry(source).encode() + inputs)
    _write_cached(source, unit)
    return unit


@functools.cache
def _digest_of_code() -> str:
    """Of this package: another version of the analysis has another cache."""
    return digest_tree(Path(__file__).parent)


@functools.cache
def _digest_of_input(path: str) -> str:
    try:
        return digest_file(Path(path))
    except OSError:
        return ""


def _name_entry(source: Source) -> str:
    return digest_bytes(
        canonical_json(
            [_digest_of_code(), str(source.path), source.file, source.compiler,
             list(source.flags), str(source.directory)]
        )
    )  # fmt: skip


def _entry(source: Source) -> Path:
    return find_cache() / "memwalk" / f"{_name_entry(source)}.unit"


def _read_cached(source: Source) -> Unit | None:
    """The cached unit, if every file that it was made of is still the same."""
    try:
        data = _entry(source).read_bytes()
        digest, body = data[:64].decode(), data[64:]
        if digest != digest_bytes(body):
            return None
        unit = pickle.loads(body)
    except (OSError, UnicodeDecodeError, pickle.UnpicklingError, AttributeError, EOFError):
        return None
    if not isinstance(unit, Unit) or not unit.inputs:
        return None
    same = all(_digest_of_input(path) == digest for path, digest in unit.inputs.items())
    return unit if same else None


def _write_cached(source: Source, unit: Unit) -> None:
    body = pickle.dumps(unit, protocol=5)
    write_atomically(_entry(source), digest_bytes(body).encode() + body)
