# SPDX-License-Identifier: MIT
"""stingify on buffers that grow and on arenas: what it writes, what it refuses, what then runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ground import process
from ground.seeds import generator
from stingy.memwalk.passes import Options
from stingy.stingify.report import RewriteReport
from stingy.stingify.sites import Status
from stingy.stingygen.map import Parameters
from tests.stingy.stingify.test_rewrite import ANNOTATIONS, SOURCE, prepare, reason_of, stingify

RESIZES = """
[[constructs.malloc]]
function = "realloc"
arguments = ["-", "size"]
[[constructs.free]]
function = "realloc"
arguments = ["O"]
"""
ROOM = """
[[objects]]
type = "struct conn.text"
slab_bytes = 256
reason = "most are short"
"""
GROW = """size_t room(struct conn *conn);
void grow(struct conn *conn);
void grow(struct conn *conn)
{
	char *grown = realloc(conn->text, room(conn));

	if (grown)
		conn->text = grown;
	queue_stage(conn, finish);
}"""


def rewrite(
    folder: Path, extra: str, release: str, annotations: str, allocate: str = "conn->text = NULL;"
) -> tuple[str, RewriteReport]:
    """The rewritten source and the report of a made-up server whose conn grows in a stage."""
    (folder / "server").mkdir()
    source = SOURCE.replace("queue_stage(conn, finish);\n}\nvoid event", "NEXT}\nvoid event")
    source = source.replace("NEXT", "queue_stage(conn, grow);\n").replace("RELEASE", release)
    source = source.replace("EXTRA", f"void finish(struct conn *conn);\n{extra}")
    (folder / "server" / "server.c").write_text(source.replace("ALLOCATE", allocate))
    path = folder / "server" / "annotations.toml"
    path.write_text(ANNOTATIONS + annotations)
    _, report = stingify(prepare(path, folder / "made"), folder / "out")
    return (folder / "out" / "source" / "server.c").read_text(), report


def test_a_buffer_that_grows_is_resized_by_stingy(tmp_path: Path) -> None:
    text, report = rewrite(tmp_path, GROW, "free(conn->text);", RESIZES + ROOM)
    assert {o.status for o in report.objects} == {Status.REWRITTEN}, report.objects
    assert "stingy_resize(STINGY_CONN_TEXT, conn->text, room(conn));" in text
    assert "stingy_free(STINGY_CONN_TEXT, conn->text);" in text
    assert "realloc(" not in text


def test_it_begins_as_any_other_object(tmp_path: Path) -> None:
    text, report = rewrite(
        tmp_path, GROW, "free(conn->text);", RESIZES + ROOM, "conn->text = malloc(room(conn));"
    )
    assert {o.status for o in report.objects} == {Status.REWRITTEN}, report.objects
    assert "conn->text = stingy_alloc_bytes(STINGY_CONN_TEXT, room(conn));" in text


def test_without_a_room_in_the_slabs_the_reason_says_how_to_get_one(tmp_path: Path) -> None:
    text, report = rewrite(tmp_path, GROW, "free(conn->text);", RESIZES)
    assert "slab_bytes" in reason_of(report, "conn_text")
    assert "STINGY_CONN_TEXT" not in text


@pytest.mark.parametrize(
    ("annotations", "grow", "message"),
    [
        (ROOM, GROW, "both Malloc and Free in the annotations"),  # realloc is not annotated
        (  # two objects come to one call
            RESIZES + ROOM.replace("reason", "slab_live = 1\nreason"),
            GROW.replace("conn->text, room", "room(conn) ? conn->text : conn->any, room").replace(
                "\tif (grown)",
                "\tif (!conn->any) {\n\t\tconn->any = malloc(8);\n"
                "\t\tqueue_stage(conn, grow);\n\t\treturn;\n\t}\n\tif (grown)",
            ),
            "it has to be this object's alone",
        ),
        (  # an array
            RESIZES.replace("realloc", "reallocarray").replace('"size"', '"count", "size"') + ROOM,
            GROW.replace("room(conn))", "room(conn), 4)").replace("realloc", "reallocarray"),
            "is no realloc()",
        ),
    ],
)
def test_what_another_allocator_may_resize_is_refused(
    tmp_path: Path, annotations: str, grow: str, message: str
) -> None:
    release = "free(conn->text);\n\tfree(conn->any);"
    text, report = rewrite(tmp_path, grow, release, annotations, "conn->text = malloc(64);")
    assert message in reason_of(report, "conn_text")
    assert "STINGY_CONN_TEXT" not in text


XREALLOC = """
int resized;
static void die(void) { abort(); }
static void *xrealloc(void *old, size_t bytes)
{
	void *new = realloc(old, bytes);

	if (!new)
		die();
	resized++;
	return new;
}
"""


def test_a_wrapper_with_work_of_its_own_is_refused_on_both_sides(tmp_path: Path) -> None:
    """It releases and allocates: to rewrite one half would break the other."""
    text, report = rewrite(
        tmp_path,
        XREALLOC + GROW.replace("realloc(", "xrealloc("),
        "free(conn->text);",
        RESIZES + ROOM,
        "conn->text = malloc(64);",
    )
    assert "xrealloc() does more than to pass on" in reason_of(report, "conn_text")
    assert "STINGY_CONN_TEXT" not in text


@pytest.mark.parametrize("room", [ROOM, ""])
def test_a_wrapper_that_only_resizes_is_replaced_or_refused(tmp_path: Path, room: str) -> None:
    extra = "static void *resize(void *old, size_t n) { return realloc(old, n); }\n"
    text, report = rewrite(
        tmp_path,
        extra + GROW.replace("realloc(", "resize("),
        "free(conn->text);",
        RESIZES + room,
        "conn->text = malloc(64);",
    )
    if room:
        assert "stingy_resize(STINGY_CONN_TEXT, conn->text, room(conn));" in text
    else:
        assert "slab_bytes" in reason_of(report, "conn_text")
        assert "STINGY_CONN_TEXT" not in text


# -- the same conversation ------------------------------------------------------------------------

TALK = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct conn;
typedef void stage_t(struct conn *conn);

struct chunk {
	struct chunk *next;
	char line[120];
};

struct conn {
	struct conn *next, *all;
	stage_t *stage;
	int number;
	const char *line;
	char *text;
	size_t used;
	struct chunk *history;
};

static struct conn *conns, *run_queue;
static char input[120];

void finish(struct conn *conn);

void queue_stage(struct conn *conn, stage_t *stage)
{
	conn->stage = stage;
	conn->next = run_queue;
	run_queue = conn;
}

static void run_stage(struct conn *conn)
{
	conn->stage(conn);
}

/* Remember a line, and add it to the text. */
void take_line(struct conn *conn)
{
	size_t more = strlen(conn->line);
	struct chunk *chunk = malloc(sizeof(*chunk));
	char *grown;

	if (chunk) {
		strcpy(chunk->line, conn->line);
		chunk->next = conn->history;
		conn->history = chunk;
	}
	grown = realloc(conn->text, conn->used + more + 1);
	if (grown) {
		conn->text = grown;
		strcpy(conn->text + conn->used, conn->line);
		conn->used += more;
	}
	if (strchr(conn->line, '.'))
		queue_stage(conn, finish);
}

/* Say it all, and then backwards. */
void finish(struct conn *conn)
{
	struct conn **place = &conns;

	while (*place != conn)
		place = &(*place)->all;
	*place = conn->all;
	printf("%d %s", conn->number, conn->text);
	free(conn->text);
	while (conn->history) {
		struct chunk *chunk = conn->history;

		conn->history = chunk->next;
		printf("%d< %s", conn->number, chunk->line);
		free(chunk);
	}
	free(conn);
}

static struct conn *find_conn(int number)
{
	struct conn *conn;

	for (conn = conns; conn; conn = conn->all) {
		if (conn->number == number)
			return conn;
	}
	return NULL;
}

static struct conn *new_conn(int number)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->number = number;
	conn->all = conns;
	conns = conn;
	return conn;
}

void event_loop(void)
{
	while (fgets(input, sizeof(input), stdin)) {
		struct conn *conn = find_conn(atoi(input));

		if (!conn)
			conn = new_conn(atoi(input));
		if (!conn)
			continue;
		conn->line = input;
		queue_stage(conn, take_line);
		while (run_queue) {
			struct conn *next = run_queue;

			run_queue = next->next;
			run_stage(next);
		}
	}
}

int main(void)
{
	event_loop();
	return conns ? 3 : 0;
}
"""
TALK_ROOM = """
[[objects]]
type = "struct chunk"
slab_live = 1
reason = "most say one line"
"""


