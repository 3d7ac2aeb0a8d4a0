# SPDX-License-Identifier: MIT
"""Speed of emulation, side by side: plain icount, QEMU's own cache plugin, the cache model.

One machine holds both the web server and ApacheBench, which talk over the loopback device, so
that the host's other processors play no part.  With all penalties at zero the first three modes
execute the same instructions in the same virtual time, which the guest's own reports prove; the
fourth is the model as experiments use it.  Modes take turns, in a shuffled order each round.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from artifact.speed_report import (
    Mode,
    Sample,
    SpeedReport,
    find_comparisons,
    find_speeds,
    show_speeds,
)
from forge.manifest import NAME, Manifest
from ground.files import write_atomically
from ground.places import find_outputs
from ground.process import ProcessError, format_command, start
from ground.seeds import derive_bytes, generator
from ground.voice import ArtifactError, ExitCode, complete_step
from testbed.command import Boot, plan_machine
from testbed.counters import read_counters
from testbed.experiment import Ab, Experiment
from testbed.geometries import load_geometry
from testbed.geometry import Cache, Core, Geometry, Penalties
from testbed.job import PRELUDE
from testbed.servers import load_server

SEED = 2006
NOTHING = Penalties(fetch=Fraction(0), load=Fraction(0), store=Fraction(0))
WORKS = {
    "user CPU work": "head -c 300000 /bin/busybox | bzip2 -9 | sha256sum",
    "web serving": "ab -q -c 100 -n 1000 http://127.0.0.1/f0 2>&1 | grep -v '^Server Port'",
}
EVENT = re.compile(rb"@@ (begin|end)\.(\d+)\.(\d+) ")


@dataclass(frozen=True)
class Bench:
    """What is timed on what: build products, a root with both programs, a geometry."""

    manifest: Manifest
    root: Path
    geometry: Geometry
    core: Core


@dataclass(frozen=True)
class Span:
    """Host seconds: by the clock, and of the emulator's processor time."""

    elapsed: float
    busy: float

    def __sub__(self, other: Span) -> Span:
        return Span(self.elapsed - other.elapsed, self.busy - other.busy)


@dataclass(frozen=True)
class Timing:
    """One machine's run: time by (work, block), and all that the guest emitted."""

    spans: dict[tuple[int, int], Span]
    emitted: bytes


def run_speeds(geometry: str, rounds: int, blocks: int) -> SpeedReport:
    """Time all modes ``rounds`` times, ``blocks`` blocks of each work a run, on an idle host.

    Raises UsageError if nothing was built, ArtifactError if the modes did not do the same work.
    """
    manifest = Manifest.load(find_outputs() / NAME)
    file = load_geometry(geometry)
    load = os.getloadavg()[0]
    samples: list[Sample] = []
    with TemporaryDirectory(prefix="speed-") as name:
        root = write_root(manifest, Path(name) / "root.cpio")
        bench = Bench(manifest, root, file.geometry, file.core)
        rng = generator(SEED, "order of modes")
        for number in range(rounds):
            order = [list(Mode)[int(i)] for i in rng.permutation(len(Mode))]
            samples += run_round(bench, number, blocks, order, Path(name))
    return SpeedReport(
        host=find_processor(),
        processors=os.cpu_count() or 1,
        load_before=load,
        qemu=manifest.qemu.sha256,
        geometry=geometry,
        samples=tuple(samples),
        speeds=find_speeds(samples),
        comparisons=find_comparisons(samples),
    )


def run_bench(geometry: str, rounds: int, blocks: int, *, as_json: bool) -> ExitCode:
    """`run_speeds`, stored in ``bench/speed.json`` below the outputs and printed."""
    report = run_speeds(geometry, rounds, blocks)
    write_atomically(
        find_outputs() / "bench" / "speed.json", report.model_dump_json(indent=1).encode()
    )
    if as_json:
        print(report.model_dump_json(indent=1))
    else:
        show_speeds(report, Console())
    return ExitCode.HOLDS


def run_round(
    bench: Bench, number: int, blocks: int, order: list[Mode], scratch: Path
) -> list[Sample]:
    """All modes once; instructions are those that the model counts, for the modes alike."""
    timings: dict[Mode, Timing] = {}
    counts: dict[Mode, dict[tuple[int, int], int]] = {}
    for mode in order:
        directory = scratch / f"{number}.{mode.name}"
        directory.mkdir()
        with complete_step(f"Round {number + 1}: {mode}"):
            timings[mode] = run_machine(bench, mode, blocks, directory)
        if mode in (Mode.MODEL, Mode.STALLS):
            counts[mode] = count_instructions(directory / "counters.jsonl")
        shutil.rmtree(directory)
    for mode in (Mode.ICOUNT, Mode.PLUGIN):
        counts[mode] = counts[Mode.MODEL]
        if strip_heads(timings[mode].emitted) != strip_heads(timings[Mode.MODEL].emitted):
            raise ArtifactError(
                f"{mode} and {Mode.MODEL} did not do the same work",
                hint="their guests' reports differ: instrumentation moves virtual time",
            )
    return [
        Sample(
            work=list(WORKS)[work],
            mode=mode,
            round=number,
            block=block,
            elapsed=span.elapsed,
            seconds=span.busy,
            instructions=counts[mode][work, block],
        )
        for mode in order
        for (work, block), span in timings[mode].spans.items()
    ]


