# SPDX-License-Identifier: MIT
"""Stack depths against the chains that a reader of both servers found, summed with gcc's frames."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ground import process
from ground.paths import PROJECT
from stingy.accuracy.truth import find_server
from stingy.lower.frames import compile_frames, parse_callgraph
from stingy.lower.sources import Source
from stingy.memwalk.passes import analyse
from stingy.model.annotations import StackNote

LISTING = """\
node: { title: "f" label: "f\\nx.c:1:5\\n96 bytes (static)" }
edge: { sourcename: "f" targetname: "*__isoc99_sscanf" label: "x.c:2:6" }
edge: { sourcename: "f" targetname: "__memcpy_chk" label: "x.c:3:6" }
edge: { sourcename: "f" targetname: "__own_name" label: "x.c:4:6" }
"""


def read_frames(source: Path, out: Path) -> dict[str, int]:
    """Bytes of frames by function, from gcc itself."""
    process.run(["make", "-s", "-C", source, f"OUT={out}", "CPPFLAGS=-fstack-usage"])
    lines = [line.split("\t") for path in out.glob("*.su") for line in path.open()]
    return {place.rsplit(":", 1)[1].split(".")[0]: int(used) for place, used, _ in lines}


def sum_chain(chain: tuple[str, ...], frames: Mapping[str, int], note: StackNote) -> int:
    """gcc's frames, and for functions of the library what the annotations assume."""
    default = note.external_default_bytes or 0
    return sum(frames.get(f, note.external_bytes.get(f, default)) for f in chain)


@pytest.mark.parametrize("name", ["cascade", "switchboard"])
def test_servers_have_the_chains_of_their_ground_truth(name: str, tmp_path: Path) -> None:
    case = find_server(PROJECT / "examples" / name)
    frames = read_frames(case.annotations.parent, tmp_path)
    note = StackNote.model_validate(tomllib.loads(case.annotations.read_text())["stack"])
    found = {depth.root: depth.bytes for depth in analyse(case.annotations).stacks}
    assert found == {
        root: sum_chain(chain, frames, note) for root, chain in case.truth.chains.items()
    }


def test_a_sanitizers_build_has_the_frames_of_one_without(tmp_path: Path) -> None:
    """What instruments memory accesses is not the server's own stack."""
    path = tmp_path / "a.c"
    path.write_text("int f(int n) { int room[64]; room[n] = n; return room[n / 2]; }\n")
    plain = Source(path, "a.c", "gcc", ("-O2",), tmp_path)
    checked = ("-fsanitize=kernel-address", "-fasan-shadow-offset=0xd0000000")
    frames, complaint = compile_frames(plain)
    assert frames["f"].bytes > 0
    assert not complaint
    assert compile_frames(replace(plain, flags=(*plain.flags, *checked))) == (frames, "")


def test_names_that_the_library_makes_up_are_those_that_were_written() -> None:
    calls = {call[0] for call in parse_callgraph(LISTING)["f"].calls}
    assert calls == {"sscanf", "memcpy", "__own_name"}
