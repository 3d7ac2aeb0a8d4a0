/* SPDX-License-Identifier: MIT */
/* A request has one watch: a callback that is set there replaces the one before, as NULL does. */
#include <stdlib.h>

struct watch;
typedef void callback_fn(struct watch *watch, void *arg);

struct watch {
	callback_fn *readcb;
	callback_fn *writecb;
};

struct conn {
	struct watch *watch;
	char *reply;
};

struct watch *watch_new(int fd, callback_fn *writecb, callback_fn *errorcb, void *arg);
void watch_free(struct watch *watch);
void listen_for(void (*callback)(int fd, short what, void *arg), void *arg);
int accept_one(void);
int dispatch(void);

static void on_data(struct watch *watch, void *arg)
{
	struct conn *conn = arg;

	conn->reply[0]++;
}

static void on_hello(struct watch *watch, void *arg)
{
	struct conn *conn = arg;

	conn->reply = malloc(300);
	if (conn->reply)
		conn->watch->readcb = on_data;
}

static void on_connected(struct watch *watch, void *arg)
{
	struct conn *conn = arg;

	conn->watch->readcb = on_hello;
	conn->watch->writecb = NULL;
}

static void on_error(struct watch *watch, void *arg)
{
	struct conn *conn = arg;

	watch_free(conn->watch);
	free(conn->reply);
	free(conn);
}

static void on_accept(int fd, short what, void *arg)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (conn)
		conn->watch = watch_new(accept_one(), on_connected, on_error, conn);
}

int main(void)
{
	listen_for(on_accept, NULL);
	return dispatch();
}
