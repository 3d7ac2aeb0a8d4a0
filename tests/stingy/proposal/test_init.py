# SPDX-License-Identifier: MIT
"""memwalk init: what it proposes for servers whose annotations we know, and what it admits."""

from __future__ import annotations

from pathlib import Path

import pytest

from ground.errors import ExitCode, UsageError
from ground.paths import PROJECT
from stingy.lower.units import _remove_old_trees, _tree
from stingy.memwalk.passes import analyse
from stingy.model.annotation_file import read_annotations
from stingy.model.annotations import Annotations, Construct
from stingy.proposal.command import run_init

SERVERS = PROJECT / "examples"
STATES = """\
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#define S_READ 1
#define S_SEND 2
#define S_CLOSE 3
struct conn { int fd, state; char *reply; struct conn *next; };
static struct conn *conns;
static void do_read(struct conn *c) { c->reply = malloc(99); c->state = S_SEND; }
static void do_send(struct conn *c) { free(c->reply); c->reply = NULL; c->state = S_CLOSE; }
static void do_close(struct conn *c) { free(c); }
static void step(struct conn *c)
{
	switch (c->state) {
	case S_READ: do_read(c); break;
	case S_SEND: do_send(c); break;
	case S_CLOSE: do_close(c); break;
	}
}
static void open_conn(int fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c) { c->fd = fd; c->state = S_READ; c->next = conns; conns = c; }
}
int main(void)
{
	struct pollfd one = { 0 };

	for (;;) {
		poll(&one, 1, -1);
		open_conn(accept(one.fd, NULL, NULL));
		step(conns);
	}
}
"""
BLOCKING = """\
#include <sys/socket.h>
#include <unistd.h>
int main(void) { for (;;) { int fd = accept(0, 0, 0); if (!fork()) close(fd); } }
"""


def propose(root: Path, out: Path, *more: str) -> ExitCode:
    return run_init(["--root", str(root), "--out", str(out), *more])


def names(constructs: tuple[Construct, ...]) -> set[tuple[str, tuple[str, ...]]]:
    return {(one.name, one.arguments) for one in constructs}


@pytest.mark.parametrize("server", ["cascade", "switchboard"])
def test_the_proposal_for_a_known_server_is_what_its_author_wrote(
    tmp_path: Path, server: str
) -> None:
    assert propose(SERVERS / server, tmp_path / "a.toml") is ExitCode.HOLDS
    found = read_annotations(tmp_path / "a.toml").annotations
    right = read_annotations(SERVERS / server / "annotations.toml").annotations
    assert found.requests.task == right.requests.task
    assert found.dispatch.discipline == right.dispatch.discipline
    assert found.dispatch.final == right.dispatch.final
    assert [one.function for one in found.constructs.scheduler] == ["event_loop"]

    def constructs(one: Annotations) -> list[set[tuple[str, tuple[str, ...]]]]:
        c = one.constructs
        return [names(kind) for kind in (c.queue_stage, c.schedule_stage, c.malloc, c.free)]

    assert constructs(found) == constructs(right)
    assert {q.function: q.queue for q in found.dispatch.requeue}.items() >= {
        q.function: q.queue for q in right.dispatch.requeue
    }.items()
    waits = [{q.function: q.queue for q in c.queue_stage} for c in (found.constructs,)]
    assert waits == [{q.function: q.queue for q in right.constructs.queue_stage}]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "server"
    root.mkdir()
    (root / "server.c").write_text(STATES)
    (root / "tool.c").write_text("int main(void) { return 0; }\n")
    (root / "windows.c").write_text("#include <windows.h>\n")
    return root


def test_states_that_are_macros_are_proposed_and_the_proposal_can_be_analysed(
    tmp_path: Path, tree: Path
) -> None:
    out = tmp_path / "a.toml"
    assert propose(tree, out) is ExitCode.HOLDS
    text = out.read_text()
    assert "# not analysed: windows.c" in text
    assert "tool.c" not in text.split("files =")[1]
    result = analyse(out)
    assert {(e.source, e.target) for e in result.edges} >= {
        ("do_read", "do_send"),
        ("do_send", "do_close"),
    }
    with pytest.raises(UsageError, match="there already"):
        propose(tree, out)  # it is there already


