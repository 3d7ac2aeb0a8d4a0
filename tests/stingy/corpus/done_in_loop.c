/* SPDX-License-Identifier: MIT */
/* A state that no stage stands for: the scheduler ends such a request, or has it begin again. */
#include <stdlib.h>

enum state { ST_READ, ST_WRITE, ST_DONE };

struct conn {
	struct conn *next;
	enum state state;
	int keep;
	char *buf;
};

int accept_one(void);
int socket_write(struct conn *conn, const char *from, int length);
static struct conn *conns;

static void do_read(struct conn *conn)
{
	conn->buf = malloc(100);
	conn->state = conn->buf ? ST_WRITE : ST_DONE;
}

static void do_write(struct conn *conn)
{
	if (socket_write(conn, conn->buf, 100) < 0)
		return;
	free(conn->buf);
	conn->state = ST_DONE;
}

static void recycle(struct conn *conn)
{
	conn->buf = NULL;
	conn->state = ST_READ;
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
			switch (conn->state) {
			case ST_READ:
				do_read(conn);
				break;
			case ST_WRITE:
				do_write(conn);
				break;
			case ST_DONE:
				break;
			}
			if (conn->state == ST_DONE) {
				if (conn->keep)
					recycle(conn);
				else
					free(conn);
			}
		}
	}
}
