// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of a request, and of its connection.
 *
 * Context: the fast thread that owns the request.
 */
#include "tux.h"

/* Bytes that a lingering connection discards in one turn. */
#define DISCARD_BYTES	(1 << 20)

/* Drop what belongs to one request; the connection stays. */
static void free_request_data(struct tux_req *req)
{
	free_abuf(req);
	close_object(req);
	free_header(req);
	req->nr_atoms = 0;
	memset(&req->request, 0, sizeof(req->request));
}

/**
 * flush_request() - the reply is out
 * @req: is runnable and has no stage left
 */
void flush_request(struct tux_req *req)
{
	bool keep_alive = req->keep_alive;

	tux_count_stage(req, TUX_STAGE_flush);
	log_request(req);
	tux_count_reply(req->status);
	free_request_data(req);
	if (!keep_alive) {
		close_connection(req);
		return;
	}
	req->idle = true;
	if (READ_ONCE(req->thread->nr_idle) >= tux_knobs.max_keepalives)
		wake_all_reqs(req->thread, &req->thread->idle, 1);
	expect_request(req);
}

/**
 * release_connection() - the end
 * @req: is not there any more afterwards
 */
void release_connection(struct tux_req *req)
{
	free_request_data(req);
	if (req->sock) {
		unlink_socket(req);
		tux_object_gone(TUX_OBJECT_socket, req->sock, sizeof(struct socket_alloc));
		sock_release(req->sock);
	}
	kfree_req(req);
	tux_admit();
}

/**
 * close_connection() - the connection is not needed any more
 * @req: ends with it
 *
 * TCP resets a connection that is closed with input unread, and the peer may then lose the end of
 * the reply. So as long as it may send, only our direction is closed, and the input thrown away.
 */
void close_connection(struct tux_req *req)
{
	tux_count_stage(req, TUX_STAGE_close);
	if ((!req->linger && !input_pending(req)) || output_failed(req)) {
		release_connection(req);
		return;
	}
	kernel_sock_shutdown(req->sock, SHUT_WR);
	free_request_data(req);
	req->deadline = jiffies + tux_knobs.linger_time * HZ;
	add_tux_atom(req, linger_close);
	add_req_to_workqueue(req);
}

static unsigned int discard_input(struct tux_req *req)
{
	int taken = consume_input(req, DISCARD_BYTES);

	return max(taken, 0);
}

/* No longer than linger_timeout for the next bytes, linger_time in all, and max_linger bytes. */
void linger_close(struct tux_req *req, int cachemiss)
{
	long rest = min_t(long, req->deadline - jiffies, tux_knobs.linger_timeout * HZ);

	tux_count_stage(req, TUX_STAGE_linger);
	req->lingered += discard_input(req);
	if (req->expired || rest <= 0 || input_over(req) || req->lingered > tux_knobs.max_linger) {
		release_connection(req);
		return;
	}
	add_tux_atom(req, linger_close);
	wait_for_event(req, TUX_WAIT_INPUT, rest);
}

/**
 * abort_request() - nothing sensible can be sent any more
 * @req: ends, at whatever stage it is
 *
 * If a reply was begun, a reset tells the peer that it is not complete. Where none was, the log
 * says 499 if the peer is gone, else 503.
 */
void abort_request(struct tux_req *req)
{
	tux_count_event(TUX_EVENT_abort);
	if (req->sock) {
		if (!req->status)
			req->status = output_failed(req) ? 499 : 503;
		log_request(req);
		reset_on_close(req);
	}
	release_connection(req);
}
