# SPDX-License-Identifier: MIT
"""Recorded user-space traces (lackey) and cachegrind's counts of the same program."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ground.process import Argv, run
from tests.qemu.cache_library import EVENT, Array
from tests.qemu.cache_reference import FETCH, LOAD, STORE, Shape

PROGRAMS = Path(__file__).with_name("programs")
KINDS = {b"I ": (FETCH,), b" L": (LOAD,), b" S": (STORE,), b" M": (LOAD, STORE)}


def build_user_workload(directory: Path) -> Path:
    """The freestanding workload: a static x86-64 program whose addresses fit 32 bits."""
    program = directory / "user_workload"
    freestanding = ["-ffreestanding", "-nostdlib", "-static", "-no-pie", "-fno-stack-protector"]
    plain = ["-O1", "-mgeneral-regs-only", "-fcf-protection=none"]
    run(["gcc", *plain, *freestanding, "-o", program, PROGRAMS / "user_workload.c"])
    return program


def record_trace(directory: Path, argv: Argv) -> Array:
    """All accesses of a program in order, as EVENT records; addresses are cut to 32 bits."""
    log = directory / "trace"
    run(["valgrind", "--tool=lackey", "--trace-mem=yes", f"--log-file={log}", *argv])
    rows = []
    with log.open("rb") as lines:
        for line in lines:
            for kind in KINDS.get(line[:2], ()):
                address, size = line[3:].split(b",")
                rows.append((int(address, 16) & 0xFFFFFFFF, int(size), kind, 0))
    return np.array(rows, EVENT)


def count_misses(
    directory: Path, argv: Argv, l1i: Shape, l1d: Shape, last: Shape
) -> dict[str, int]:
    """Cachegrind's totals by event name (Ir, I1mr, ILmr, Dr, D1mr, DLmr, Dw, D1mw, DLmw)."""
    out = directory / "counts"
    caches = [
        f"--{name}={shape.size},{shape.ways},{shape.line}"
        for name, shape in (("I1", l1i), ("D1", l1d), ("LL", last))
    ]
    tool = ["valgrind", "--tool=cachegrind", "--cache-sim=yes", f"--cachegrind-out-file={out}"]
    run([*tool, *caches, *argv])
    fields = dict(line.split(": ", 1) for line in out.read_text().splitlines() if ": " in line)
    numbers = [int(number) for number in fields["summary"].split()]
    return dict(zip(fields["events"].split(), numbers, strict=True))
