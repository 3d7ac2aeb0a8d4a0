/* SPDX-License-Identifier: MIT */
/* An event library calls any of several callbacks, which stay set; the task is their last argument. */
#include <stdlib.h>

struct watch;
typedef void callback_fn(struct watch *watch, void *arg);

struct watch {
	callback_fn *readcb;
	callback_fn *writecb;
};

struct conn {
	struct watch *client;
	struct watch *relay;
};

struct watch *watch_new(int fd, callback_fn *writecb, callback_fn *errorcb, void *arg);
void watch_free(struct watch *watch);
void listen_for(void (*callback)(int fd, short what, void *arg), void *arg);
int accept_one(void);
int is_ready(void);
int dispatch(void);

static void drop(struct conn *conn)
{
	if (conn->client)
		watch_free(conn->client);
	if (conn->relay)
		watch_free(conn->relay);
	free(conn);
}

static void on_relay_read(struct watch *watch, void *arg)
{
	struct conn *conn = arg;

	if (!is_ready())
		drop(conn);
}

static void on_client_read(struct watch *watch, void *arg)
{
	struct conn *conn = arg;

	if (!is_ready())
		drop(conn);
}

static void on_reply(struct watch *watch, void *arg)
{
	struct conn *conn = arg;

	conn->client->readcb = on_client_read;
	conn->relay->readcb = on_relay_read;
}

static void on_error(struct watch *watch, void *arg)
{
	struct conn *conn = arg;

	drop(conn);
}

static void on_connected(struct watch *watch, void *arg)
{
	struct conn *conn = arg;

	if (!is_ready()) {
		drop(conn);
		return;
	}
	conn->relay->readcb = on_reply;
}

static void on_hello(struct watch *watch, void *arg)
{
	struct conn *conn = arg;

	conn->client->readcb = NULL;
}

static void greet(struct conn *conn)
{
	conn->client->readcb = on_hello;
}

static void on_accept(int fd, short what, void *arg)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return;
	conn->client = watch_new(accept_one(), NULL, on_error, conn);
	if (!conn->client) {
		drop(conn);
		return;
	}
	conn->relay = watch_new(accept_one(), on_connected, on_error, conn);
	if (!conn->relay) {
		drop(conn);
		return;
	}
	greet(conn);
}

int main(void)
{
	listen_for(on_accept, NULL);
	return dispatch();
}
