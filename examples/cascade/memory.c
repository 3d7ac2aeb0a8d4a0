/* SPDX-License-Identifier: MIT */
/* Objects of connections and requests: where they come from and where they go. */
#include <stdlib.h>
#include <unistd.h>

#include "cascade.h"

#define FREE_CONNS_MAX 1000

static struct conn *free_conns;
static unsigned int free_conns_count;

/* Memory for a connection, as it was left by the last one; NULL when there is none. */
struct conn *conn_alloc(struct server *server)
{
	struct conn *conn = free_conns;

	if (conn) {
		free_conns = conn->next;
		free_conns_count--;
	} else {
		conn = malloc(sizeof(*conn));
		if (!conn)
			return NULL;
	}
	server->connections++;
	return conn;
}

void conn_free(struct conn *conn)
{
	conn->server->connections--;
	if (free_conns_count >= FREE_CONNS_MAX) {
		free(conn);
		return;
	}
	conn->next = free_conns;
	free_conns = conn;
	free_conns_count++;
}

void conn_trim_free_list(void)
{
	while (free_conns) {
		struct conn *conn = free_conns;

		free_conns = conn->next;
		free(conn);
	}
	free_conns_count = 0;
}

void header_release(struct conn *conn)
{
	free(conn->header);
	conn->header = NULL;
	conn->request.path = NULL;
}

void file_release(struct conn *conn)
{
	if (!conn->file)
		return;
	close(conn->file->fd);
	free(conn->file);
	conn->file = NULL;
}

void reply_release(struct conn *conn)
{
	free(conn->reply);
	conn->reply = NULL;
}

void chunk_release(struct conn *conn)
{
	free(conn->chunk);
	conn->chunk = NULL;
}
