// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of request structures. Dead ones go on a LIFO free list of their thread, so that the
 * next connection gets the one that is most likely still in the cache.
 *
 * Context: the thread that owns the request.
 */
#include "tux.h"

static struct tux_req *take_free_req(struct tux_thread *thread)
{
	struct tux_req *req = list_first_entry_or_null(&thread->free, struct tux_req, list);

	if (req) {
		list_del(&req->list);
		thread->nr_free--;
	}
	return req;
}

static struct tux_req *new_req(void)
{
	struct tux_req *req = kmalloc(sizeof(*req), GFP_KERNEL);

	if (req)
		timer_setup(&req->timer, tux_req_timed_out, 0);
	return req;
}

/**
 * kmalloc_req() - a request structure for a new connection
 * @thread: the fast thread that will own it
 *
 * Return: the request, on no list, without a socket; NULL if memory is short.
 */
struct tux_req *kmalloc_req(struct tux_thread *thread)
{
	struct tux_req *req = take_free_req(thread);

	if (!req)
		req = new_req();
	if (!req)
		return NULL;
	INIT_LIST_HEAD(&req->list);
	req->thread = thread;
	memset(&req->connection, 0, sizeof(req->connection));
	memset(&req->request, 0, sizeof(req->request));
	WRITE_ONCE(thread->nr_live, thread->nr_live + 1);
	tux_object_born(TUX_OBJECT_request, req, sizeof(*req));
	return req;
}

/**
 * kfree_req() - the end of a request structure
 * @req: without a socket, and without data of a request
 */
void kfree_req(struct tux_req *req)
{
	struct tux_thread *thread = req->thread;

	if (req->timed)
		del_timer_sync(&req->timer);
	WRITE_ONCE(thread->nr_live, thread->nr_live - 1);
	tux_object_gone(TUX_OBJECT_request, req, sizeof(*req));
	if (thread->nr_free < tux_knobs.max_free_requests) {
		list_add(&req->list, &thread->free);
		thread->nr_free++;
	} else {
		kfree(req);
	}
}

/* Give all that is on the free list back to the system. */
void tux_free_list_empty(struct tux_thread *thread)
{
	struct tux_req *req;

	while ((req = take_free_req(thread)))
		kfree(req);
}
