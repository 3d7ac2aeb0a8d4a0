# SPDX-License-Identifier: MIT
"""Rewriting a copy of the server's sources with Coccinelle, and checking what came out."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ground import process
from ground.errors import ArtifactError, UsageError
from ground.files import write_atomically
from stingy.lower.sources import Source
from stingy.stingify.semantic_patch import write_include_patch, write_patch, write_recycling_patch
from stingy.stingify.sites import ObjectDecision, SiteDecision, Status

IGNORED = shutil.ignore_patterns(
    ".git", "build", "*.o", "*.lo", "*.la", ".libs", "*.ko", "*.cmd", "__pycache__"
)
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]+([<\"][^>\"]+[>\"])", re.MULTILINE)
CONDITIONAL = re.compile(r"^[ \t]*#[ \t]*(if|end)")
# Calls that allocate and release; a question about an object (stingy_room) rewrites nothing.
CALL = re.compile(
    r"\b(stingy_(?:alloc|alloc_bytes|alloc_array|zalloc|calloc|resize|free))\(\s*(STINGY_\w+)"
)
HEADER, BODY = "stingy.h", "stingy.c"
GENERATED = "stingy*.[ch]"  # what stingygen writes
SPATCH_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Copy:
    """The rewritten copy: its folder, the files that changed, sites that Coccinelle missed."""

    folder: Path
    changed: tuple[str, ...]
    missed: tuple[SiteDecision, ...]
    recycling: tuple[str, ...]  # functions whose free list Stingy replaces


def copy_sources(root: Path, folder: Path, allocator: Path) -> None:
    """Copy the server's folder, and the allocator into it."""
    if folder.resolve() == root or root in folder.resolve().parents:
        raise UsageError(
            f"the copy {folder} would lie inside of the sources {root}",
            hint="give an --out outside of the server's folder",
        )
    for name in (HEADER, BODY):
        if not (allocator / name).is_file():
            raise UsageError(
                f"{allocator} has no {name}", hint="make it with: stingygen MEMWALK.json --out DIR"
            )
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(root, folder, ignore=IGNORED)
    for path in sorted(allocator.glob(GENERATED)):
        shutil.copyfile(path, folder / path.name)


def rewrite_copy(
    folder: Path,
    patches: Path,
    sites: Sequence[SiteDecision],
    objects: Sequence[ObjectDecision],
) -> Copy:
    """Apply all patches to the copy; write them below ``patches``."""
    constants = {o.object: o.constant for o in objects}
    by_file: dict[str, list[SiteDecision]] = defaultdict(list)
    for site in sites:
        by_file[site.file].append(site)
    missed: list[SiteDecision] = []
    recycling: list[str] = []
    for file, wanted in sorted(by_file.items()):
        path, stem = folder / file, patches / file.replace("/", "-")
        before = _count_calls(path)
        _apply(write_patch(wanted, constants), stem.with_suffix(".cocci"), path)
        missed += _find_missed(wanted, constants, _count_calls(path) - before)
        header = os.path.relpath(folder / HEADER, path.parent)
        _include(path, header, stem.with_suffix(".include.cocci"))
        recycling += _recycle(path, stem.with_suffix(".recycling.cocci"), objects)
    return Copy(folder, tuple(sorted(by_file)), tuple(missed), tuple(recycling))


def _apply(text: str, patch: Path, path: Path) -> None:
    write_atomically(patch, text.encode())
    # From where the file is: spatch hands paths to a shell as they are.
    relative = os.path.relpath(patch, path.parent)
    process.run(
        ["spatch", "--very-quiet", "--sp-file", relative, "--in-place", path.name],
        cwd=path.parent,
        timeout_s=SPATCH_TIMEOUT_S,
    )


def _count_calls(path: Path) -> Counter[tuple[str, str]]:
    """How often each Stingy function is called for each object."""
    return Counter(CALL.findall(path.read_text(errors="surrogateescape")))


