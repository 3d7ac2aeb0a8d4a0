/* SPDX-License-Identifier: MIT */
/* States are queued, not functions; one driver calls the function of the state. */
#include <stdlib.h>

enum state { ST_READ, ST_SEND, ST_CLOSE };

struct buffer {
	char bytes[1024];
};

struct conn {
	struct conn *next;
	enum state state;
	int fd;
	struct buffer *buffer;
};

struct conn *ready;
int socket_read(int fd, void *to, size_t room);

void do_read(struct conn *conn)
{
	conn->buffer = malloc(sizeof(*conn->buffer));
	if (!conn->buffer || socket_read(conn->fd, conn->buffer->bytes, 1024) <= 0)
		conn->state = ST_CLOSE;
	else
		conn->state = ST_SEND;
}

void do_send(struct conn *conn)
{
	free(conn->buffer);
	conn->buffer = NULL;
	conn->state = ST_READ;
}

void do_close(struct conn *conn)
{
	free(conn->buffer);
	conn->buffer = NULL;
	conn->fd = -1;
}

void drive(struct conn *conn)
{
	switch (conn->state) {
	case ST_READ:
		do_read(conn);
		break;
	case ST_SEND:
		do_send(conn);
		break;
	case ST_CLOSE:
		do_close(conn);
		break;
	}
}

void event_loop(void)
{
	for (struct conn *conn = ready; conn; conn = conn->next) {
		if (conn->fd >= 0)
			drive(conn);
	}
}
