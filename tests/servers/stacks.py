# SPDX-License-Identifier: MIT
"""How much stack the stages use at run time (painting), and what gcc says about each frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ground import process
from tests.servers.running import Server, build_server, run_server

PAINTING = Path(__file__).with_name("painting")
WRAPPED = {
    "cascade": ("run_next_stage",),
    "switchboard": ("dispatch", "dispatch_timeout"),
}


def build_painted(source: Path, name: str, out: Path) -> Path:
    """Compile the server in ``source`` with painting in place of its Schedule_Stage."""
    out.mkdir(parents=True, exist_ok=True)
    objects = []
    for stem in ("paint", name):
        target = out / f"painting-{stem}.o"
        include = [f"-I{source}", f"-I{PAINTING}"]
        flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-D_GNU_SOURCE"]
        process.run(["gcc", *flags, *include, "-c", "-o", target, PAINTING / f"{stem}.c"])
        objects.append(str(target))
    wraps = ",".join(f"--wrap={function}" for function in WRAPPED[name])
    return build_server(
        source,
        name,
        out,
        f"LDFLAGS=-rdynamic -Wl,-z,now -Wl,{wraps}",
        f"LDLIBS={' '.join(objects)}",
        "CPPFLAGS=-fstack-usage",
    )


def paint(
    program: Path, root: Path, report: Path, load: Callable[[Server], None]
) -> dict[str, int]:
    """Bytes of stack that each stage used at most under ``load``, from its return address on."""
    options = ["-t", "300"]
    with run_server(program, root, options, {"PAINT_REPORT": str(report)}) as server:
        load(server)
    lines = [line.split() for line in report.read_text().splitlines()]
    return {stage: int(used) for stage, used, _ in lines}


def read_frames(out: Path) -> dict[str, int]:
    """Bytes of each function's frame, from the files that gcc wrote beside the objects."""
    frames = {}
    for path in out.glob("*.su"):
        for line in path.read_text().splitlines():
            place, used, _ = line.split("\t")
            frames[place.rsplit(":", 1)[1].split(".")[0]] = int(used)
    return frames
