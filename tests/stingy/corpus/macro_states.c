/* SPDX-License-Identifier: MIT */
/* The states are macros. */
#include <stdlib.h>

#define ST_READ 0
#define ST_WRITE (ST_READ + 1)
#define ST_CLOSE (1 << 1)

struct conn {
	struct conn *next;
	int state;
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