def test_a_server_without_stages_is_told_so(tmp_path: Path) -> None:
    root = tmp_path / "blocking"
    root.mkdir()
    (root / "b.c").write_text(BLOCKING)
    assert propose(root, tmp_path / "a.toml") is ExitCode.DOES_NOT_HOLD
    text = (tmp_path / "a.toml").read_text()
    assert "# TO DO: it calls fork()" in text
    assert "# TO DO: no loop around" in text


def test_a_tree_that_is_not_there_is_a_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a folder"):
        propose(tmp_path / "nowhere", tmp_path / "a.toml")


def test_old_trees_may_vanish_while_they_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process renames its drafts."""
    monkeypatch.setenv("ARTIFACT_CACHE", str(tmp_path))
    folder = _tree("", "").parent
    folder.mkdir(parents=True)
    (folder / "gone.pch").symlink_to(tmp_path / "nothing")
    _remove_old_trees()


LIBRARY = """\
#include <stdlib.h>
#include <sys/socket.h>
#include <watch.h>
struct conn { struct watch *client; int state; };
static void on_read(struct watch *w, void *arg) { free(arg); }
static void on_write(struct watch *w, void *arg)
{
	struct conn *c = arg;

	c->client->readcb = on_read;
}
static void on_error(struct watch *w, void *arg) { free(arg); }
static void use(struct conn *c) { c->client->readcb = on_read; c->client->writecb = on_write; }
static void again(struct conn *c) { c->client->writecb(c->client, c); }
static void on_accept(int fd, short what, void *arg)
{
	struct conn *c = calloc(1, sizeof(*c));

	c->state = accept(fd, 0, 0);
	c->client = bufferevent_new(c->state, NULL, on_write, on_error, c);
	use(c);
	again(c);
}
int main(void)
{
	event_set(0, 0, 0, on_accept, NULL);
	return event_dispatch();
}
"""
WATCH = """\
struct watch {
	void (*readcb)(struct watch *watch, void *arg);
	void (*writecb)(struct watch *watch, void *arg);
};
typedef void callback_fn(struct watch *watch, void *arg);
struct watch *bufferevent_new(int fd, callback_fn *r, callback_fn *w, callback_fn *e, void *arg);
void event_set(void *event, int fd, short what, void (*callback)(int, short, void *), void *arg);
int event_dispatch(void);
"""


def test_callbacks_of_a_library_stay_wherever_they_are_set(tmp_path: Path) -> None:
    root = tmp_path / "server"
    root.mkdir()
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "watch.h").write_text(WATCH)
    (root / "server.c").write_text(LIBRARY)
    out = tmp_path / "out.toml"
    run_init(["--root", str(root), "--out", str(out), "--flag=-I../library"])
    found = read_annotations(out).annotations
    assert found.requests.task == "struct conn"
    kinds = {(k.name, k.position("S")) for k in found.constructs.queue_stage if k.stays}
    assert kinds >= {
        ("struct watch.readcb", None), ("struct watch.writecb", None),
        ("bufferevent_new", 2), ("bufferevent_new", 3),
    }  # fmt: skip
    assert not found.constructs.schedule_stage  # the library calls them


GROWS = """\
static void more(struct conn *c)
{
	char *grown = realloc(c->reply, c->room * 2);

	if (grown) { c->reply = grown; c->room *= 2; }
}
static void do_send(struct conn *c)
{
	more(c);
	c->name = malloc(c->longest + 1);
"""


def test_room_in_the_slabs_is_proposed_where_the_source_names_a_size(tmp_path: Path) -> None:
    root = tmp_path / "server"
    root.mkdir()
    source = STATES.replace("char *reply;", "char *reply, *name; int room, longest;")
    source = source.replace("static void do_send(struct conn *c) {", GROWS)
    source = source.replace("c->reply = malloc(99);", "c->reply = malloc(600); c->room = 600;")
    source = source.replace("c->fd = fd;", "c->fd = fd; c->longest = 40;")
    (root / "server.c").write_text(source)
    out = tmp_path / "a.toml"
    assert propose(root, out) is ExitCode.HOLDS
    found = read_annotations(out).annotations
    assert {(one.type, one.slab_bytes) for one in found.objects} == {
        ("struct conn.reply", 600), ("struct conn.name", 40),
    }  # fmt: skip
    assert "longest = 40, of which malloc(c->longest + 1) takes its size" in out.read_text()
    assert {one.id for one in analyse(out).objects if one.room} == {"conn_reply", "conn_name"}
