# SPDX-License-Identifier: MIT
"""Disturb a sweep at random points and show that it still ends with the same results.

The sweep is any command that fills a run store and goes on where it was when it is given again:
the rehearsal (many times, quickly) or `reproduce` with real machines (a few times).  Points
and kinds of disturbance are drawn from a seed; when they hit depends on the host, as in life.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from artifact.store import COST, DamageError, Store
from ground import process
from ground.seeds import generator
from ground.voice import ArtifactError, ExitCode

MAX_RESUMES = 8
POLL_S = 0.01
SMALLEST_DISK = 64 << 10
LARGE_DISK = 400 << 20


@dataclass(frozen=True)
class Subject:
    """A sweep to disturb: ``command(out)`` is its argv for the folder ``out``, ``store`` where
    in ``out`` its run store is, ``disk_bytes`` about what it writes (0: unknown; the disk is then
    filled by someone else while the sweep runs)."""

    command: Callable[[Path], Sequence[str]]
    store: Path
    disk_bytes: int = 0


@dataclass
class Toll:
    """What was done to the sweeps, and what went wrong."""

    trials: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    resumes: int = 0
    differences: list[str] = field(default_factory=list)
    undisturbed_s: float = 0.0


def read_results(store: Path) -> dict[str, str]:
    """Key and digest of each result in ``store``.  Raises DamageError if one is damaged."""
    results = {}
    for key in Store(store).find_keys():
        entry = Store(store).load(key)
        results[key] = entry.digest if entry else "absent"
    return results


def disturb_sweeps(subject: Subject, folder: Path, *, times: int, seed: int) -> Toll:
    """Do an undisturbed sweep, then ``times`` disturbed ones, each resumed until it completes;
    compare all results with the first.  Everything happens below ``folder``."""
    undisturbed = folder / "undisturbed"
    undisturbed.mkdir(parents=True)
    begin = time.monotonic()
    process.run(list(subject.command(undisturbed)), log=folder / "undisturbed.log")
    toll = Toll(undisturbed_s=time.monotonic() - begin)
    reference = read_results(undisturbed / subject.store)
    if not reference:
        raise ArtifactError("the undisturbed sweep stored nothing", hint=f"see {folder}")
    for trial in range(times):
        random = generator(seed, f"disturbance {trial}")
        out = folder / f"trial-{trial}"
        out.mkdir()
        kind = KINDS[trial % len(KINDS)]
        try:
            kind(subject, out, random, toll)
            found = _complete(subject, out, toll)
            if found != reference:
                toll.differences.append(
                    f"trial {trial} ({kind.__name__}): {_compare(found, reference)}"
                )
        finally:
            _unmount(out)
            shutil.rmtree(out, ignore_errors=True)
        toll.trials += 1
    return toll


def _complete(subject: Subject, out: Path, toll: Toll) -> dict[str, str]:
    """Give the command again until it ends well; the results that it leaves."""
    for _ in range(MAX_RESUMES):
        toll.resumes += 1
        result = process.run(list(subject.command(out)), log=out.with_suffix(".log"), check=False)
        if result.returncode != ExitCode.INFRASTRUCTURE:
            break
    if leftovers := list((out / subject.store / "tmp").glob("*")):
        toll.differences.append(f"{out.name}: left behind: {leftovers[0]}")
    return read_results(out / subject.store)


def kill_the_runner(subject: Subject, out: Path, random: np.random.Generator, toll: Toll) -> None:
    """kill -9 of the command itself; nothing that it started may live on."""
    with process.start(list(subject.command(out)), log=out.with_suffix(".log")) as running:
        _sleep(toll, random)
        family = _find_family(running.pid)
        if running.poll() is None:
            os.kill(running.pid, 9)
            toll.hits["runner killed"] += 1
        _, alive = psutil.wait_procs(family, timeout=10)
        if alive:
            toll.differences.append(f"outlived its runner: {alive[0]}")


def kill_a_descendant(subject: Subject, out: Path, random: np.random.Generator, toll: Toll) -> None:
    """kill -9 of one process below the command: a worker, or one of its machines."""
    with process.start(list(subject.command(out)), log=out.with_suffix(".log")) as running:
        _sleep(toll, random)
        while running.poll() is None:
            family = _find_family(running.pid)
            if family:
                victim = family[int(random.integers(len(family)))]
                with contextlib.suppress(psutil.NoSuchProcess):
                    victim.kill()
                    toll.hits["descendant killed"] += 1
                break
            time.sleep(POLL_S)
        running.wait()


def fill_the_disk(subject: Subject, out: Path, random: np.random.Generator, toll: Toll) -> None:
    """A disk that becomes full at a random byte, or at a random time, and is then made larger.

    A small tmpfs where one may be mounted, else a limit on the size of files.
    """
    largest = subject.disk_bytes or LARGE_DISK
    room = int(random.integers(SMALLEST_DISK, largest)) if subject.disk_bytes else largest
    mounted = _mount(out, room)
    limit = ["prlimit", f"--fsize={random.integers(1, 4096)}"] if not mounted else []
    command = [*limit, *subject.command(out)]
    with process.start(command, log=out.parent / f"{out.name}.log") as running:
        if mounted and not subject.disk_bytes:
            _sleep(toll, random)
            _write_until_full(out / "ballast")
        running.wait()
    if running.returncode:
        toll.hits["disk filled" if mounted else "file size limited"] += 1
    if mounted:
        (out / "ballast").unlink(missing_ok=True)
        process.run(["mount", "-o", "remount,size=50%", str(out)])


def _write_until_full(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(1 << 20))


def damage_an_entry(subject: Subject, out: Path, random: np.random.Generator, toll: Toll) -> None:
    """Stop the sweep at a random point, then flip one bit of a stored file, or cut it short."""
    store = Store(out / subject.store)
    with process.start(list(subject.command(out)), log=out.with_suffix(".log")) as running:
        _sleep(toll, random)
        while running.poll() is None and not store.find_keys():
            time.sleep(POLL_S)
        if running.poll() is None:
            os.kill(running.pid, 9)
    files = [
        path
        for key in store.find_keys()
        for path in sorted(store.find_directory(key).rglob("*"))
        if path.is_file() and path.name != COST  # no result hangs on host seconds
    ]
    if not files:
        return
    path = files[int(random.integers(len(files)))]
    data = bytearray(path.read_bytes())
    if data and random.random() < 0.7:
        data[int(random.integers(len(data)))] ^= 1 << int(random.integers(8))
    else:
        data = data[: len(data) // 2]
    path.write_bytes(data)
    with contextlib.suppress(DamageError):
        read_results(out / subject.store)
        toll.differences.append(f"{out.name}: damage in {path} was not found")
    toll.hits["entry damaged"] += 1


KINDS = (kill_the_runner, kill_a_descendant, fill_the_disk, damage_an_entry)


def _sleep(toll: Toll, random: np.random.Generator) -> None:
    time.sleep(float(random.uniform(0.1, 0.95)) * toll.undisturbed_s)


def _find_family(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return list(psutil.Process(pid).children(recursive=True))
    return []


def _mount(out: Path, size: int) -> bool:
    if os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(out)]
    return process.run(command, check=False).returncode == 0


def _unmount(out: Path) -> None:
    if os.path.ismount(out):
        process.run(["umount", str(out)])


def _compare(found: dict[str, str], reference: dict[str, str]) -> str:
    missing = len(reference.keys() - found.keys())
    changed = sum(found[key] != reference[key] for key in found.keys() & reference.keys())
    return f"{missing} results missing, {changed} differ, {len(found)} found"
