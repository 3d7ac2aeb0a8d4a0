// SPDX-License-Identifier: GPL-2.0-only
/*
 * First stage: take every connection that is established from the listening socket's backlog.
 *
 * Context: fast threads. They share one listening socket; the socket lock inside accept() orders
 * them. At net.tux.max_connect connections the longest idle one makes room; if none is idle, new
 * ones stay in the backlog until a request ends.
 */
#include "tux.h"

static bool has_room(void)
{
	unsigned int i, live = 0;

	for (i = 0; i < tux_server.nr_threads; i++)
		live += READ_ONCE(tux_server.threads[i]->nr_live);
	return live < tux_knobs.max_connect;
}

/* May this thread accept, and is there something to accept? */
bool accept_possible(struct tux_thread *thread)
{
	return !thread->draining && !tux_backlog_empty() && (has_room() || READ_ONCE(thread->nr_idle));
}

static int accept_socket(struct socket *listener, struct socket **result)
{
	struct socket *sock = sock_alloc();
	int ret;

	if (!sock)
		return -ENOMEM;
	sock->type = listener->type;
	ret = listener->ops->accept(listener, sock, O_NONBLOCK, true);
	if (ret) {
		sock_release(sock);
		return ret;
	}
	sock->ops = listener->ops;
	__module_get(sock->ops->owner);
	tux_object_born(TUX_OBJECT_socket, sock, sizeof(struct socket_alloc));
	*result = sock;
	return 0;
}

/* One connection becomes a request, which goes on at once if its first bytes are there. */
static int accept_request(struct tux_thread *thread)
{
	struct tux_req *req = kmalloc_req(thread);
	int ret;

	if (!req)
		return -ENOMEM;
	ret = accept_socket(tux_server.listener, &req->sock);
	if (ret) {
		kfree_req(req);
		return ret;
	}
	tux_count_stage(req, TUX_STAGE_accept);
	WRITE_ONCE(thread->schedule.turns, thread->schedule.turns + 1);
	link_socket(req);
	expect_request(req);
	return 0;
}

/**
 * accept_requests() - drain the backlog
 * @thread: will own the requests
 * @limit: take no more
 *
 * Return: how many connections were accepted.
 */
unsigned int accept_requests(struct tux_thread *thread, unsigned int limit)
{
	unsigned int work = 0;

	while (work < limit && !tux_backlog_empty()) {
		int ret;

		if (!has_room()) {
			wake_all_reqs(thread, &thread->idle, 1);
			break;
		}
		ret = accept_request(thread);
		if (ret == -ENOMEM) {	/* do not spin on it */
			tux_count_event(TUX_EVENT_no_memory);
			schedule_timeout_uninterruptible(1);
		}
		if (ret)
			break;
		work++;
	}
	return work;
}