def make_conversation(seed: int) -> bytes:
    """Lines of many connections at a time, each of them ended by a line with a dot."""
    random = generator(seed, "a conversation")
    lines: list[str] = []
    for number in range(1, 400):
        for _ in range(int(random.integers(1, 9)) * int(random.integers(1, 4))):
            lines.append(f"{number} {'word ' * int(random.integers(1, 20))}")
    order = random.permutation(len(lines))
    shuffled = [lines[n] for n in order]
    return "\n".join([*shuffled, *(f"{n} end." for n in range(1, 400)), ""]).encode()


def test_a_rewritten_server_says_the_same(tmp_path: Path) -> None:
    """The original is the oracle; texts outgrow their slots, and slots run out."""
    source = tmp_path / "server"
    source.mkdir()
    (source / "server.c").write_text(TALK)
    annotations = ANNOTATIONS.partition("[[stages]]")[0] + RESIZES + ROOM + TALK_ROOM
    (source / "annotations.toml").write_text(annotations)
    few = Parameters(slab_bytes=64 * 1024, requests=500)
    made = prepare(source / "annotations.toml", tmp_path / "made", Options(budget=4000), few)
    code, report = stingify(made, tmp_path / "out")
    assert code == 0, [o.reason for o in report.objects]
    assert {o.object for o in report.objects} == {"conn", "conn_text", "chunk"}
    said = {
        name: process.run(
            [compile_server(folder, tmp_path / name)], stdin=make_conversation(1)
        ).stdout
        for name, folder in (("old", source), ("new", tmp_path / "out" / "source"))
    }
    assert said["new"] == said["old"]
    text = (tmp_path / "out" / "source" / "server.c").read_text()
    assert not re.search(r"\b(malloc|realloc|calloc|free)\(", text)


def compile_server(folder: Path, program: Path) -> Path:
    """The server in a folder, as a program that sees wrong addresses and leaks."""
    process.run(
        ["gcc", "-std=gnu11", "-O1", "-g", "-fsanitize=address,undefined",
         *sorted(folder.glob("*.c")), "-o", program],
    )  # fmt: skip
    return program
