/* SPDX-License-Identifier: MIT */
/* What is allocated before the scheduler runs belongs to no request. */
#include <stdlib.h>

struct conn;
typedef void stage_fn(struct conn *conn);

struct conn {
	struct conn *next;
	stage_fn *stage;
	char *buf;
};

int accept_one(void);
int keeps_alive(struct conn *conn);

struct mime {
	char type[64];
};

struct config {
	char root[256];
	struct mime *types;
};

static struct config *config;
static char *banner;
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

static void do_read(struct conn *conn)
{
	conn->buf = malloc(100);
	queue(conn, conn->buf ? do_write : do_close);
}

static void do_write(struct conn *conn)
{
	free(conn->buf);
	conn->buf = NULL;
	queue(conn, keeps_alive(conn) ? do_read : do_close);
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

int main(int count, char **words)
{
	config = malloc(sizeof(*config));
	config->types = malloc(sizeof(struct mime) * 10);
	for (int i = 1; i < count; i++) {
		free(banner);
		banner = malloc(80);
	}
	event_loop();
	free(config->types);
	free(config);
	return 0;
}