def write_root(manifest: Manifest, path: Path) -> Path:
    """The server's root on top of the client's: Linux unpacks archives one after the other."""
    with path.open("wb") as out:
        for machine in (manifest.client, manifest.server):
            with machine.root.path.open("rb") as archive:
                shutil.copyfileobj(archive, out)
            out.write(b"\0" * (-out.tell() % 512))
    return path


def write_job(blocks: int) -> str:
    """Start the server, warm up, then the blocks, each between two notes and two frames."""
    server = load_server("nginx")
    lines = [PRELUDE, *server.prepare, server.start]
    lines += [f"n=0; until {server.ready}; do n=$((n + 1)); [ $n -gt 200 ] && fail nginx", "done"]
    lines += ["mark start", *(f"{command} > /run/warm" for command in WORKS.values())]
    for block in range(blocks):
        for number, command in enumerate(WORKS.values()):
            name = f"{number}.{block}"
            note = 2 * (block * len(WORKS) + number)
            lines += [f"mark note {note}", f"emit begin.{name} < /dev/null"]
            lines += [f"{command} > /run/report", f"emit end.{name} < /dev/null"]
            lines += [f"mark note {note + 1}", f"emit report.{name} < /run/report"]
    return "\n".join([*lines, "mark stop", "echo ok | emit finished", ""])


def finalize_command(bench: Bench, mode: Mode, blocks: int, directory: Path) -> list[str]:
    """The command of a server machine, with frames on stdout and ``mode``'s instrument."""
    core = bench.core
    if mode is not Mode.STALLS:
        core = core.model_copy(update={"l1": NOTHING, "l2": NOTHING})
    experiment = Experiment(
        server="nginx", load=Ab(concurrency=1, requests=1), geometry=bench.geometry, core=core
    )
    products = bench.manifest.server
    boot = Boot(
        bench.manifest.qemu.path, bench.manifest.firmware.path, products.kernel.path, bench.root
    )
    write_atomically(directory / "job.sh", write_job(blocks).encode())
    write_atomically(directory / "entropy.bin", derive_bytes(SEED, "entropy", 64))
    argv = list(plan_machine(experiment, boot, "server", directory, ()).argv)
    argv = [a.replace(f"path={directory / 'frames.bin'}", "path=/dev/stdout") for a in argv]
    model = argv.index("-object")
    if mode is Mode.ICOUNT:
        argv[model : model + 2] = []
    if mode is Mode.PLUGIN:
        argv[model : model + 2] = ["-plugin", finalize_plugin(bench)]
    return argv


def finalize_plugin(bench: Bench) -> str:
    """The contrib plugin with the same caches."""

    def shape(prefix: str, letter: str, cache: Cache) -> str:
        ways, line = f"{letter}assoc={cache.ways}", f"{letter}blksize={cache.line}"
        return f"{prefix}cachesize={cache.size},{ways},{line}"

    g = bench.geometry
    caches = (shape("i", "i", g.l1i), shape("d", "d", g.l1d), shape("l2", "l2", g.l2))
    return ",".join([str(bench.manifest.cache_plugin.path), *caches, "l2=on", "evict=lru"])


def run_machine(bench: Bench, mode: Mode, blocks: int, directory: Path) -> Timing:
    """Boot, and take the host's time at each frame."""
    argv = finalize_command(bench, mode, blocks, directory)
    moments: dict[bytes, Span] = {}
    emitted = b""
    with start(argv) as process:
        assert process.stdout
        for chunk, now in read_stream(process.stdout.fileno(), process.pid):
            # A head may be cut by the end of a chunk: look once more at what came before
            overlap = emitted[-64:] + chunk
            emitted += chunk
            for match in EVENT.finditer(overlap):
                moments.setdefault(match[0], now)
        status = process.wait()
        errors = process.stderr.read().decode(errors="replace") if process.stderr else ""
    if status or b"@@ finished" not in emitted:
        console = (directory / "console.txt").read_text(errors="replace")[-2000:]
        raise ProcessError(f"`{format_command(argv)}` ended early ({status})\n{errors}{console}")
    return Timing(find_spans(moments), emitted)


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


def strip_heads(emitted: bytes) -> bytes:
    """What the guest reported; nothing of it may depend on the host."""
    return emitted[emitted.index(b"@@ begin.0.0") :]


def count_instructions(stream: Path) -> dict[tuple[int, int], int]:
    """Instructions from note to note, by (work, block)."""
    notes = {r.arg: sum(r.insn) for r in read_counters(stream) if r.ev == "note"}
    pairs = len(notes) // 2
    return {
        (pair % len(WORKS), pair // len(WORKS)): notes[2 * pair + 1] - notes[2 * pair]
        for pair in range(pairs)
    }


def find_processor() -> str:
    """The host's processor."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
