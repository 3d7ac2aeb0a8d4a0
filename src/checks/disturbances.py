# SPDX-License-Identifier: MIT
"""Disturb a sweep at random points and show that it still ends with the same results.

The sweep (`checks.disturbed`) is a command that fills a run store and goes on where it was when
it is given again, with synthetic runs or with real machines.  Kinds take turns, points are drawn
from a seed; when they hit depends on the host, as in life.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
import psutil
from pydantic import BaseModel, ConfigDict, Field

from artifact.runs.store import COST, DamageError, Store
from checks.disturbed import STORE, DisturbedSweep
from ground import process
from ground.documents import read_made
from ground.errors import ArtifactError, ExitCode, UsageError
from ground.files import write_atomically
from ground.seeds import generator

MAX_RESUMES = 8
POLL_S = 0.01
SMALLEST_DISK = 64 << 10
WORKER = "spawn_main"  # in the command line of each of multiprocessing's workers
MACHINE = "qemu-system-"
TOLL = "toll.json"


class Toll(BaseModel):
    """What was done to the sweeps of ``sweep``, drawn from ``seed``, and what went wrong."""

    model_config = ConfigDict(extra="forbid")

    sweep: str
    seed: int
    runs: int = 0
    undisturbed_s: float = 0.0
    trials: int = 0
    hits: Counter[str] = Field(default_factory=Counter)
    resumes: int = 0
    differences: list[str] = Field(default_factory=list)


Kind = Callable[[DisturbedSweep, Path, np.random.Generator, Toll], None]


def read_results(store: Path) -> dict[str, str]:
    """Key and digest of each result in ``store``.  Raises DamageError if one is damaged."""
    results = {}
    for key in Store(store).find_keys():
        entry = Store(store).load(key)
        results[key] = entry.digest if entry else "absent"
    return results


def disturb_sweeps(
    sweep: DisturbedSweep, folder: Path, *, times: int, seed: int
) -> Generator[Toll, None, None]:
    """Do an undisturbed sweep, then ``times`` disturbed ones, each resumed until it completes,
    and compare all results with the first; the toll so far after each.

    Everything happens below ``folder``, where a later call goes on after the last complete trial.
    Raises UsageError if what is there is another sweep's, or another build's.
    """
    toll = _load_toll(sweep, folder, seed)
    reference = _sweep_undisturbed(sweep, folder, toll)
    yield toll
    while toll.trials < times:
        kinds = find_kinds(sweep)
        kind = kinds[toll.trials % len(kinds)]
        out = folder / f"trial-{toll.trials}"
        shutil.rmtree(out, ignore_errors=True)  # of a trial that was cut off
        out.mkdir()
        try:
            kind(sweep, out, generator(seed, f"disturbance {toll.trials}"), toll)
            found = _complete(sweep, out, toll)
            if found != reference:
                lost = _compare(found, reference)
                toll.differences.append(f"{out.name} ({kind.__name__}): {lost}")
        finally:
            _unmount(out)
            shutil.rmtree(out, ignore_errors=True)
        toll.trials += 1
        write_atomically(folder / TOLL, toll.model_dump_json(indent=1).encode())
        yield toll


def _load_toll(sweep: DisturbedSweep, folder: Path, seed: int) -> Toll:
    asked = Toll(sweep=sweep.name, seed=seed)
    if not (folder / TOLL).exists():
        return asked
    try:
        toll = read_made(Toll, (folder / TOLL).read_bytes())
        if (toll.sweep, toll.seed) != (asked.sweep, asked.seed):
            raise ValueError(f"it is of the {toll.sweep} sweep and seed {toll.seed}")
    except ValueError as error:
        raise UsageError(
            f"{folder / TOLL} is not this command's: {error}", hint=f"remove {folder}"
        ) from None
    return toll


def _sweep_undisturbed(sweep: DisturbedSweep, folder: Path, toll: Toll) -> dict[str, str]:
    """The results to compare with; a sweep that is there already must be today's build's."""
    out = folder / "undisturbed"
    out.mkdir(parents=True, exist_ok=True)
    before = read_results(out / STORE)
    begin = time.monotonic()
    process.run(list(sweep.command(out)), log=folder / "undisturbed.log")
    reference = read_results(out / STORE)
    if not reference:
        raise ArtifactError("the undisturbed sweep stored nothing", hint=f"see {folder}")
    if not toll.undisturbed_s:
        toll.runs, toll.undisturbed_s = len(reference), time.monotonic() - begin
        write_atomically(folder / TOLL, toll.model_dump_json(indent=1).encode())
    elif before != reference:
        raise UsageError("the build has changed since the first trial", hint=f"remove {folder}")
    return reference


def _complete(sweep: DisturbedSweep, out: Path, toll: Toll) -> dict[str, str]:
    """Give the command again until it ends well; the results that it leaves."""
    for _ in range(MAX_RESUMES):
        toll.resumes += 1
        result = process.run(list(sweep.command(out)), log=out.with_suffix(".log"), check=False)
        if result.returncode != ExitCode.INFRASTRUCTURE:
            break
    if leftovers := list((out / STORE / "tmp").glob("*")):
        toll.differences.append(f"{out.name}: left behind: {leftovers[0]}")
    return read_results(out / STORE)


def kill_the_runner(
    sweep: DisturbedSweep, out: Path, random: np.random.Generator, toll: Toll
) -> None:
    """kill -9 of the command itself; nothing that it started may live on."""
    with process.start(list(sweep.command(out)), log=out.with_suffix(".log")) as running:
        _wait(running, Store(out / STORE), random, toll)
        family = _find_family(running.pid)
        if running.poll() is None:
            os.kill(running.pid, 9)
            toll.hits["runner killed"] += 1
        _, alive = psutil.wait_procs(family, timeout=10)
        if alive:
            toll.differences.append(f"outlived its runner: {alive[0]}")


def kill_a_worker(
    sweep: DisturbedSweep, out: Path, random: np.random.Generator, toll: Toll
) -> None:
    """kill -9 of one worker, with what it started."""
    _kill_one(sweep, out, random, toll, what=WORKER, hit="worker killed")


def kill_a_machine(
    sweep: DisturbedSweep, out: Path, random: np.random.Generator, toll: Toll
) -> None:
    """kill -9 of one emulator: a server or a client."""
    _kill_one(sweep, out, random, toll, what=MACHINE, hit="machine killed")


def _kill_one(
    sweep: DisturbedSweep,
    out: Path,
    random: np.random.Generator,
    toll: Toll,
    *,
    what: str,
    hit: str,
) -> None:
    """kill -9 of a process below the sweep whose command line has ``what``, as soon as there is
    one after a random time."""
    with process.start(list(sweep.command(out)), log=out.with_suffix(".log")) as running:
        _wait(running, Store(out / STORE), random, toll)
        while running.poll() is None:
            family = _find_family(running.pid, what)
            if family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    family[int(random.integers(len(family)))].kill()
                    toll.hits[hit] += 1
                break
            time.sleep(POLL_S)
        running.wait()


def fill_the_disk(
    sweep: DisturbedSweep, out: Path, random: np.random.Generator, toll: Toll
) -> None:
    """A disk that becomes full at a random byte, and is then made larger.

    A small tmpfs where one may be mounted, else a limit on the size of files.
    """
    mounted = _mount(out, int(random.integers(SMALLEST_DISK, sweep.disk_bytes)))
    limit = ["prlimit", f"--fsize={random.integers(1, 4096)}"] if not mounted else []
    with process.start(
        [*limit, *sweep.command(out)], log=out.parent / f"{out.name}.log"
    ) as running:
        running.wait()
    if running.returncode:
        toll.hits["disk filled" if mounted else "file size limited"] += 1
    if mounted:
        process.run(["mount", "-o", "remount,size=50%", str(out)])


def spoil(data: bytes, random: np.random.Generator) -> bytes:
    """``data`` with one bit flipped, or cut short; an empty file gets a byte."""
    if not data:
        return b"\0"
    if random.random() < 0.7:
        place = int(random.integers(len(data)))
        flipped = data[place] ^ 1 << int(random.integers(8))
        return data[:place] + bytes([flipped]) + data[place + 1 :]
    return data[: len(data) // 2]


def damage_an_entry(
    sweep: DisturbedSweep, out: Path, random: np.random.Generator, toll: Toll
) -> None:
    """Stop the sweep at a random point, then flip one bit of a stored file, or cut it short."""
    store = Store(out / STORE)
    with process.start(list(sweep.command(out)), log=out.with_suffix(".log")) as running:
        _wait(running, Store(out / STORE), random, toll)
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
    path.write_bytes(spoil(path.read_bytes(), random))
    with contextlib.suppress(DamageError):
        read_results(out / STORE)
        toll.differences.append(f"{out.name}: damage in {path} was not found")
    toll.hits["entry damaged"] += 1


KINDS: tuple[Kind, ...] = (kill_the_runner, kill_a_worker, fill_the_disk, damage_an_entry)
MACHINE_KINDS = (kill_a_machine, *KINDS)


def find_kinds(sweep: DisturbedSweep) -> tuple[Kind, ...]:
    """What is done to ``sweep``, in turns."""
    return MACHINE_KINDS if sweep.machines else KINDS


def _wait(
    running: subprocess.Popen[bytes], store: Store, random: np.random.Generator, toll: Toll
) -> None:
    """Let the sweep go on for a random share of its time, or of its results if they are sooner
    there: the host may be faster now than it was in the undisturbed sweep."""
    share = float(random.uniform(0.1, 0.95))
    end = time.monotonic() + share * toll.undisturbed_s
    while running.poll() is None and time.monotonic() < end:
        if len(store.find_keys()) >= share * toll.runs:
            return
        time.sleep(POLL_S)


def _find_family(pid: int, what: str = "") -> list[psutil.Process]:
    """Processes below ``pid``, those with ``what`` in their command line."""
    try:
        family = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [child for child in family if what in _read_command_line(child)]


def _read_command_line(child: psutil.Process) -> str:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return " ".join(child.cmdline())
    return ""


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
