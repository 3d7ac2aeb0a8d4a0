/* SPDX-License-Identifier: MIT */
/* A member of a static table that nothing sets is called where it is not NULL: it always is. */
#include <stdlib.h>

struct conn;
typedef void stage_fn(struct conn *conn);

struct protocol {
	stage_fn *first;
	stage_fn *extra;
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

static const struct protocol http = { .first = do_read };
static const struct protocol *const protocols[] = { &http };

static void do_read(struct conn *conn)
{
	conn->buf = malloc(100);
	conn->protocol = &http;
	if (conn->protocol->extra)
		conn->protocol->extra(conn);
	queue(conn, conn->buf ? do_write : do_close);
}

static void do_write(struct conn *conn)
{
	free(conn->buf);
	conn->buf = NULL;
	queue(conn, keeps_alive(conn) ? protocols[0]->first : do_close);
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
