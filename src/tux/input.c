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

/*
 * The head does not fit its buffer. Few do not: a longer buffer is made for these alone, and the
 * bytes, which are in the socket still, are peeked anew. It is the system's memory in every build.
 */
static bool get_long_head(struct tux_req *req)
{
	unsigned int size = READ_ONCE(tux_knobs.long_header_len);

	req->long_head = kvmalloc(sizeof(*req->long_head) + size, GFP_KERNEL);
	if (!req->long_head) {
		tux_count_event(TUX_EVENT_no_memory);
		return false;
	}
	req->long_head->size = size;
	tux_object_resized(TUX_OBJECT_header, 0, size);
	return true;
}

static void free_long_head(struct tux_req *req)
{
	tux_object_resized(TUX_OBJECT_header, req->long_head->size, 0);
	kvfree(req->long_head);
	req->long_head = NULL;
}

/* Bytes of a head that there is room for. */
static unsigned int head_room(const struct tux_req *req)
{
	return unlikely(req->long_head) ? req->long_head->size : req->header_size;
}

/**
 * free_header() - give the buffer of the head up
 * @req: has one, perhaps
 */
void free_header(struct tux_req *req)
{
	if (!req->header)
		return;
	if (unlikely(req->long_head))
		free_long_head(req);
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

/**
 * asked_nothing() - has the peer sent no more than empty lines?
 * @req: the request
 *
 * Such lines in front of a request are no part of it (RFC 9112, 2.2). If none follows they get no
 * reply, which the peer would take for one to its last request, and no line in the log.
 */
bool asked_nothing(const struct tux_req *req)
{
	const char *head = tux_head(req);
	unsigned int i = 0;

	while (i < req->header_length && head[i] == "\r\n"[i % 2])
		i++;
	return i == req->header_length;
}

/* The head will never be whole. */
static void refuse_incomplete(struct tux_req *req, unsigned int status)
{
	if (asked_nothing(req))
		close_connection(req);
	else
		refuse_request(req, status);
}

/* The rest of the head has until the deadline, however slowly it drips. */
static void expect_more(struct tux_req *req)
{
	long rest = req->deadline - jiffies;

	if (req->expired || rest <= 0) {
		refuse_incomplete(req, 408);
		return;
	}
	add_tux_atom(req, parse_request);
	wait_for_event(req, TUX_WAIT_INPUT, rest);
}

/**
 * input_over() - is nothing beyond the peeked bytes there, or to come?
 * @req: the request
 *
 * Bytes and the end may arrive together after a peek. So the end is asked for first, and what is
 * there is held against what was peeked.
 */
bool input_over(const struct tux_req *req)
{
	return input_ended(req) && input_pending(req) <= req->header_length;
}

/* Not one byte of a request: its peer has ended, is gone, perhaps in its midst, or says nothing. */
static void without_request(struct tux_req *req, int received)
{
	bool over = received != -EAGAIN || req->expired || input_over(req);

	if (over && req->header_length) {
		abort_request(req);
		return;
	}
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

/* All the room is taken, and the end is not there: make more, or refuse. */
static void lengthen_head(struct tux_req *req)
{
	if (req->long_head || READ_ONCE(tux_knobs.long_header_len) <= req->header_size) {
		refuse_request(req, tux_parse_oversize(tux_head(req), req->header_length));
		return;
	}
	if (!get_long_head(req)) {
		wait_for_memory(req);
		return;
	}
	add_tux_atom(req, parse_request);
	add_req_to_workqueue(req);
}

/* Does a head end beyond its first @known bytes? A head ends in an empty line. */
static bool has_end(const struct tux_req *req, unsigned int known)
{
	const char *end = tux_head(req) + req->header_length;
	const char *at = tux_head(req) + known - min(known, 3U);

	while ((at = memchr(at, '\n', end - at))) {
		at++;
		if (end - at >= 2 && at[0] == '\r' && at[1] == '\n')
			return true;
	}
	return false;
}

/*
 * A head that is parsed from its start with each of its bytes costs the square of its length. A
 * long one is parsed again only when it is whole, or will never be.
 */
static bool can_wait(const struct tux_req *req, unsigned int known)
{
	return req->long_head && req->header_length < head_room(req) && !input_over(req) &&
	       !has_end(req, known);
}

static void understand(struct tux_req *req)
{
	int ret = tux_parse_head(tux_head(req), req->header_length, &req->message);

	if (ret == TUX_PARSE_DONE) {
		req->keep_alive = wants_another(req);
		add_tux_atom(req, process_message);
		add_req_to_workqueue(req);
	} else if (ret != TUX_PARSE_INCOMPLETE) {
		req->keep_alive = ret != 400 && ret != 505 && wants_another(req);
		refuse_request(req, ret);
	} else if (req->header_length == head_room(req)) {
		lengthen_head(req);
	} else if (input_over(req)) {
		refuse_incomplete(req, 400);
	} else {
		expect_more(req);
	}
}

void parse_request(struct tux_req *req, int cachemiss)
{
	unsigned int known = req->header_length;
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
	received = peek_input(req, tux_head(req), head_room(req));
	if (received <= 0) {
		without_request(req, received);
		return;
	}
	req->header_length = received;
	if (unlikely(can_wait(req, known)))
		expect_more(req);
	else
		understand(req);
}
