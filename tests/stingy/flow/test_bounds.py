# SPDX-License-Identifier: MIT
"""Bounds of sizes that come through many callers."""

from __future__ import annotations

from pathlib import Path

from stingy.flow.constructs import find_constructs
from stingy.flow.objects import find_objects
from stingy.flow.pointers import resolve_pointers
from stingy.memwalk.passes import load_program
from stingy.model.annotation_file import read_annotations
from tests.stingy.annotations import QUEUE
from tests.stingy.memwalk.test_ending import HEAD, LOOP, write_server

LEVELS, CALLS = 5, 40
SERVER = """\
struct req { char *text; };
static void f0(struct req *req, int n) { req->text = malloc(n + 1); }
CALLERS
static void fill(struct req *req) { f5(req, 20); free(req->text); free(req); }
"""


def test_a_size_that_comes_on_millions_of_ways_is_bounded_in_no_time(tmp_path: Path) -> None:
    callers = "\n".join(
        f"static void f{level}(struct req *req, int n) {{ "
        + " ".join(f"f{level - 1}(req, n + {k});" for k in range(CALLS))
        + " }"
        for level in range(1, LEVELS + 1)
    )
    source = HEAD + SERVER.replace("CALLERS", callers) + LOOP.replace("FIRST", "fill")
    file = read_annotations(write_server(tmp_path, source, QUEUE))
    program = load_program(file)
    constructs = find_constructs(file.annotations, program)
    found = find_objects(
        file.annotations, program, constructs, resolve_pointers(program, constructs)
    )
    [size] = found.kinds["req_text"].sizes
    assert (size.kind, size.bytes) == ("bound", 20 + LEVELS * (CALLS - 1) + 1)
