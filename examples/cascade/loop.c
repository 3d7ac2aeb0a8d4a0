/* SPDX-License-Identifier: MIT */
/* The scheduler: accept all, run all that is runnable, expire, sleep. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cascade.h"

#define EVENTS_AT_ONCE 256
#define STOP_LIMIT_MS 5000	/* how long requests may take to end when we stop */
#define ACCEPT_PAUSE_MS 100	/* until accept is tried again when descriptors are short */

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void conn_open(struct server *server, struct conn *conn, int fd)
{
	memset(conn, 0, sizeof(*conn));
	conn->server = server;
	conn->fd = fd;
	conn->timer = TIMER_NONE;
	push_stage(conn, stage_read);
	make_runnable(conn);
}

static int accept_one(struct server *server)
{
	struct epoll_event event = { 0 };
	struct conn *conn;
	int one = 1;
	int fd;

	fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	conn = conn_alloc(server);
	if (!conn)
		goto drop_socket;
	event.data.ptr = conn;
	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		goto drop_conn;
	conn_open(server, conn, fd);
	return 0;

drop_conn:
	conn->server = server;
	conn_free(conn);
drop_socket:
	close(fd);
	return -ENOMEM;
}

static void set_accepting(struct server *server, bool accepting)
{
	struct epoll_event event = { .events = accepting ? EPOLLIN : 0, .data.ptr = server };

	if (server->accepting == accepting || server->stopping)
		return;
	if (epoll_ctl(server->epoll_fd, EPOLL_CTL_MOD, server->listen_fd, &event) == 0)
		server->accepting = accepting;
}

/* Drain the backlog; when something is short, leave the rest there until it is not. */
static void accept_all(struct server *server)
{
	for (;;) {
		int error;

		if (server->connections >= server->max_connections) {
			set_accepting(server, false);
			return;
		}
		error = accept_one(server);
		if (error == -EAGAIN)
			return;
		if (error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS) {
			set_accepting(server, false);
			return;
		}
		/* Any other error is about a peer that has gone: try the next. */
	}
}

/* Stop taking connections; idle ones end now, the others after their request. */
static void begin_stop(struct server *server)
{
	struct timer_list *idle = &server->timers[TIMER_IDLE];

	if (server->stopping)
		return;
	server->stopping = true;
	server->stop_deadline_ms = server->now_ms + STOP_LIMIT_MS;
	epoll_ctl(server->epoll_fd, EPOLL_CTL_DEL, server->listen_fd, NULL);
	close(server->listen_fd);
	server->listen_fd = -1;
	while (idle->first) {
		struct conn *conn = idle->first;

		stop_waiting(conn);
		interrupt(conn, stage_close);
	}
}

static void read_signal(struct server *server)
{
	struct signalfd_siginfo info;

	if (read(server->signal_fd, &info, sizeof(info)) == sizeof(info))
		begin_stop(server);
}

static void dispatch(struct server *server, const struct epoll_event *event)
{
	struct conn *conn = event->data.ptr;

	if (event->data.ptr == server) {
		accept_all(server);
	} else if (event->data.ptr == &server->signal_fd) {
		read_signal(server);
	} else if (conn->waiting) {
		stop_waiting(conn);
		make_runnable(conn);
	}
}

static void expire_timers(struct server *server)
{
	for (int class = 0; class < TIMER_CLASSES; class++) {
		struct timer_list *list = &server->timers[class];

		while (list->first && list->first->deadline_ms <= server->now_ms) {
			struct conn *conn = list->first;

			stop_waiting(conn);
			interrupt(conn, stage_timeout);
		}
	}
}

/* Milliseconds until something has to be done without an event; -1: never. */
static int next_timeout_ms(const struct server *server)
{
	int64_t next = INT64_MAX;

	if (server->run_first)
		return 0;
	for (int class = 0; class < TIMER_CLASSES; class++) {
		const struct conn *first = server->timers[class].first;

		if (first && first->deadline_ms < next)
			next = first->deadline_ms;
	}
	if (server->stopping && server->stop_deadline_ms < next)
		next = server->stop_deadline_ms;
	if (!server->stopping && !server->accepting && server->now_ms + ACCEPT_PAUSE_MS < next)
		next = server->now_ms + ACCEPT_PAUSE_MS;
	if (next == INT64_MAX)
		return -1;
	return next > server->now_ms ? (int)(next - server->now_ms) : 0;
}

/* When the stop takes too long: every connection is closed as it is. */
static void abandon_all(struct server *server)
{
	for (struct conn *conn = server->run_first; conn; conn = conn->next)
		interrupt(conn, stage_close);
	for (int class = 0; class < TIMER_CLASSES; class++) {
		while (server->timers[class].first) {
			struct conn *conn = server->timers[class].first;

			stop_waiting(conn);
			interrupt(conn, stage_close);
		}
	}
}

static void run_all(struct server *server)
{
	struct conn *conn;

	while ((conn = take_runnable(server)))
		run_next_stage(conn);
}

int event_loop(struct server *server)
{
	struct epoll_event events[EVENTS_AT_ONCE];

	while (!server->stopping || server->connections > 0) {
		int count = epoll_wait(server->epoll_fd, events, EVENTS_AT_ONCE,
				       next_timeout_ms(server));

		if (count < 0 && errno != EINTR)
			return -errno;
		server->now_ms = clock_ms();
		for (int i = 0; i < count; i++)
			dispatch(server, &events[i]);
		expire_timers(server);
		if (server->stopping && server->now_ms >= server->stop_deadline_ms)
			abandon_all(server);
		run_all(server);
		/* Only now: those that have just ended make room, and nothing else may wake us. */
		if (server->connections < server->max_connections)
			set_accepting(server, true);
	}
	return 0;
}
