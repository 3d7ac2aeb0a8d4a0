// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second stage: the head of a request, peeked from the socket and understood. The bytes stay in
 * the socket until it is certain that this server answers (http.c): a connection may yet be handed
 * to another one (redirect.c), which must then find them.
 *
 * Context: the fast thread that owns the request.
 */
#include "tux.h"

/* Until there is memory again. */
#define MEMORY_PAUSE	(HZ / 50 + 1)

static bool get_header(struct tux_req *req)
{
	unsigned int size = READ_ONCE(tux_knobs.max_header_len);	/* may change meanwhile */

	if (req->header)
		return true;
	req->header = kmalloc(size, GFP_KERNEL);
	if (!req->header) {
		tux_count_event(TUX_EVENT_no_memory);
		return false;
	}
	req->header_size = size;
	tux_object_born(TUX_OBJECT_header, req->header, req->header_size);
	return true;
}

/**
 * free_header() - give the buffer of the head up
 * @req: has one, perhaps
 */
void free_header(struct tux_req *req)
{
	if (!req->header)
		return;
	tux_object_gone(TUX_OBJECT_header, req->header, req->header_size);
	kfree(req->header);
	req->header = NULL;
}

/**
 * expect_request() - let a connection go on with the next request, or wait for one
 * @req: is on no list
 */
void expect_request(struct tux_req *req)
{
	unsigned long timeout = tux_knobs.header_timeout * HZ;

	req->deadline = jiffies + timeout;
	add_tux_atom(req, parse_request);
	if (input_ready(req))
		add_req_to_workqueue(req);
	else if (req->idle)
		wait_for_event(req, TUX_WAIT_INPUT, tux_knobs.keepalive_timeout * HZ);
	else
		wait_for_event(req, TUX_WAIT_INPUT, timeout);
}

/* The rest of the head has until the deadline, however slowly it drips. */
static void expect_more(struct tux_req *req)
{
	long rest = req->deadline - jiffies;

	if (req->expired || rest <= 0) {
		refuse_request(req, 408);
		return;
	}
	add_tux_atom(req, parse_request);
	wait_for_event(req, TUX_WAIT_INPUT, rest);
}

/* Not one byte of a request: its peer has ended, is gone, or says nothing. */
static void without_request(struct tux_req *req, int received)
{
	bool over = received != -EAGAIN || req->expired || input_ended(req);

	free_header(req);
	if (over)
		close_connection(req);
	else
		expect_request(req);
}

/* Memory is short: the bytes stay in the socket, and the request tries again. */
static void wait_for_memory(struct tux_req *req)
{
	if (time_after_eq(jiffies, req->deadline)) {
		abort_request(req);
		return;
	}
	add_tux_atom(req, parse_request);
	wait_for_event(req, 0, MEMORY_PAUSE);
}

static bool wants_another(const struct tux_req *req)
{
	const struct tux_message *message = &req->message;

	if (message->close || message->has_body || req->thread->draining)
		return false;
	return (message->minor || message->keep_alive) && tux_knobs.max_keepalives;
}

static void understand(struct tux_req *req)
{
	int ret = tux_parse_head(req->header, req->header_length, &req->message);

	if (ret == TUX_PARSE_DONE) {
		req->keep_alive = wants_another(req);
		add_tux_atom(req, process_message);
		add_req_to_workqueue(req);
	} else if (ret != TUX_PARSE_INCOMPLETE) {
		req->keep_alive = ret != 400 && ret != 505 && wants_another(req);
		refuse_request(req, ret);
	} else if (req->header_length == req->header_size) {
		refuse_request(req, tux_parse_oversize(req->header, req->header_length));
	} else if (input_ended(req)) {
		refuse_request(req, 400);
	} else {
		expect_more(req);
	}
}

void parse_request(struct tux_req *req, int cachemiss)
{
	int received;

	tux_count_stage(req, TUX_STAGE_parse);
	if (req->idle) {
		req->idle = false;
		req->deadline = jiffies + tux_knobs.header_timeout * HZ;
	} else if (time_before(jiffies, req->deadline)) {
		req->expired = false;	/* it was a wait for memory that ended */
	}
	if (!get_header(req)) {
		wait_for_memory(req);
		return;
	}
	received = peek_input(req, req->header, req->header_size);
	if (received <= 0) {
		without_request(req, received);
		return;
	}
	req->header_length = received;
	understand(req);
}
