/* SPDX-License-Identifier: MIT */
/* An arena of chunks for each request: a second chunk is added when the first is full. */
#include <stdlib.h>

struct conn;
typedef void stage_fn(struct conn *conn);

struct chunk {
	struct chunk *next;
	unsigned used;
	char room[4000];
};

struct conn {
	struct conn *next;
	stage_fn *stage;
	struct chunk *arena;
	char *url, *host;
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

static void *take(struct conn *conn, unsigned bytes)
{
	struct chunk *chunk = conn->arena;
	void *taken;

	if (!chunk || chunk->used + bytes > sizeof(chunk->room)) {
		chunk = malloc(sizeof(*chunk));
		if (!chunk)
			return NULL;
		chunk->used = 0;
		chunk->next = conn->arena;
		conn->arena = chunk;
	}
	taken = chunk->room + chunk->used;
	chunk->used += bytes;
	return taken;
}

static void reset(struct conn *conn)
{
	while (conn->arena) {
		struct chunk *chunk = conn->arena;

		conn->arena = chunk->next;
		free(chunk);
	}
	conn->url = conn->host = NULL;
}

static void do_read(struct conn *conn)
{
	conn->url = take(conn, 100);
	conn->host = take(conn, 50);
	queue(conn, conn->host ? do_write : do_close);
}

static void do_write(struct conn *conn)
{
	reset(conn);
	queue(conn, keeps_alive(conn) ? do_read : do_close);
}

static void do_close(struct conn *conn)
{
	reset(conn);
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
