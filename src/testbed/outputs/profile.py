# SPDX-License-Identifier: MIT
"""Where the kernel misses L2: folded stacks with addresses become symbols, a table, a tree."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from ground.errors import ArtifactError

USER = "user"


class ProfileError(ArtifactError):
    """A profile or a symbol table is missing or not in its known form."""


@dataclass(frozen=True)
class Weights:
    """L2 misses by kind of access."""

    fetch: int = 0
    load: int = 0
    store: int = 0

    @property
    def total(self) -> int:
        """All kinds together."""
        return self.fetch + self.load + self.store

    def __add__(self, other: Weights) -> Weights:
        return Weights(self.fetch + other.fetch, self.load + other.load, self.store + other.store)


@dataclass(frozen=True)
class Stack:
    """One call stack, outermost symbol first, and the misses that its innermost frame had."""

    symbols: tuple[str, ...]
    weights: Weights


@dataclass
class Node:
    """A frame of the flame graph: misses here and below, children by name."""

    name: str
    total: int = 0
    children: dict[str, Node] = field(default_factory=dict)


class Symbols:
    """Function symbols of a kernel, found by address; ``modules`` are those of its modules."""

    def __init__(
        self, addresses: Iterable[tuple[int, str]], modules: Iterable[tuple[int, str]] = ()
    ):
        ordered = sorted([*addresses, *modules])
        self._starts = [address for address, _ in ordered]
        self._names = [name for _, name in ordered]

    def find(self, address: int) -> str:
        """The function that holds ``address``, or the address itself when none does."""
        index = bisect_right(self._starts, address) - 1
        return self._names[index] if index >= 0 else f"{address:#x}"


def parse_module_symbols(text: str) -> list[tuple[int, str]]:
    """Code symbols of loaded modules in lines of /proc/kallsyms, as ``name [module]``."""
    found = re.findall(r"^([0-9a-f]+) [tT] (\S+)\s+\[(\S+)\]$", text, re.MULTILINE)
    return [(int(address, 16), f"{name} [{module}]") for address, name, module in found]


def read_symbols(vmlinux: Path, modules: Iterable[tuple[int, str]] = ()) -> Symbols:
    """The code symbols of the ELF file ``vmlinux`` and of ``modules``; ProfileError if the file
    has none."""
    try:
        with vmlinux.open("rb") as stream:
            table = ELFFile(stream).get_section_by_name(".symtab")
            if not isinstance(table, SymbolTableSection):
                raise ProfileError(f"{vmlinux} has no symbol table", hint="./invoke build")
            found = [
                (int(symbol["st_value"]), str(symbol.name))
                for symbol in table.iter_symbols()
                if symbol["st_info"]["type"] in {"STT_FUNC", "STT_NOTYPE"}
                and symbol["st_shndx"] != "SHN_ABS"
                and symbol["st_value"]
                and symbol.name
            ]
    except OSError as error:
        raise ProfileError(f"{vmlinux}: {error}", hint="./invoke build") from None
    return Symbols(found, modules)


def read_instructions(path: Path, symbols: Symbols) -> list[tuple[str, int]]:
    """Instructions by function from the plugin's file ``path``, most first; equal ones by name.

    Raises ProfileError if the file is absent or a line is not a block with its count.
    """
    totals: Counter[str] = Counter()
    try:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.fullmatch(r"(0x[0-9a-f]+|user) (\d+)", line)
            if match is None:
                raise ProfileError(f"{path}:{number}: not a block with its count: {line!r}")
            name = USER if match[1] == USER else symbols.find(int(match[1], 16))
            totals[name] += int(match[2])
    except FileNotFoundError:
        raise ProfileError(
            f"{path} does not exist", hint="run with the profile on: ./invoke testbed.profile"
        ) from None
    return sorted(totals.items(), key=lambda item: (-item[1], item[0]))


def read_profile(path: Path, symbols: Symbols) -> list[Stack]:
    """The folded stacks of the file ``path``, addresses replaced by symbols.

    Raises ProfileError if the file is absent (the profile was off) or a line is not a stack.
    """
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        raise ProfileError(
            f"{path} does not exist", hint="run with the profile on: ./invoke testbed.profile"
        ) from None
    return [_parse(line, f"{path}:{number}", symbols) for number, line in enumerate(lines, 1)]


def _parse(line: str, where: str, symbols: Symbols) -> Stack:
    try:
        frames, *counts = line.split(" ")
        fetch, load, store = (int(count) for count in counts)
        names = tuple(
            USER if frame == USER else symbols.find(int(frame, 16)) for frame in frames.split(";")
        )
    except ValueError:
        raise ProfileError(f"{where}: not a stack with three counts: {line!r}") from None
    return Stack(names, Weights(fetch, load, store))


def rank_symbols(stacks: Iterable[Stack]) -> list[tuple[str, Weights]]:
    """Misses by innermost symbol, most first; equal ones by name."""
    totals: dict[str, Weights] = {}
    for stack in stacks:
        name = stack.symbols[-1]
        totals[name] = totals.get(name, Weights()) + stack.weights
    return sorted(totals.items(), key=lambda item: (-item[1].total, item[0]))


def build_tree(stacks: Iterable[Stack]) -> Node:
    """The stacks merged by common outer frames."""
    root = Node("all L2 misses")
    merged: Counter[tuple[str, ...]] = Counter()
    for stack in stacks:
        merged[stack.symbols] += stack.weights.total
    for symbols, total in sorted(merged.items()):
        root.total += total
        node = root
        for name in symbols:
            node = node.children.setdefault(name, Node(name))
            node.total += total
    return root
