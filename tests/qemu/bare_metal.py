# SPDX-License-Identifier: MIT
"""Bare-metal i386 guests: assemble a program, boot it, read the counter stream and the console.

A program starts in 32-bit protected mode with flat segments, no paging, interrupts off.  It marks
its region of interest, prints through I/O port 0xe9 and ends through port 0xf4.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from forge.manifest import NAME, Manifest
from ground.errors import UsageError
from ground.paths import find_outputs
from ground.process import run
from tests.qemu.cache_reference import Config, Shape

PROGRAMS = Path(__file__).with_name("programs")
RATE = Fraction(5, 7)  # ns per unit: a cycle at 1.4 GHz
GDT, IDT = 0x200000, 0x201000
PLACES = ("-Wl,-Ttext=0x100000", f"-Wl,--section-start=.tables={GDT:#x}")
DONE = 0x21  # written to the exit port; QEMU ends with 2 * DONE + 1
PAIRS = ("insn", "l1i", "l1d_load", "l1d_store", "l2_fetch", "l2_load", "l2_store")
Record = dict[str, Any]


@dataclass(frozen=True)
class Emulator:
    """A QEMU with the project's additions, and the firmware that it boots with."""

    qemu: Path
    firmware: Path


@dataclass(frozen=True)
class Region:
    """What the counter stream says of one region of interest: differences from start to stop."""

    start: Record
    stop: Record

    def __getitem__(self, name: str) -> Any:
        begin, end = self.start[name], self.stop[name]
        if isinstance(end, list):
            return [b - a for a, b in zip(begin, end, strict=True)]
        if isinstance(end, dict):
            return {key: end[key] - begin[key] for key in end}
        return end - begin


@dataclass(frozen=True)
class Outcome:
    """A finished run."""

    records: list[Record] = field(default_factory=list)
    console: bytes = b""

    @property
    def regions(self) -> list[Region]:
        """Regions of interest in order."""
        edges = [r for r in self.records if r["ev"] in ("start", "stop")]
        return [Region(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def format_shape(shape: Shape) -> str:
    """As the cache-model object wants it."""
    return f"{shape.size}:{shape.ways}:{shape.line}"


def finalize_model(config: Config, output: Path, *, filtered: bool = True) -> str:
    """The value of -object for ``config``."""
    names = ("fetch", "load", "store")
    stalls = dict(zip(("l1i", "l1d-load", "l1d-store"), config.stall_l1, strict=True))
    stalls |= {name.replace("_", "-"): s for name, s in config.stall_events.items()}
    stalls |= {f"l2-{n}": s for n, s in zip(names, config.stall_l2, strict=True)}
    fields = {
        "id": "cm",
        "l1i": format_shape(config.l1i),
        "l1d": format_shape(config.l1d),
        "l2": format_shape(config.l2),
        "policy": config.policy,
        "seed": str(config.seed),
        "filter": "on" if filtered else "off",
        "output": str(output),
        "stall-itlb": str(config.stall_itlb),
        "stall-dtlb": str(config.stall_dtlb),
        **{f"stall-{name}": str(value) for name, value in stalls.items()},
        **{name: f"{t.entries}:{t.ways}" for name, t in config.tlbs.items()},
    }
    if config.tlbs:
        fields["kernel-base"] = str(config.kernel_base)
    return "cache-model," + ",".join(f"{k}={v}" for k, v in fields.items())


def build_guest(directory: Path, *sources: Path | str) -> Path:
    """Assemble ``sources`` (files, or text) behind the start-up code into a PVH kernel."""
    kernel = directory / "guest.elf"
    files = [PROGRAMS / "start.S"]
    for number, source in enumerate(sources):
        if isinstance(source, Path):
            files.append(source)
        else:
            files.append(directory / f"part{number}.S")
            files[-1].write_text(source)
    flags: list[str | Path] = [
        "-m32",
        "-nostdlib",
        "-static",
        "-no-pie",
        "-Wl,--build-id=none",
        "-I",
        PROGRAMS,
    ]
    run(["gcc", *flags, *PLACES, "-o", kernel, *files])
    return kernel


def run_guest(
    emulator: Emulator,
    directory: Path,
    kernel: Path,
    config: Config | None,
    *,
    filtered: bool = True,
    rate: Fraction = RATE,
    options: tuple[str, ...] = (),
) -> Outcome:
    """Boot ``kernel`` with the cache model ``config`` (None: without one) to its end."""
    console, stream = directory / "console", directory / "counters"
    argv: list[str | Path] = [emulator.qemu, "-L", emulator.firmware]
    argv += ["-M", "pc,hpet=off,usb=off", "-nodefaults", "-no-reboot", "-display", "none"]
    argv += [
        "-cpu",
        "pentium3",
        "-m",
        "64",
        "-accel",
        "tcg",
        "-seed",
        "1",
        "-rtc",
        "base=2006-01-01,clock=vm",
    ]
    argv += ["-icount", f"shift=0,sleep=off,num={rate.numerator},den={rate.denominator}"]
    argv += ["-chardev", f"file,id=d,path={console}", "-device", "isa-debugcon,chardev=d"]
    argv += ["-device", "isa-debug-exit,iobase=0xf4", "-kernel", kernel, *options]
    if config:
        argv += ["-object", finalize_model(config, stream, filtered=filtered)]
    result = run(argv, timeout_s=60, check=False)
    assert result.returncode == 2 * DONE + 1, (result.returncode, result.stderr)
    lines = stream.read_text().splitlines() if config else []
    return Outcome([json.loads(line) for line in lines], console.read_bytes())


def find_emulator() -> Emulator | None:
    """The emulator named by ARTIFACT_TEST_QEMU and ARTIFACT_TEST_FIRMWARE, or the built one."""
    if chosen := os.environ.get("ARTIFACT_TEST_QEMU"):
        return Emulator(Path(chosen), Path(os.environ["ARTIFACT_TEST_FIRMWARE"]))
    try:
        manifest = Manifest.load(find_outputs() / NAME)
    except UsageError:
        return None
    return Emulator(manifest.qemu.path, manifest.firmware.path)
