# SPDX-License-Identifier: MIT
"""Translation units, cached by content: only what changed is analysed again."""

from __future__ import annotations

import functools
import os
import pickle
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from ground import process
from ground.files import canonical_json, digest_bytes, digest_file, write_atomically
from ground.paths import find_cache
from stingy.lower.frames import CommonHeader, compile_frames
from stingy.lower.lowering import Precompiled, lower
from stingy.lower.preambles import Preamble, find_preambles, lower_header
from stingy.lower.sources import Source, clang_flags
from stingy.model.program import Unit

_WORKERS = 2
_TREES_KEPT = 8  # of precompiled headers, 15 MB each in a kernel
_WORTHWHILE_FILES = 6  # gcc takes as long for a precompiled header as for four files of a kernel

Report = Callable[[str], None]


@dataclass(frozen=True)
class _Job:
    """A file to analyse: a header for several others, or a source file, which may have one."""

    source: Source
    root: Path
    preamble: Preamble | None = None  # the file is this preamble's header
    header: Precompiled | None = None
    common: CommonHeader | None = None  # the same, for gcc


def load_units(
    sources: list[Source], root: Path, *, fresh: bool = False, report: Report = lambda _: None
) -> list[Unit]:
    """The units of all sources, in their order; ``fresh`` ignores what is cached.

    ``report`` is told the file of each source that is analysed again.
    """
    shown = {s.path for s in sources}

    def tell(job: _Job) -> None:
        if job.source.path in shown:
            report(job.source.file)

    with (
        tempfile.TemporaryDirectory(prefix="memwalk-") as scratch,
        ProcessPoolExecutor(
            min(_WORKERS, os.cpu_count() or 1),
            initializer=process.die_with,
            initargs=(os.getpid(),),
        ) as pool,
    ):
        preambles = find_preambles(sources, root)
        headers = [
            _Job(p.header, root, p, common=CommonHeader(Path(scratch, f"{number}.h"), p.varying))
            for number, p in enumerate(dict.fromkeys(preambles.values()))
        ]
        alone = [_Job(s, root) for s in sources if s.path not in preambles]
        units = _load([*headers, *alone], pool, tell, fresh=fresh)
        first = {job.preamble: job for job in headers}
        rest = [
            _follow_header(first[preambles[s.path]], units, s)
            for s in sources
            if s.path in preambles
        ]
        units |= _load(rest, pool, tell, fresh=fresh)
    for job in rest:
        unit = units[job.source.path]
        if unit.header_digest:
            unit.header = units[preambles[job.source.path].header.path]
    return [units[s.path] for s in sources]


def _follow_header(first: _Job, units: dict[Path, Unit], source: Source) -> _Job:
    """A file that begins with a header, after that one was analysed."""
    unit = units[first.source.path]
    if unit.problem:
        return _Job(source, first.root)
    tree = _tree(_name_entry(first), unit.digest)
    header = Precompiled(tree, unit.digest, unit.declared, tuple(unit.routines))
    return _Job(source, first.root, header=header, common=first.common)


def _load(
    jobs: list[_Job], pool: ProcessPoolExecutor, tell: Callable[[_Job], None], *, fresh: bool
) -> dict[Path, Unit]:
    """The units of some files by path, from the cache or made; headers first, then by size."""
    units: dict[Path, Unit] = {}
    running: list[tuple[_Job, Future[Unit]]] = []
    _digest_of_code()  # once, before the pool's processes are made
    for job in sorted(jobs, key=lambda job: (job.preamble is None, -_size_of(job))):
        unit = None if fresh else _read_cached(job)
        if unit is None:
            running.append((job, pool.submit(_make_unit, job)))
        else:
            units[job.source.path] = unit
    for job, result in running:
        units[job.source.path] = result.result()
        tell(job)
    return units


def _size_of(job: _Job) -> int:
    return job.source.path.stat().st_size


