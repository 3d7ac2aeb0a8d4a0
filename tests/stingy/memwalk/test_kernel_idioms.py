# SPDX-License-Identifier: MIT
"""Idioms of kernel code: pointers that are errors, calls through code of other headers."""

from __future__ import annotations

from pathlib import Path

import pytest

from stingy.memwalk.passes import analyse
from stingy.model.results import Memwalk
from tests.stingy.annotations import FREE, MALLOC, stack

ANNOTATIONS = f"""\
schema = 1
[server]
name = "x"
root = "server"
[sources]
files = ["x.c"]
flags = ["-std=gnu11", "-O1"]
[dispatch]
{stack("flush")}
[requests]
task = "struct req"
[[constructs.queue_stage]]
function = "push"
arguments = ["T", "S"]
[[constructs.schedule_stage]]
function = "run_next"
arguments = ["T"]
[[constructs.scheduler]]
function = "loop"
{MALLOC}[[constructs.malloc]]
function = "open_file"
object = "struct file"
{FREE}[[stages]]
function = "lookup"
entry = true
[stack]
external_default_bytes = 100
"""
SERVER = """\
#include "../outside.h"
#include <stdlib.h>
struct file { int fd; };
struct req { struct file *file; };
typedef void stage(struct req *req);
extern void push(struct req *req, stage *next);
extern void run_next(struct req *req);
extern void runnable(struct req *req);
extern struct file *open_file(void);
extern int IS_ERR(const void *pointer);
extern struct req *take(void);
extern void (*find_hook(void))(void);
void refuse(struct req *req) { runnable(req); }
void send(struct req *req)
{
	free(req->file);
	req->file = NULL;
	call_hook(find_hook());
	runnable(req);
}
void lookup(struct req *req)
{
	struct file *file = open_file();

	if (!file || IS_ERR(file)) {
		push(req, refuse);
	} else {
		req->file = file;
		push(req, send);
	}
	runnable(req);
}
void flush(struct req *req) { free(req); }
void loop(void)
{
	struct req *req;

	while ((req = take()))
		run_next(req);
}
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Memwalk:
    folder: Path = tmp_path_factory.mktemp("idioms")
    (folder / "server").mkdir()
    (folder / "server" / "x.c").write_text(SERVER)
    (folder / "outside.h").write_text(
        "static inline void call_hook(void (*hook)(void))\n{\n\thook();\n}\n"
    )
    (folder / "x.toml").write_text(ANNOTATIONS)
    return analyse(folder / "x.toml")


def test_an_object_is_no_error(result: Memwalk) -> None:
    (file,) = (found for found in result.objects if found.type == "struct file")
    assert file.live_in == ["lookup", "send"]


def test_what_inlined_code_of_the_outside_calls_is_outside(result: Memwalk) -> None:
    depths = {depth.root: depth for depth in result.stacks}
    assert depths["send"].bytes is not None
    assert depths["send"].bytes >= 100