def _find_missed(
    wanted: Sequence[SiteDecision], constants: dict[str, str], made: Counter[tuple[str, str]]
) -> list[SiteDecision]:
    """Sites of which there are fewer new calls than there should be."""
    missed = []
    for key, number in Counter((s.verb, constants[s.object]) for s in wanted).items():
        if made[key] != number:
            missed += [s for s in wanted if (s.verb, constants[s.object]) == key]
    return missed


def _include(path: Path, header: str, patch: Path) -> None:
    text = path.read_text(errors="surrogateescape")
    if f'#include "{header}"' in text:
        return
    last = _find_last_include(text)
    if last:
        _apply(write_include_patch(last, header), patch, path)
    if f'#include "{header}"' not in path.read_text(errors="surrogateescape"):
        # No include that Coccinelle sees: the first line will do.
        changed = f'#include "{header}"\n{text}'
        path.write_text(changed, errors="surrogateescape")


def _find_last_include(text: str) -> str:
    """The last include that no #if leaves out; "" if there is none."""
    depth, last = 0, ""
    for line in text.splitlines():
        if match := CONDITIONAL.match(line):
            depth += {"if": 1, "end": -1}.get(match[1], 0)
        elif depth == 0 and (match := INCLUDE.match(line)):
            last = match[1]
    return last


def _recycle(path: Path, patch: Path, objects: Sequence[ObjectDecision]) -> list[str]:
    """Let Stingy recycle in this file; the functions in which a limit was replaced."""
    text = path.read_text(errors="surrogateescape")
    concerned = [
        o
        for o in objects
        if o.recycling and any(re.search(rf"\b{name}\(", text) for name in o.recycling)
        and f"stingy_free({o.constant}" in text
    ]  # fmt: skip
    if not concerned or "STINGY_RECYCLES" in text:
        return []
    _apply(write_recycling_patch([o.constant for o in concerned]), patch, path)
    after = path.read_text(errors="surrogateescape")
    replaced = after.count("STINGY_RECYCLES")
    return [name for o in concerned for name in o.recycling] if replaced else []


def make_diff(root: Path, folder: Path, files: Sequence[str]) -> str:
    """The unified diff of the changed files."""
    parts: list[str] = []
    for file in files:
        old = (root / file).read_text(errors="replace").splitlines(keepends=True)
        new = (folder / file).read_text(errors="replace").splitlines(keepends=True)
        parts += difflib.unified_diff(old, new, f"a/{file}", f"b/{file}")
    return "".join(parts)


def check_compiles(
    folder: Path, root: Path, sources: Sequence[Source], files: Sequence[str]
) -> None:
    """Compile each changed file as the server does; ArtifactError if one does not compile."""
    for source in sources:
        if source.file not in files:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            result = process.run(
                [source.compiler, *source.flags, f"-I{folder}", f"-I{root}", "-c",
                 folder / source.file, "-o", Path(scratch) / "out.o"],
                cwd=source.directory, check=False,
            )  # fmt: skip
        if result.returncode:
            raise ArtifactError(
                f"the rewritten {source.file} does not compile\n{result.stderr.strip()[-2000:]}",
                hint=f"read {folder / source.file}; report this with the annotation file",
            )


def find_already(folder: Path, constants: dict[str, str]) -> dict[str, list[SiteDecision]]:
    """Stingy calls that stand in the sources before any rewriting, by object."""
    names = {constant: name for name, constant in constants.items()}
    found: dict[str, list[SiteDecision]] = defaultdict(list)
    for path in sorted(folder.rglob("*.[ch]")):
        if path.match(GENERATED):
            continue
        file = path.relative_to(folder).as_posix()
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            for match in CALL.finditer(line):
                if name := names.get(match[2]):
                    found[name].append(_make_already(file, number, match, name))
    return dict(found)


def _make_already(file: str, line: int, match: re.Match[str], name: str) -> SiteDecision:
    text = match.string.strip()
    return SiteDecision(
        file=file,
        line=line,
        column=match.start() + 1,
        function="",
        object=name,
        action="free" if match[1] == "stingy_free" else "allocate",
        callee=match[1],
        before=text,
        after=text,
        status=Status.ALREADY,
        reason="was rewritten before",
    )
