/* SPDX-License-Identifier: MIT */
/* The next state is chosen in a variable, and set at the end. */
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
	enum state next = ST_CLOSE;

	free(conn->buf);
	conn->buf = NULL;
	if (keeps_alive(conn))
		next = ST_READ;
	conn->state = next;
}

static void do_close(struct conn *conn)
{
	free(conn);
}

static void step(struct conn *conn)
{
	switch (conn->state) {
	case ST_READ:
		do_read(conn);
		break;
	case ST_WRITE:
		do_write(conn);
		break;
	case ST_CLOSE:
		do_close(conn);
		break;
	}
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
			step(conn);
		}
	}
}
