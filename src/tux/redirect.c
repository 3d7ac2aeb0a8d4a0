// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that this server does not serve. If a user-space server listens on net.tux.clientport,
 * it gets the connection, with all of its input still unread, as if it had been established to it;
 * else the client gets a constant reply.
 *
 * Context: the fast thread that owns the request.
 */
#include "tux.h"

/**
 * refuse_request() - answer with an error, or let somebody else answer
 * @req: none of its input was consumed
 * @status: of the answer
 */
void refuse_request(struct tux_req *req, unsigned int status)
{
	req->status = status;
	if (status == 408)	/* what has come so far is of no use to anybody */
		req->keep_alive = false;
	add_tux_atom(req, redirect_request);
	add_req_to_workqueue(req);
}

/* Another request can be found behind this one only if the end of this one is known. */
static void send_constant_reply(struct tux_req *req)
{
	if (!req->message.length)
		req->keep_alive = false;
	if (compose_constant_reply(req, req->status)) {
		abort_request(req);
		return;
	}
	if (req->keep_alive)
		consume_input(req, req->message.length);
	else
		req->linger = true;
	send_reply(req);
}

void redirect_request(struct tux_req *req, int cachemiss)
{
	tux_count_stage(req, TUX_STAGE_redirect);
	if (tux_knobs.clientport && req->status != 408 && hand_over_connection(req)) {
		tux_count_event(TUX_EVENT_handed_over);
		release_connection(req);
		return;
	}
	send_constant_reply(req);
}
