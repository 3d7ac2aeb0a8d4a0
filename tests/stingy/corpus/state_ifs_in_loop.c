/* SPDX-License-Identifier: MIT */
/* The scheduler itself asks for one state after the other. */
#include <stdlib.h>

enum state { ST_READ, ST_WRITE, ST_CLOSE, ST_COUNT };

struct conn {
	struct conn *next;
	enum state state;
	char *buf;
};

int accept_one(void);
int keeps_alive(struct conn *conn);
static struct conn *conns;

static void do_read(struct conn *conn)
{
	conn->buf = malloc(100);
	conn->state = conn->buf ? ST_WRITE : ST_CLOSE;
}

static void do_write(struct conn *conn)
{
	free(conn->buf);
	conn->buf = NULL;
	conn->state = keeps_alive(conn) ? ST_READ : ST_CLOSE;
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

			if (new) {
				new->state = ST_READ;
				new->next = conns;
				conns = new;
			}
		}

		for (struct conn *conn = conns, *next; conn; conn = next) {
			next = conn->next;
			if (conn->state == ST_READ)
				do_read(conn);
			else if (conn->state == ST_WRITE)
				do_write(conn);
			else
				do_close(conn);
		}
	}
}
