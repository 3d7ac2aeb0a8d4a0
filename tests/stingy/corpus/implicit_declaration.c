/* SPDX-License-Identifier: MIT */
/* A function is called that nothing declares: gcc takes it with a warning. */
#include <stdlib.h>

struct conn;
typedef void stage_fn(struct conn *conn);

struct conn {
	struct conn *next;
	stage_fn *stage;
	char *buf;
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

static void do_read(struct conn *conn)
{
	conn->buf = malloc(100);
	old_hook(conn);
	queue(conn, conn->buf ? do_write : do_close);
}

static void do_write(struct conn *conn)
{
	free(conn->buf);
	conn->buf = NULL;
	queue(conn, keeps_alive(conn) ? do_read : do_close);
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
