# SPDX-License-Identifier: MIT
"""Works on one machine: a web server and ApacheBench over the loopback device, and user code.

The host's other processors play no part.  Loopback is the harder kind of web serving for an
emulator: server and client take turns, each time with another address space.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from checks.speed.machine import (
    SEED,
    Bench,
    Timing,
    choose_core,
    count_instructions,
    finalize_instrument,
    follow,
)
from checks.speed.report import Mode
from forge.manifest import Manifest
from ground.files import write_atomically
from ground.process import start
from ground.seeds import derive_bytes
from testbed.experiment import Experiment
from testbed.guest.job import PRELUDE
from testbed.guest.servers import load_server
from testbed.hardware.platform_files import DEFAULT_PLATFORM, load_platform
from testbed.loads.ab import Ab
from testbed.machines.command_line import Boot, plan_machine

WORKS = {
    "user CPU work": "head -c 300000 /bin/busybox | bzip2 -9 | sha256sum",
    "web serving over loopback": (
        "ab -q -c 100 -n 1000 http://127.0.0.1/f0 2>&1 | grep -v '^Server Port'"
    ),
}


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
    lines = [PRELUDE, *server.setup, server.start]
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
    """The command of a machine with server, client and ``mode``'s instrument."""
    experiment = Experiment(
        server="nginx",
        load=Ab(concurrency=1, requests=1),
        geometry=bench.geometry,
        core=choose_core(bench.core, mode),
        platform=load_platform(DEFAULT_PLATFORM).platform,
    )
    manifest = bench.find_manifest(mode)
    kernel = manifest.server.kernel
    boot = Boot(manifest.qemu.path, manifest.firmware.path, kernel.path, bench.root)
    write_atomically(directory / "job.sh", write_job(blocks).encode())
    write_atomically(directory / "entropy.bin", derive_bytes(SEED, "entropy", 64))
    argv = plan_machine(experiment, boot, "server", directory, ()).argv
    plugin, frames = manifest.cache_plugin.path, directory / "frames.bin"
    return finalize_instrument(argv, mode, plugin, bench.geometry, frames)


def run_machine(bench: Bench, mode: Mode, blocks: int, directory: Path) -> Timing:
    """Boot the machine with both programs, and time it; its report is all that it emits."""
    argv = finalize_command(bench, mode, blocks, directory)
    with start(argv) as process:
        spans, emitted = follow(process, argv, directory / "console.txt")
    counts = count_instructions(directory / "counters.jsonl", len(WORKS))
    names = list(WORKS)
    return Timing(
        spans={(names[work], block): span for (work, block), span in spans.items()},
        instructions={(names[work], block): n for (work, block), n in counts.items()},
        report=emitted[emitted.index(b"@@ begin.0.0") :],
    )
