/* SPDX-License-Identifier: MIT */
/* A bit field remembers whether there is a header; an anonymous struct holds it. */
#include <stdlib.h>

struct header {
	char text[512];
};

struct conn;
typedef void handler_fn(struct conn *conn);

struct conn {
	struct conn *next;
	handler_fn *handler;
	struct {
		unsigned int has_header : 1;
		unsigned int closing : 1;
	};
	struct {
		struct header *header;
	} input;
};

struct conn *ready;

void call_soon(struct conn *conn, handler_fn *handler)
{
	conn->handler = handler;
}

static void on_done(struct conn *conn)
{
	if (conn->has_header) {
		free(conn->input.header);
		conn->has_header = 0;
	}
	conn->closing = 1;
}

void on_open(struct conn *conn)
{
	conn->has_header = 0;
	if (!conn->closing) {
		conn->input.header = malloc(sizeof(struct header));
		conn->has_header = conn->input.header != NULL;
	}
	call_soon(conn, on_done);
}

void dispatch(struct conn *conn)
{
	conn->handler(conn);
}

void event_loop(void)
{
	for (struct conn *conn = ready; conn; conn = conn->next)
		dispatch(conn);
}
