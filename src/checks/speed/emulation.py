# SPDX-License-Identifier: MIT
"""Speed of emulation, side by side: plain icount, QEMU's own cache plugin, the cache model.

With all penalties at zero the first three modes execute the same instructions in the same
virtual time, which the guests' own reports prove; the fourth is the model as experiments use
it.  An emulator of another build, from before a change, say, takes part in three modes of its own.
Modes take turns, in a shuffled order each round.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from checks.speed.loopback import run_machine, write_root
from checks.speed.machine import SEED, Bench, Timing, find_processor
from checks.speed.report import (
    Mode,
    Sample,
    SpeedReport,
    find_comparisons,
    find_speeds,
    show_speeds,
)
from checks.speed.server import run_pair
from forge.manifest import NAME, Manifest, Product
from ground.errors import ArtifactError, ExitCode, UsageError
from ground.files import write_atomically
from ground.paths import find_outputs
from ground.seeds import generator
from ground.terminal import complete_step
from testbed.hardware.geometry_files import load_geometry


def run_speeds(geometry: str, rounds: int, blocks: int, against: Path | None) -> SpeedReport:
    """Time all modes ``rounds`` times, ``blocks`` blocks of each work a run, on an idle host;
    also with the emulator ``against``, if given.

    Raises UsageError if nothing was built or ``against`` is not a file, ArtifactError if the modes
    did not do the same work.
    """
    manifest = Manifest.load(find_outputs() / NAME)
    other = find_other(manifest, against) if against else None
    file = load_geometry(geometry)
    load = os.getloadavg()[0]
    samples: list[Sample] = []
    with TemporaryDirectory(prefix="speed-") as name:
        root = write_root(manifest, Path(name) / "root.cpio")
        bench = Bench(manifest, other, root, file.geometry, file.core)
        rng = generator(SEED, "order of modes")
        for number in range(rounds):
            order = [bench.modes[int(i)] for i in rng.permutation(len(bench.modes))]
            samples += run_round(bench, number, blocks, order, Path(name))
    return SpeedReport(
        host=find_processor(),
        processors=os.cpu_count() or 1,
        load_before=load,
        qemu=manifest.qemu.sha256,
        other_qemu=other.qemu.sha256 if other else None,
        geometry=geometry,
        samples=tuple(samples),
        speeds=find_speeds(samples),
        comparisons=find_comparisons(samples),
    )


def find_other(manifest: Manifest, qemu: Path) -> Manifest:
    """The products with another build's emulator in their place.

    Raises UsageError if ``qemu`` is not a file.
    """
    if not qemu.is_file():
        raise UsageError(
            f"{qemu}: no such file",
            hint="name the qemu-system-i386 that the other build made",
        )
    return manifest.model_copy(update={"qemu": Product.measure(qemu.resolve())})


def run_bench(
    geometry: str, rounds: int, blocks: int, against: Path | None, *, as_json: bool
) -> ExitCode:
    """`run_speeds`, stored in ``bench/speed.json`` below the outputs and printed."""
    report = run_speeds(geometry, rounds, blocks, against)
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
    """All modes once on all works."""
    pairs: dict[Mode, Timing] = {}
    machines: dict[Mode, Timing] = {}
    for mode in order:
        directory = scratch / f"{number}.{mode.name}"
        directory.mkdir()
        with complete_step(f"Round {number + 1}: {mode}"):
            pairs[mode] = run_pair(bench, mode, directory / "pair")
            machines[mode] = run_machine(bench, mode, blocks, directory)
        shutil.rmtree(directory)
    return [*find_samples(pairs, number), *find_samples(machines, number)]


def find_samples(timings: dict[Mode, Timing], number: int) -> list[Sample]:
    """Samples of one round; instructions are those that the model of the same build counts.

    Raises ArtifactError if modes that must do the same work reported otherwise.
    """
    for mode, timing in timings.items():
        if timing.report != timings[mode.counted_by].report:
            raise ArtifactError(
                f"{mode} and {mode.counted_by} did not do the same work",
                hint="their guests' reports differ: they do not run in the same virtual time",
            )
    return [
        Sample(
            work=work,
            mode=mode,
            round=number,
            block=block,
            elapsed=span.elapsed,
            seconds=span.busy,
            instructions=timings[mode.counted_by].instructions[work, block],
        )
        for mode, timing in timings.items()
        for (work, block), span in timing.spans.items()
    ]
