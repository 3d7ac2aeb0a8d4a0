/* SPDX-License-Identifier: MIT */
/* A callback is set, and then the request gets its memory: setting it was no farewell. */
#include <stdlib.h>

struct watch;
typedef void callback_fn(struct watch *watch, void *arg);

struct conn {
	struct watch *watch;
	char *text;
};

struct watch *watch_new(int fd, callback_fn *readcb, void *arg);
void watch_free(struct watch *watch);
void listen_for(void (*callback)(int fd, short what, void *arg), void *arg);
int accept_one(void);
int is_ready(void);
int dispatch(void);

static void on_read(struct watch *watch, void *arg)
{
	struct conn *conn = arg;

	if (is_ready())
		return;
	watch_free(conn->watch);
	free(conn->text);
	free(conn);
}

static void on_accept(int fd, short what, void *arg)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return;
	conn->watch = watch_new(accept_one(), on_read, conn);
	conn->text = malloc(200);
}

int main(void)
{
	listen_for(on_accept, NULL);
	return dispatch();
}
