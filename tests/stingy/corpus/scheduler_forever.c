/* SPDX-License-Identifier: MIT */
/* The loop never ends: what it has begun must count all the same. */
#include <stdlib.h>

struct conn;
typedef void handler_fn(struct conn *conn);

struct buffer {
	char bytes[1024];
};

struct conn {
	struct conn *next;
	handler_fn *handler;
	int fd;
	struct buffer *buffer;
};

static struct conn *ready;

int accept_socket(void);

void call_soon(struct conn *conn, handler_fn *handler)
{
	conn->handler = handler;
	conn->next = ready;
	ready = conn;
}

void on_done(struct conn *conn)
{
	free(conn->buffer);
	free(conn);
}

void on_open(struct conn *conn)
{
	conn->buffer = malloc(sizeof(*conn->buffer));
	call_soon(conn, on_done);
}

void dispatch(struct conn *conn)
{
	conn->handler(conn);
}

static void take_one(void)
{
	struct conn *conn = malloc(sizeof(*conn));

	if (!conn)
		return;
	conn->fd = accept_socket();
	conn->buffer = NULL;
	call_soon(conn, on_open);
}

void event_loop(void)
{
	for (;;) {
		take_one();
		while (ready) {
			struct conn *conn = ready;

			ready = conn->next;
			dispatch(conn);
		}
	}
}
