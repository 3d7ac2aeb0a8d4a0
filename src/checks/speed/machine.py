# SPDX-License-Identifier: MIT
"""One emulated machine whose guest marks the work to be timed: host time from mark to mark."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from checks.speed.report import OWN, Mode
from forge.manifest import Manifest
from ground.process import ProcessError, format_command
from testbed.hardware.geometry import Cache, Core, Events, Geometry, Penalties
from testbed.machines.command_line import quote_option
from testbed.outputs.counters import read_counters

SEED = 2006
NOTHING = Penalties(fetch=Fraction(0), load=Fraction(0), store=Fraction(0))
FREE = Events(**dict.fromkeys(Events.model_fields, Fraction(0)))
EVENT = re.compile(rb"@@ (begin|end)\.(\d+)\.(\d+) ")


@dataclass(frozen=True)
class Bench:
    """What is timed on what: build products, a root with the programs of both machines,
    a geometry and what its misses cost.  ``other`` has the emulator of another build, if any."""

    manifest: Manifest
    other: Manifest | None
    root: Path
    geometry: Geometry
    core: Core

    @property
    def modes(self) -> tuple[Mode, ...]:
        """All modes that can be timed."""
        return tuple(mode for mode in Mode if self.other or mode not in OWN)

    def find_manifest(self, mode: Mode) -> Manifest:
        """The products that ``mode`` runs."""
        if mode not in OWN:
            return self.manifest
        assert self.other
        return self.other


@dataclass(frozen=True)
class Span:
    """Host seconds: by the clock, and of the emulator's processor time."""

    elapsed: float
    busy: float

    def __sub__(self, other: Span) -> Span:
        return Span(self.elapsed - other.elapsed, self.busy - other.busy)


@dataclass(frozen=True)
class Timing:
    """One run: time and the model's instructions by (name of work, block), without the model no
    instructions; and what the guest reported, which may not depend on the host."""

    spans: dict[tuple[str, int], Span]
    instructions: dict[tuple[str, int], int]
    report: bytes


def choose_core(core: Core, mode: Mode) -> Core:
    """No penalties but in the modes with stalls: the others share one virtual time."""
    if mode.instrument is Mode.STALLS:
        return core
    return core.model_copy(update={"l1": NOTHING, "l2": NOTHING, "events": FREE})


def finalize_instrument(
    argv: Sequence[str], mode: Mode, plugin: Path, geometry: Geometry, frames: Path
) -> list[str]:
    """The command of a server machine with ``mode``'s instrument, its frames on stdout."""
    changed = [a.replace(f"path={quote_option(frames)}", "path=/dev/stdout") for a in argv]
    model = changed.index("-object")
    if mode.instrument is Mode.ICOUNT:
        changed[model : model + 2] = []
    if mode is Mode.PLUGIN:
        changed[model : model + 2] = ["-plugin", finalize_plugin(plugin, geometry)]
    return changed


def finalize_plugin(plugin: Path, g: Geometry) -> str:
    """The contrib plugin with the same caches."""

    def shape(prefix: str, letter: str, cache: Cache) -> str:
        ways, line = f"{letter}assoc={cache.ways}", f"{letter}blksize={cache.line}"
        return f"{prefix}cachesize={cache.size},{ways},{line}"

    caches = (shape("i", "i", g.l1i), shape("d", "d", g.l1d), shape("l2", "l2", g.l2))
    return ",".join([quote_option(plugin), *caches, "l2=on", "evict=lru"])


def follow(
    process: subprocess.Popen[bytes], argv: Sequence[str], console: Path
) -> tuple[dict[tuple[int, int], Span], bytes]:
    """Take the host's time at each frame until the machine ends: spans by (work, block) as the
    guest numbers them, and all that it emitted.

    Raises ProcessError, with the end of the console, if the guest's job did not finish.
    """
    assert process.stdout
    moments: dict[bytes, Span] = {}
    emitted = b""
    for chunk, now in read_stream(process.stdout.fileno(), process.pid):
        # A head may be cut by the end of a chunk: look once more at what came before
        overlap = emitted[-64:] + chunk
        emitted += chunk
        for match in EVENT.finditer(overlap):
            moments.setdefault(match[0], now)
    status = process.wait()
    errors = process.stderr.read().decode(errors="replace") if process.stderr else ""
    if status or b"@@ finished" not in emitted:
        tail = console.read_text(errors="replace")[-2000:]
        raise ProcessError(f"`{format_command(argv)}` ended early ({status})\n{errors}{tail}")
    return find_spans(moments), emitted


def read_stream(descriptor: int, pid: int) -> Iterator[tuple[bytes, Span]]:
    """Chunks as they come, each with the time of process ``pid`` so far."""
    while chunk := os.read(descriptor, 1 << 16):
        yield chunk, Span(time.monotonic(), read_processor_time(pid))


def read_processor_time(pid: int) -> float:
    """Seconds for which the threads of ``pid`` have run."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def find_spans(moments: dict[bytes, Span]) -> dict[tuple[int, int], Span]:
    """Time from `begin` to `end`, by (work, block)."""
    found: dict[tuple[int, int], dict[bytes, Span]] = {}
    for head, now in moments.items():
        if match := EVENT.match(head):
            found.setdefault((int(match[2]), int(match[3])), {})[match[1]] = now
    return {key: ends[b"end"] - ends[b"begin"] for key, ends in found.items()}


def count_instructions(stream: Path, works: int) -> dict[tuple[int, int], int]:
    """Instructions from note to note, by (work, block); none without the model's stream."""
    if not stream.exists():
        return {}
    notes = {r.arg: sum(r.insn) for r in read_counters(stream) if r.ev == "note"}
    return {
        (pair % works, pair // works): notes[2 * pair + 1] - notes[2 * pair]
        for pair in range(len(notes) // 2)
    }


def find_processor() -> str:
    """The host's processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