def _make_unit(job: _Job) -> Unit:
    entry = _name_entry(job)
    if job.preamble is not None:
        draft = _tree(entry, f"draft-{os.getpid()}")
        with ThreadPoolExecutor(1) as beside:
            if job.common and job.preamble.files >= _WORTHWHILE_FILES:
                beside.submit(job.common.precompile, job.source)
            unit = lower_header(job.preamble, job.root, draft)
        unit.digest = _digest_unit(job, unit)
        if not unit.problem:
            draft.replace(_tree(entry, unit.digest))
            _remove_old_trees()
    else:
        unit = _make_source_unit(job)
    write_atomically(_entry(entry), _pack(unit))
    return unit


def _make_source_unit(job: _Job) -> Unit:
    source, header, common = job.source, job.header, job.common
    header = header if header and header.path.exists() else None
    common = common if common and common.is_made() else None
    with ThreadPoolExecutor(1) as beside:  # gcc compiles while clang parses
        compiled = beside.submit(compile_frames, source, common)
        unit = lower(source.path, source.file, job.root, clang_flags(source), header)
        if not unit.problem:
            unit.compiled, complaint = compiled.result()
            if complaint:
                unit.problem = f"{source.compiler} does not compile it: {complaint}"
    unit.digest = _digest_unit(job, unit)
    return unit


def _digest_unit(job: _Job, unit: Unit) -> str:
    """Of all that the preprocessor read and of the flags, wherever the server's folder is."""
    source = job.source

    def name_within(name: str) -> str:
        path = Path(name)
        for base in (job.root.resolve(), source.directory.resolve()):
            if path.is_relative_to(base):
                return path.relative_to(base).as_posix()
        return name

    inputs = {name_within(name): digest for name, digest in unit.inputs.items()}
    flags = [flag.replace(str(job.root.resolve()), ".") for flag in source.flags]
    content: list[JsonValue] = [
        source.file, source.compiler, [*flags], dict(sorted(inputs.items())), unit.header_digest,
    ]  # fmt: skip
    return digest_bytes(canonical_json(content))


# -- the cache -----------------------------------------------------------------------------------


@functools.cache
def _digest_of_code() -> str:
    """Of this package: another version of the analysis has another cache."""
    folder = Path(__file__).parents[1]
    files = sorted(folder.rglob("*.py"))
    return digest_bytes(
        canonical_json({path.relative_to(folder).as_posix(): digest_file(path) for path in files})
    )


@functools.cache
def _digest_of_input(path: str) -> str:
    try:
        return digest_file(Path(path))
    except OSError:
        return ""


def _name_entry(job: _Job) -> str:
    source = job.source
    return digest_bytes(
        canonical_json(
            [_digest_of_code(), str(source.path), source.file, source.compiler,
             list(source.flags), str(source.directory)]
        )
    )  # fmt: skip


def _entry(name: str) -> Path:
    return find_cache() / "memwalk" / f"{name}.unit"


def _tree(name: str, digest: str) -> Path:
    """Where the syntax tree of a header with this content is."""
    return find_cache() / "memwalk" / f"{name[:32]}-{digest[:32]}.pch"


def _remove_old_trees() -> None:
    trees = []
    for path in _tree("", "").parent.glob("*.pch"):
        with suppress(FileNotFoundError):  # another process has renamed or removed it
            trees.append((path.stat().st_mtime_ns, path))
    for _, path in sorted(trees)[:-_TREES_KEPT]:
        path.unlink(missing_ok=True)


def _read_cached(job: _Job) -> Unit | None:
    """The cached unit, if every file that it was made of is still the same."""
    try:
        data = _entry(_name_entry(job)).read_bytes()
        digest, body = data[:64].decode(), data[64:]
        if digest != digest_bytes(body):
            return None
        unit = pickle.loads(body)
    except (OSError, UnicodeDecodeError, pickle.UnpicklingError, AttributeError, EOFError):
        return None
    if not isinstance(unit, Unit) or not unit.inputs:
        return None
    if unit.header_digest not in ("", job.header.digest if job.header else ""):
        return None
    same = all(_digest_of_input(path) == digest for path, digest in unit.inputs.items())
    return unit if same else None


def _pack(unit: Unit) -> bytes:
    body = pickle.dumps(unit, protocol=5)
    return digest_bytes(body).encode() + body
