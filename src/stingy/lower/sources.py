# SPDX-License-Identifier: MIT
"""Which files are analysed and how the compiler is called for each of them."""

from __future__ import annotations

import functools
import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel

from ground import process
from ground.documents import fit
from ground.errors import UsageError
from stingy.model.annotations import Sources

# What clang needs to see the same program as gcc; everything else is code generation.
_WITH_VALUE = ("-I", "-D", "-U", "-include", "-isystem", "-iquote", "-idirafter", "-imacros")
_KEPT = ("-std=", "-m32", "-m64", "-m16", "-nostdinc", "-ffreestanding", "-fshort-wchar")
# What gcc takes with a warning and clang refuses; calls without a declaration are reported.
_OLD_CODE = (
    "-Wno-everything", "-Wimplicit-function-declaration",
    "-Wno-error=implicit-function-declaration", "-Wno-error=implicit-int",
    "-Wno-error=int-conversion", "-Wno-error=return-type",
    "-Wno-error=incompatible-function-pointer-types",
)  # fmt: skip
_KBUILD_COMMAND = re.compile(r"^(?:saved)?cmd_\S+\.o := (.+)", re.MULTILINE)
_KBUILD_SOURCE = re.compile(r"^source_\S+ := (\S+)", re.MULTILINE)
_KEPT_MODES = (
    "-fms-extensions", "-funsigned-char", "-fsigned-char", "-fshort-enums", "-ansi",
    "-fpack-struct", "-malign-double", "-fgnu89-inline",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """One file to analyse.

    ``flags`` are the compiler's, without the file and outputs; ``directory`` is where it runs.
    """

    path: Path
    file: str  # relative to the server's root
    compiler: str
    flags: tuple[str, ...]
    directory: Path


class _Command(BaseModel):
    """One entry of compile_commands.json."""

    model_config = ConfigDict(extra="ignore")

    directory: Path
    file: Path
    command: str = ""
    arguments: list[str] = []


class _Commands(RootModel[list[_Command]]):
    """compile_commands.json."""


def find_sources(sources: Sources, root: Path) -> list[Source]:
    """The files that the annotations name, sorted, each with its flags."""
    if not root.is_dir():
        raise UsageError(f"the server's root {root} is not a folder", hint="correct [server] root")
    excluded = {p.resolve() for pattern in sources.exclude for p in root.glob(pattern)}
    commands = _read_commands(root / sources.compile_commands) if sources.compile_commands else {}
    found: dict[Path, Source] = {}
    for pattern in sources.files:
        matches = [p for p in _glob(root, pattern) if p.resolve() not in excluded]
        if not matches:
            raise UsageError(
                f"no file matches {pattern!r} below {root}", hint="correct [sources] files"
            )
        for path in matches:
            found[path.resolve()] = _make_source(path, root, sources, commands)
    return [found[path] for path in sorted(found)]


def find_unread(sources: Sources, root: Path) -> list[str]:
    """Files that the server's build compiles and the annotations leave out; none of a kernel's."""
    if not sources.compile_commands or (root / sources.compile_commands).is_dir():
        return []
    read = {source.path for source in find_sources(sources, root)}
    compiled = _read_commands(root / sources.compile_commands)
    return sorted(relative_to_root(path, root) for path in compiled.keys() - read)


def _glob(root: Path, pattern: str) -> list[Path]:
    try:
        return [p for p in root.glob(pattern) if p.is_file()]
    except (ValueError, NotImplementedError, IndexError) as error:
        raise UsageError(
            f"{pattern!r} is not a glob below the root: {error}", hint="correct [sources] files"
        ) from None


def _make_source(
    path: Path, root: Path, sources: Sources, commands: dict[Path, _Command]
) -> Source:
    resolved = path.resolve()
    base = root.resolve()
    file = relative_to_root(resolved, root)
    command = commands.get(resolved)
    if command is None:
        return Source(resolved, file, sources.compiler, sources.flags, base)
    words = command.arguments or _split_command(command)
    flags = _without_files(words[1:], command)
    return Source(resolved, file, words[0], (*flags, *sources.flags), command.directory)


def _split_command(command: _Command) -> list[str]:
    try:
        words = shlex.split(command.command)
    except ValueError as error:
        words, reason = [], str(error)
    else:
        reason = "it is empty"
    if not words:
        raise UsageError(
            f"the compile command of {command.file} cannot be read: {reason}",
            hint="build again, so that your build tool writes it anew",
        )
    return words


def relative_to_root(path: Path, root: Path) -> str:
    """A resolved path as shown: relative to the server's root where it is below it."""
    base = root.resolve()
    return str(path.relative_to(base)) if path.is_relative_to(base) else str(path)


def _without_files(words: list[str], command: _Command) -> list[str]:
    """The flags of a compile command: without its input, outputs and dependency files."""
    flags: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in {"-o", "-MF", "-MT", "-MQ"}:
            skip = True
        elif (
            word in {"-c", "-S", "-E"}
            or word.startswith(("-M", "-Wp,-M"))
            or _is_input(word, command)
        ):
            continue
        else:
            flags.append(word)
    return flags


def _is_input(word: str, command: _Command) -> bool:
    """Whether a word is the file that is compiled; the kernel names it relative to its tree."""
    return not word.startswith("-") and (command.directory / word) == (
        command.directory / command.file
    )


def _read_commands(path: Path) -> dict[Path, _Command]:
    remedy = "make it with `memwalk record --root DIR -- make`, or give [sources] flags"
    if path.is_dir():
        return _read_kbuild(path)
    try:
        entries = fit(_Commands, json.loads(path.read_bytes())).root
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint=remedy) from None
    except ValueError as error:
        raise UsageError(f"{path} is not a compilation database: {error}", hint=remedy) from None
    return {(c.directory / c.file).resolve(): c for c in entries}


