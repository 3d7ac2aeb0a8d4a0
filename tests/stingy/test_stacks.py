# SPDX-License-Identifier: MIT
"""Stack depths against sums made by hand, and against the chains in the servers' ground truth."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ground import process
from ground.places import PROJECT
from ground.voice import UsageError
from stingy.annotations import StackNote
from stingy.frames import parse_callgraph
from stingy.program import Frame
from stingy.results import StackDepth
from stingy.stacks import Outside, find_stacks, load_outside
from stingy.truth import find_server

NOTHING = Outside({}, {}, None)
# What the indirect calls in the servers call, found by reading.
BODIES = ("file", "listing", "text")
INDIRECT = {
    "open_body": {f"{body}_open" for body in BODIES},
    "on_request": {f"{body}_{verb}" for body in BODIES for verb in ("open", "close")},
    "on_writable": {f"{body}_{verb}" for body in BODIES for verb in ("fill", "close")},
    "hang_up": {f"{body}_close" for body in BODIES},
    "parse_request": {
        f"take_{field}"
        for field in ("connection", "content_length", "host", "modified_since", "transfer_encoding")
    },
}
STAGES = {
    "cascade": {"run_next_stage"},
    "switchboard": {"dispatch", "dispatch_timeout"},
}


def frame(bytes_: int, *callees: str, kind: str = "static") -> Frame:
    return Frame(bytes_, kind, tuple((callee, 1) for callee in callees))


def measure(
    frames: Mapping[str, Frame], note: StackNote | None = None, outside: Outside = NOTHING
) -> StackDepth:
    (depth,) = find_stacks(
        [("f", "f", "stage")], frames, lambda *_: set(), note or StackNote(), outside
    )
    return depth


def test_the_deepest_chain_counts() -> None:
    frames = {"f": frame(16, "g", "a.c:h"), "g": frame(100), "a.c:h": frame(32, "g")}
    depth = measure(frames)
    assert depth.bytes == 148
    assert [(f.function, f.bytes) for f in depth.chain] == [("f", 16), ("h", 32), ("g", 100)]


def test_indirect_calls_are_resolved_by_line() -> None:
    frames = {
        "f": Frame(8, "static", (("__indirect_call", 7), ("__indirect_call", 9))),
        "g": frame(10),
        "h": frame(90),
    }
    targets = {("f", 7): {"g"}, ("f", 9): {"h"}}
    (depth,) = find_stacks(
        [("f", "f", "stage")], frames, lambda key, line: targets[key, line], StackNote(), NOTHING
    )
    assert depth.bytes == 98


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ({"f": frame(8, "f")}, "f calls itself"),
        ({"f": frame(8, "g"), "g": frame(8, "f")}, "f and g call each other"),
        ({"f": frame(8, kind="dynamic")}, "the frame of f grows"),
        ({"f": frame(8, "g"), "g": frame(8, kind="dynamic")}, "the frame of g grows"),
        ({"f": frame(8, "memcpy")}, "no bound for memcpy"),
    ],
)
def test_what_has_no_bound_is_said(frames: dict[str, Frame], words: str) -> None:
    depth = measure(frames)
    assert depth.bytes is None
    assert words in depth.notes[0]


def test_assumptions_bound_it() -> None:
    frames = {
        "f": frame(8, "g", "memcpy"),
        "g": frame(10, "h"),
        "h": frame(20, "g", "leaf", kind="dynamic"),
        "leaf": frame(5),
    }
    note = StackNote.model_validate({"recursion": {"g": 3}, "dynamic_bytes": {"h": 100}})
    depth = measure(frames, note, Outside({"memcpy": 40}, {}, None))
    assert depth.bytes == 8 + 3 * (10 + 120) + 5
    assert "g and h call each other: 3 times, as assumed" in depth.notes


def test_frames_of_others_and_a_default(tmp_path: Path) -> None:
    (tmp_path / "library.json").write_text(json.dumps({"known": 70}))
    (tmp_path / "library.ci").write_text(
        'node: { title: "printf" label: "printf\\nlib.c:1:1\\n48 bytes (static)" }\n'
        'node: { title: "write" label: "write\\nlib.c:2:1\\n16 bytes (static)" }\n'
        'edge: { sourcename: "printf" targetname: "write" label: "lib.c:1:9" }\n'
    )
    note = StackNote.model_validate(
        {"callgraph": ["library.json", "library.ci"], "external_default_bytes": 30}
    )
    outside = load_outside(note, tmp_path)
    assert measure({"f": frame(1, "printf")}, note, outside).bytes == 1 + 48 + 16
    assert measure({"f": frame(1, "known")}, note, outside).bytes == 71
    assert measure({"f": frame(1, "other")}, note, outside).bytes == 31


def test_names_that_the_library_makes_up() -> None:
    outside = Outside({"sscanf": 2560, "memcpy": 30}, {}, 0)
    assert measure({"f": frame(1, "*__isoc99_sscanf")}, None, outside).bytes == 2561
    assert measure({"f": frame(1, "__memcpy_chk")}, None, outside).bytes == 31


def test_a_broken_file_of_frames_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": "b"}')
    with pytest.raises(UsageError, match=r"x\.json: a: "):
        load_outside(StackNote(callgraph=(Path("x.json"),)), tmp_path)
    with pytest.raises(UsageError, match=r"cannot read .*gone\.json"):
        load_outside(StackNote(callgraph=(Path("gone.json"),)), tmp_path)


@given(st.data())
def test_a_random_graph_without_cycles(data: st.DataObject) -> None:
    """Against the obvious recursion over all chains."""
    count = data.draw(st.integers(1, 8))
    callees = {
        i: data.draw(st.sets(st.integers(i + 1, count), max_size=3)) - {count} for i in range(count)
    }
    sizes = [data.draw(st.integers(0, 200)) for _ in range(count)]

    def deepest(i: int) -> int:
        return sizes[i] + max(map(deepest, callees[i]), default=0)

    names = ["f", *(f"f{i}" for i in range(1, count))]
    frames = {names[i]: frame(sizes[i], *(names[c] for c in callees[i])) for i in range(count)}
    depth = measure(frames)
    assert depth.bytes == deepest(0) == sum(f.bytes for f in depth.chain)


@pytest.mark.parametrize("name", STAGES)
def test_servers_have_the_chains_of_their_ground_truth(name: str, tmp_path: Path) -> None:
    case = find_server(PROJECT / "tests" / "servers" / name)
    source = case.annotations.parent
    process.run(["make", "-s", "-C", source, f"OUT={tmp_path}", "CPPFLAGS=-fcallgraph-info=su"])
    frames: dict[str, Frame] = {}
    for listing in tmp_path.glob("*.ci"):
        frames |= {key.rsplit(":", 1)[-1]: one for key, one in _plain(listing).items()}
    note = StackNote.model_validate(tomllib.loads(case.annotations.read_text())["stack"])
    stages = set(case.truth.chains) - {"event_loop"}
    targets = INDIRECT | dict.fromkeys(STAGES[name], stages)
    roots = [(s, s, "stage") for s in sorted(case.truth.chains)]
    found = find_stacks(
        roots,  # type: ignore[arg-type]
        frames,
        lambda key, _: targets[key],
        note,
        load_outside(note, source),
    )
    for depth in found:
        expected = sum(_bytes_of(f, frames, note) for f in case.truth.chains[depth.root])
        assert depth.bytes == expected, depth


def _plain(listing: Path) -> dict[str, Frame]:
    """Frames by name, callees by name too: no two functions of a server have the same."""
    return {
        key: Frame(f.bytes, f.kind, tuple((c.rsplit(":", 1)[-1], line) for c, line in f.calls))
        for key, f in parse_callgraph(listing.read_text()).items()
    }


def _bytes_of(function: str, frames: Mapping[str, Frame], note: StackNote) -> int:
    if function in frames:
        return frames[function].bytes
    return note.external_bytes.get(function, note.external_default_bytes or 0)
