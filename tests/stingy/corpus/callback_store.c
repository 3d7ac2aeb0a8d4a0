/* SPDX-License-Identifier: MIT */
/* Handlers are stored into the connection; the store is the construct. */
#include <stdlib.h>

struct conn;
typedef void handler_fn(struct conn *conn);

struct conn {
	struct conn *next;
	handler_fn *handler;
	int fd;
};

struct conn *ready;

#define BECOME(conn, next_handler) ((conn)->handler = (next_handler))

static void on_close(struct conn *conn)
{
	conn->fd = -1;
}

static void on_body(struct conn *conn)
{
	if (conn->fd < 0)
		BECOME(conn, on_close);
	else
		BECOME(conn, on_body);
}

void on_open(struct conn *conn)
{
	conn->handler = conn->fd ? on_body : on_close;
}

void dispatch(struct conn *conn)
{
	handler_fn *handler = conn->handler;

	conn->handler = NULL;
	if (handler)
		handler(conn);
}

void event_loop(void)
{
	for (struct conn *conn = ready; conn; conn = conn->next)
		dispatch(conn);
}
