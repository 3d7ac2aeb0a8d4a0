/* SPDX-License-Identifier: MIT */
/* The constructs of the state machine: pending stages, the run queue, waiting for a socket. */
#include <assert.h>
#include <sys/epoll.h>

#include "cascade.h"

/* What is pushed last runs first. */
void push_stage(struct conn *conn, stage_fn *stage)
{
	assert(conn->depth < STAGE_DEPTH);
	conn->stages[conn->depth++] = stage;
}

/* An empty stack means that the request is over. */
void run_next_stage(struct conn *conn)
{
	stage_fn *stage = stage_flush;

	if (conn->depth > 0)
		stage = conn->stages[--conn->depth];
	stage(conn);
}

void make_runnable(struct conn *conn)
{
	struct server *server = conn->server;

	assert(!conn->queued && !conn->waiting);
	conn->queued = true;
	conn->next = NULL;
	if (server->run_last)
		server->run_last->next = conn;
	else
		server->run_first = conn;
	server->run_last = conn;
}

struct conn *take_runnable(struct server *server)
{
	struct conn *conn = server->run_first;

	if (!conn)
		return NULL;
	server->run_first = conn->next;
	if (!server->run_first)
		server->run_last = NULL;
	conn->queued = false;
	return conn;
}

/* A wait of the same kind goes on from where it was, unless something was sent meanwhile. */
static void timer_start(struct conn *conn, enum timer_class timer)
{
	struct timer_list *list = &conn->server->timers[timer];
	struct conn *before = list->last;

	if (conn->timer != timer || timer == TIMER_SEND)
		conn->deadline_ms = conn->server->now_ms + list->timeout_ms;
	conn->timer = timer;
	while (before && before->deadline_ms > conn->deadline_ms)
		before = before->earlier;
	conn->earlier = before;
	conn->later = before ? before->later : list->first;
	if (conn->later)
		conn->later->earlier = conn;
	else
		list->last = conn;
	if (before)
		before->later = conn;
	else
		list->first = conn;
}

static void timer_stop(struct conn *conn)
{
	struct timer_list *list = &conn->server->timers[conn->timer];

	if (conn->earlier)
		conn->earlier->later = conn->later;
	else
		list->first = conn->later;
	if (conn->later)
		conn->later->earlier = conn->earlier;
	else
		list->last = conn->earlier;
}

/* Sleep until the socket has one of @events, or the time of @timer is over. */
void wait_for_socket(struct conn *conn, uint32_t events, enum timer_class timer)
{
	struct epoll_event event = { .events = events | EPOLLONESHOT, .data.ptr = conn };

	assert(!conn->queued && !conn->waiting);
	if (epoll_ctl(conn->server->epoll_fd, EPOLL_CTL_MOD, conn->fd, &event)) {
		interrupt(conn, stage_close);
		return;
	}
	conn->waiting = true;
	timer_start(conn, timer);
}

void stop_waiting(struct conn *conn)
{
	timer_stop(conn);
	conn->waiting = false;
}

/* Forget what was pending: @stage is next, at once. */
void interrupt(struct conn *conn, stage_fn *stage)
{
	conn->depth = 0;
	push_stage(conn, stage);
	if (!conn->queued)
		make_runnable(conn);
}
