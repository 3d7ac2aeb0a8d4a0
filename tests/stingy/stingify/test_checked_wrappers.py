# SPDX-License-Identifier: MIT
"""Wrappers that end the server where memory is short: rewritten where they do nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from ground import process
from stingy.stingify.report import RewriteReport
from stingy.stingify.sites import Status
from tests.stingy.stingify.test_rewrite import (
    ANNOTATIONS,
    make_server,
    prepare,
    reason_of,
    stingify,
)

XMALLOC = """
#include <stdio.h>
static void die(void) { fputs("no memory left\\n", stderr); exit(7); }
static void *xmalloc(size_t n)
{
	void *p = malloc(n);
	if (!p)
		die();
	return p;
}
"""
CK_MALLOC = """
static void *ck_malloc(size_t n)
{
	void *p;
	if (!(p = malloc(n)))
		abort();
	return p;
}
"""
XCALLOC = """
static void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n, size);
	if (p == NULL)
		abort();
	return p;
}
"""
XREALLOC = """
static void *xrealloc(void *old, size_t n)
{
	void *p = realloc(old, n);
	if (!p)
		abort();
	return p;
}
"""
NESTED = CK_MALLOC + "static void *get(size_t n) { return ck_malloc(n); }\n"
COUNTING = """
static int made;
static void *get(size_t n) { void *p = malloc(n); if (!p) abort(); made++; return p; }
int count(void) { return made; }
"""
LOGGING = """
void note(size_t n);
static void *get(size_t n) { void *p = malloc(n); if (!p) abort(); note(n); return p; }
"""
RETRYING = """
int give_up_some(void);
static void *get(size_t n)
{
	void *p;
	while (!(p = malloc(n)))
		if (!give_up_some())
			abort();
	return p;
}
"""
ROOM = """
[[objects]]
type = "struct part"
slab_live = 1
reason = "a request has one"
"""
TEXT_ROOM = """
[[objects]]
type = "struct conn.text"
slab_bytes = 64
slab_live = 1
reason = "most are short"
"""
REALLOC = """
[[constructs.malloc]]
function = "realloc"
arguments = ["-", "size"]
[[constructs.free]]
function = "realloc"
arguments = ["O"]
"""


def bare(text: str) -> str:
    """Without white space: Coccinelle sets some of its own."""
    return "".join(text.split())


def rewrite(
    tmp_path: Path, allocate: str, extra: str, notes: str = ROOM, release: str = "free(conn->part);"
) -> tuple[str, RewriteReport]:
    """The rewritten source and the report of a server with a wrapper."""
    annotations = make_server(tmp_path / "server", allocate, release, extra)
    annotations.write_text(ANNOTATIONS + notes)
    _, report = stingify(prepare(annotations, tmp_path / "made"), tmp_path / "out")
    return (tmp_path / "out" / "source" / "server.c").read_text(), report


@pytest.mark.parametrize(
    ("call", "extra", "after"),
    [
        ("xmalloc(sizeof(struct part))", XMALLOC,
         "(stingy_alloc(STINGY_PART) ?: xmalloc((size_t)-1))"),
        ("ck_malloc(sizeof(struct part))", CK_MALLOC,
         "(stingy_alloc(STINGY_PART) ?: ck_malloc((size_t)-1))"),
        ("get(sizeof(struct part))", NESTED, "(stingy_alloc(STINGY_PART) ?: get((size_t)-1))"),
        ("xcalloc(1, sizeof(struct part))", XCALLOC,
         "(stingy_calloc(STINGY_PART, 1, sizeof(struct part)) ?: xcalloc(1, (size_t)-1))"),
    ],
)  # fmt: skip
def test_a_wrapper_that_only_checks_is_asked_only_to_end_the_server(
    tmp_path: Path, call: str, extra: str, after: str
) -> None:
    text, report = rewrite(tmp_path, f"conn->part = {call};", extra)
    assert {o.status for o in report.objects} == {Status.REWRITTEN}, report.objects
    assert bare(after) in bare(text)
    assert "stingy_free(STINGY_PART, conn->part);" in text
    # The wrapper itself stays, for whatever else calls it.
    assert bare(extra.replace("#include <stdio.h>", "")) in bare(text)


def test_a_checked_realloc_goes_on_where_the_object_is(tmp_path: Path) -> None:
    text, report = rewrite(
        tmp_path, "conn->text = xrealloc(NULL, 40);\n\tconn->text = xrealloc(conn->text, many());",
        "int many(void);" + XREALLOC, REALLOC + TEXT_ROOM, "free(conn->text);",
    )  # fmt: skip
    assert {o.status for o in report.objects} == {Status.REWRITTEN}, report.objects
    call = "(stingy_resize(STINGY_CONN_TEXT, conn->text, many()) ?: xrealloc(0, (size_t)-1))"
    assert bare(call) in bare(text)


@pytest.mark.parametrize(
    ("extra", "what"),
    [(COUNTING, "it writes a variable in line"), (LOGGING, "it calls note(n)"),
     (RETRYING, "it calls give_up_some()")],
)  # fmt: skip
def test_a_wrapper_that_does_more_is_refused_and_the_reason_says_what(
    tmp_path: Path, extra: str, what: str
) -> None:
    text, report = rewrite(tmp_path, "conn->part = get(sizeof(struct part));", extra)
    assert what in reason_of(report, "part")
    assert "STINGY_PART" not in text


def test_without_room_beyond_the_pool_a_server_would_end_too_soon(tmp_path: Path) -> None:
    text, report = rewrite(tmp_path, "conn->part = xmalloc(sizeof(struct part));", XMALLOC, "")
    assert "give slab_live in [[objects]]" in reason_of(report, "part")
    assert "STINGY_PART" not in text


def test_a_checked_copy_of_a_string_is_refused_for_what_it_is(tmp_path: Path) -> None:
    extra = (
        "#include <string.h>\n"
        "static char *xstrdup(const char *s) { char *p = strdup(s); if (!p) abort(); return p; }"
    )
    notes = TEXT_ROOM + '[[constructs.malloc]]\nfunction = "strdup"\n'
    _, report = rewrite(tmp_path, 'conn->text = xstrdup("x");', extra, notes, "free(conn->text);")
    assert "xstrdup() copies a string" in reason_of(report, "conn_text")


def test_the_server_ends_in_its_own_way(tmp_path: Path) -> None:
    """Where Stingy has nothing left, the wrapper's own message and status are what remains."""
    text, _ = rewrite(tmp_path, "conn->part = xmalloc(sizeof(struct part));", XMALLOC)
    source = tmp_path / "out" / "source"
    (source / "server.c").write_text(
        text.replace('#include "stingy.h"', '#include "stingy.h"\n#define stingy_alloc(o) none(o)\n'
                     "static void *none(int o) { return o == STINGY_PART ? NULL : malloc(64); }")
    )  # fmt: skip
    (source / "main.c").write_text(
        "struct conn; void start(struct conn *conn); int main(void) { start(0); return 0; }\n"
        "struct conn *next_conn(void) { return 0; } void run_stage(struct conn *c) { (void)c; }\n"
        "void queue_stage(struct conn *c, void (*s)(struct conn *)) { (void)c; (void)s; }\n"
    )
    process.run(["gcc", "-w", "server.c", "main.c", "stingy.c", "-o", "server"], cwd=source)
    result = process.run([source / "server"], check=False)
    assert (result.returncode, result.stderr) == (7, "no memory left\n")
