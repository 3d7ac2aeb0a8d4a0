# SPDX-License-Identifier: MIT
"""Damaged annotation files: an answer or an error that can be acted on, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ground.errors import UsageError
from ground.paths import PROJECT
from stingy.accuracy.truth import find_snippets
from stingy.memwalk.passes import Options, analyse
from stingy.model.annotation_file import read_annotations

HERE = Path(__file__).parents[1]
FILES = [
    *sorted((PROJECT / "examples").glob("*/annotations.toml")),
    *sorted((PROJECT / "experiments" / "annotations").glob("*.toml")),
    HERE / "tux" / "annotations.toml",
]
WORDS = (
    *("T", "S", "O", "size", "flag", "-", "queue", "lifo", "", "struct", "struct x", "0", "-1"),
    *("stage_start", "stage_middle", "event_loop", "malloc", "true", "[", "]", '"', "\0", "é"),
)
COMMAND = """\
savedcmd_net/tux/NAME.o := gcc -Wp,-MMD,net/tux/.NAME.o.d -include ./force.h -D__KERNEL__ \
-std=gnu11 -O2 -DKBUILD_BASENAME='"NAME"' -c -o net/tux/NAME.o net/tux/NAME.c

source_net/tux/NAME.o := net/tux/NAME.c

deps_net/tux/NAME.o := \\
  net/tux/tux.h \\
"""
MODULE = {
    "tux.h": """\
#ifndef TUX_H
#define TUX_H
#ifndef FORCED
#error "the command's -include is not there"
#endif
struct tux_req;
typedef void tux_atom_t(struct tux_req *req, int cachemiss);
struct tux_req {
	struct tux_req *next;
	tux_atom_t *atoms[8];
	unsigned char nr_atoms;
	char *header;
};
void *kmalloc(unsigned long size, unsigned int flags);
void kfree(const void *pointer);
int peek(struct tux_req *req);
extern struct tux_req *work;
static inline void add_tux_atom(struct tux_req *req, tux_atom_t *atom)
{
	req->atoms[req->nr_atoms++] = atom;
}
void add_req_to_workqueue(struct tux_req *req);
void parse_request(struct tux_req *req, int cachemiss);
void flush_request(struct tux_req *req);
#endif
""",
    "loop.c": """\
#include "tux.h"
struct tux_req *work;
void add_req_to_workqueue(struct tux_req *req) { req->next = work; work = req; }
void tux_schedule_atom(struct tux_req *req, int cachemiss)
{
	if (!req->nr_atoms)
		flush_request(req);
	else
		req->atoms[--req->nr_atoms](req, cachemiss);
}
void event_loop(void)
{
	for (;;)
		tux_schedule_atom(work, 0);
}
""",
    "stages.c": """\
