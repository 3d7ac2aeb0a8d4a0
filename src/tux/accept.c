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
	return !thread->draining && !tux_backlog_empty() && (has_room() || thread->nr_idle);
}

static struct socket *accept_socket(struct socket *listener)
{
	struct socket *sock = sock_alloc();
	int ret;

	if (!sock)
		return NULL;
	sock->type = listener->type;
	ret = listener->ops->accept(listener, sock, O_NONBLOCK, true);
	if (ret) {
		sock_release(sock);
		return NULL;
	}
	sock->ops = listener->ops;
	__module_get(sock->ops->owner);
	tux_object_born(TUX_OBJECT_socket, sock, sizeof(struct socket_alloc));
	return sock;
}

/* One connection becomes a request, which goes on at once if its first bytes are there. */
static bool accept_request(struct tux_thread *thread)
{
	struct tux_req *req = kmalloc_req(thread);

	if (!req) {
		tux_count_event(TUX_EVENT_no_memory);
		return false;
	}
	req->sock = accept_socket(tux_server.listener);
	if (!req->sock) {
		kfree_req(req);
		return false;
	}
	tux_count_stage(req, TUX_STAGE_accept);
	link_socket(req);
	expect_request(req);
	return true;
}

/**
 * accept_requests() - drain the backlog
 * @thread: will own the requests
 *
 * Return: how many connections were accepted.
 */
int accept_requests(struct tux_thread *thread)
{
	int work = 0;

	while (!tux_backlog_empty()) {
		if (!has_room()) {
			wake_all_reqs(thread, &thread->idle, 1);
			break;
		}
		if (!accept_request(thread))
			break;
		work++;
	}
	return work;
}
