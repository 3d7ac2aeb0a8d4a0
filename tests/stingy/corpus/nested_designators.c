/* SPDX-License-Identifier: MIT */
/* Designators that lead into records and arrays, with a range, and one overridden. */
#include <stdlib.h>

struct conn;
typedef void stage_fn(struct conn *conn);

struct protocol {
	struct {
		struct {
			stage_fn *stages[4];
		} in;
		int version;
	} ops;
};

struct conn {
	struct conn *next;
	stage_fn *stage;
	char *buf;
	const struct protocol *protocol;
};

int accept_one(void);
int keeps_alive(struct conn *conn);
static void do_read(struct conn *conn);
static void do_write(struct conn *conn);
static void do_close(struct conn *conn);
static struct conn *conns;

void queue(struct conn *conn, stage_fn *stage)
{
	conn->stage = stage;
	conn->next = conns;
	conns = conn;
}

static void run_one(struct conn *conn)
{
	conn->stage(conn);
}

static const struct protocol http = {
	.ops.in.stages[0] = do_read,
	.ops = { .in = { .stages = { [0] = do_read, [1 ... 2] = do_write, [3] = do_close } } },
};

static void do_read(struct conn *conn)
{
	conn->buf = malloc(100);
	conn->protocol = &http;
	queue(conn, conn->protocol->ops.in.stages[conn->buf ? 2 : 3]);
}

static void do_write(struct conn *conn)
{
	free(conn->buf);
	conn->buf = NULL;
	queue(conn, http.ops.in.stages[keeps_alive(conn) ? 0 : 3]);
}

static void do_close(struct conn *conn)
{
	free(conn);
}

void event_loop(void)
{
	for (;;) {
		if (accept_one()) {
			struct conn *new = calloc(1, sizeof(*new));

			if (new)
				queue(new, do_read);
		}
		while (conns) {
			struct conn *conn = conns;

			conns = conn->next;
			run_one(conn);
		}
	}
}