#include "tux.h"
void flush_request(struct tux_req *req)
{
	kfree(req->header);
	req->header = 0;
	add_tux_atom(req, parse_request);
	add_req_to_workqueue(req);
}
void parse_request(struct tux_req *req, int cachemiss)
{
	if (!req->header)
		req->header = kmalloc(512, 0);
	if (!req->header || peek(req) < 0)
		add_tux_atom(req, parse_request);
	add_req_to_workqueue(req);
}
""",
}
MODULE_ANNOTATIONS = """\
schema = 1
[server]
name = "tux"
root = "../../src/tux"
[sources]
files = ["*.c"]
exclude = ["*.mod.c", "stingy.c"]
compile_commands = "."
[dispatch]
discipline = "lifo"
depth = 8
final = "flush_request"
[[dispatch.requeue]]
function = "add_req_to_workqueue"
arguments = ["T"]
queue = "work"
[[dispatch.clear]]
store = "struct tux_req.nr_atoms"
[requests]
task = "struct tux_req"
[[constructs.queue_stage]]
function = "add_tux_atom"
arguments = ["T", "S"]
[[constructs.schedule_stage]]
function = "tux_schedule_atom"
arguments = ["T", "flag"]
[[constructs.scheduler]]
function = "event_loop"
[[constructs.malloc]]
function = "kmalloc"
arguments = ["size"]
max_bytes = 3000
reason = "the default"
[[constructs.free]]
function = "kfree"
arguments = ["O"]
[[stages]]
function = "parse_request"
arguments = ["T", "flag"]
entry = true
[stack]
external_default_bytes = 2048
"""
bounded = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """``text`` with lines dropped, doubled or swapped, and words replaced."""
    lines = text.splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        other = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["drop", "double", "swap", "word", "cut"])):
            case "drop":
                lines[at] = ""
            case "double":
                lines.insert(at, lines[other])
            case "swap":
                lines[at], lines[other] = lines[other], lines[at]
            case "word":
                words = lines[at].split('"')
                words[draw(st.integers(0, len(words) - 1))] = draw(st.sampled_from(WORDS))
                lines[at] = '"'.join(words)
            case "cut":
                lines[at] = lines[at][: draw(st.integers(0, 20))]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("annotations")


@bounded
@given(data=st.data(), file=st.sampled_from(FILES))
def test_reading(folder: Path, data: st.DataObject, file: Path) -> None:
    path = folder / "fuzzed.toml"
    path.write_text(data.draw(damaged(file.read_text())))
    try:
        read_annotations(path)
    except UsageError as error:
        assert "fuzzed.toml" in error.message + error.hint


@pytest.fixture(scope="module")
def snippets(folder: Path) -> dict[str, str]:
    cases = find_snippets(HERE / "corpus", HERE / "defaults", folder)
    return {case.name: case.annotations.read_text().replace(", ", ",\n") for case in cases}


@bounded
@given(data=st.data(), name=st.sampled_from(["direct_calls", "stack_objects_exclusive"]))
def test_analysing(folder: Path, snippets: dict[str, str], data: st.DataObject, name: str) -> None:
    path = folder / "fuzzed.toml"
    path.write_text(data.draw(damaged(snippets[name])))
    try:
        analyse(path)
    except UsageError as error:
        assert error.message


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kernel's tree with a module of two files that share a header, as its build leaves it."""
    tree = tmp_path_factory.mktemp("linux")
    module = tree / "net" / "tux"
    module.mkdir(parents=True)
    (tree / "force.h").write_text("#define FORCED 1\n")
    for name, text in MODULE.items():
        (module / name).write_text(text)
    return tree


def write_commands(tree: Path, changes: dict[str, str]) -> Path:
    module = tree / "net" / "tux"
    for name in ("loop", "stages"):
        command = COMMAND.replace("NAME", name)
        (module / f".{name}.o.cmd").write_text(changes.get(name, command), errors="surrogateescape")
    return module


@bounded
@given(data=st.data())
def test_analysing_a_module(folder: Path, tree: Path, data: st.DataObject) -> None:
    """The annotations of TUX in its kernel, for a small module of the same names."""
    module = write_commands(tree, {})
    path = folder / "module.toml"
    path.write_text(data.draw(damaged(MODULE_ANNOTATIONS)))
    try:
        analyse(path, Options(root=module))
    except UsageError as error:
        assert error.message


def test_the_module_is_analysed(folder: Path, tree: Path) -> None:
    path = folder / "whole.toml"
    path.write_text(MODULE_ANNOTATIONS)
    result = analyse(path, Options(root=write_commands(tree, {})))
    assert {unit.status for unit in result.units} == {"analysed"}
    assert {(e.source, e.target) for e in result.edges} == {
        ("(external)", "parse_request"), ("parse_request", "flush_request"),
        ("parse_request", "parse_request"), ("flush_request", "parse_request"),
    }  # fmt: skip
    assert [found.id for found in result.objects] == ["tux_req_header"]


@settings(bounded, max_examples=25)  # each one is compiled
@given(data=st.data())
def test_commands_of_a_damaged_build(folder: Path, tree: Path, data: st.DataObject) -> None:
    changes = {
        name: data.draw(damaged(COMMAND.replace("NAME", name)))
        for name in data.draw(st.sets(st.sampled_from(["loop", "stages"]), min_size=1))
    }
    path = folder / "commands.toml"
    path.write_text(MODULE_ANNOTATIONS)
    try:
        analyse(path, Options(root=write_commands(tree, changes)))
    except UsageError as error:
        assert error.message


def test_bytes_that_are_no_text(folder: Path) -> None:
    path = folder / "binary.toml"
    path.write_bytes(b"\xff\xfe\0schema = 1")
    with pytest.raises(UsageError, match=r"binary\.toml"):
        read_annotations(path)
    with pytest.raises(UsageError, match=r"gone\.toml"):
        read_annotations(folder / "gone.toml")