def _read_kbuild(folder: Path) -> dict[Path, _Command]:
    """The commands that a kernel's build left beside the objects (``.NAME.o.cmd``)."""
    found: dict[Path, _Command] = {}
    for path in sorted(folder.glob(".*.o.cmd")):
        text = path.read_text(errors="replace")
        command, source = _KBUILD_COMMAND.search(text), _KBUILD_SOURCE.search(text)
        if command is None or source is None:
            continue
        file = Path(source[1])
        tree = next((p for p in folder.resolve().parents if (p / file).is_file()), None)
        if tree is not None:
            words = command[1].split(" ; ")[0]
            found[(tree / file).resolve()] = _Command(directory=tree, file=file, command=words)
    if not found:
        raise UsageError(
            f"{folder} has no .NAME.o.cmd files of a kernel's build",
            hint="build the module there first, or name a compile_commands.json",
        )
    return found


def clang_flags(source: Source) -> list[str]:
    """The flags with which clang sees what gcc sees."""
    flags: list[str] = []
    words = iter(source.flags)
    for word in words:
        if word in _WITH_VALUE:
            flags += [word, _absolute(word, next(words, ""), source)]
        elif word.startswith(("-I", "-isystem", "-iquote")) and len(word) > 2:
            option = next(o for o in ("-isystem", "-iquote", "-I") if word.startswith(o))
            flags.append(option + _absolute(option, word[len(option) :], source))
        elif word.startswith(("-D", "-U", *_KEPT)) or word in _KEPT_MODES:
            flags.append(word)
        elif word.startswith("-Wp,-D"):
            flags.append(word[4:])
    if "-nostdinc" not in flags:
        flags += ["-isystem", _builtin_headers(source.compiler)]
    return [*flags, *_OLD_CODE, "-ferror-limit=4"]


def _absolute(option: str, value: str, source: Source) -> str:
    if option in {"-D", "-U"}:
        return value
    if option in {"-include", "-imacros"} and not (source.directory / value).exists():
        return value
    return str(source.directory / value)


@functools.cache
def _builtin_headers(compiler: str) -> str:
    """gcc's own headers (stddef.h, stdarg.h): libclang brings none."""
    result = process.run([compiler, "-print-file-name=include"], timeout_s=30)
    return result.stdout.strip()
