// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stages that send. Nothing is copied: header and body go out as references to pages. What is
 * not the last piece of a reply is sent with the hint that more follows, and so is the last piece
 * if the connection ends after it: its segment then carries the FIN as well.
 *
 * Context: the fast thread that owns the request; send_body() also reads from the disk in a helper
 * thread, and sends nothing there.
 */
#include "tux.h"

/* When the socket has room but takes nothing, memory is short: try again soon. */
#define MEMORY_PAUSE	(HZ / 50 + 1)

/* Send a part of a page, and note that the peer takes something. Return: bytes, or an error. */
static int send_part(struct tux_req *req, struct page *page, unsigned int offset,
		     unsigned int size, bool more)
{
	int sent = send_page(req, page, offset, size, more);

	if (sent > 0)
		req->deadline = jiffies + tux_knobs.output_timeout * HZ;
	return sent;
}

/* The socket is full, or gone: go on later with @atom, or not at all. */
static void send_failed(struct tux_req *req, int error, tux_atom_t *atom)
{
	long rest = req->deadline - jiffies;

	if (error != -EAGAIN || rest <= 0) {
		abort_request(req);
		return;
	}
	add_tux_atom(req, atom);
	if (output_ready(req))
		wait_for_event(req, 0, MEMORY_PAUSE);
	else
		wait_for_event(req, TUX_WAIT_OUTPUT, rest);
}

/**
 * send_reply() - the abuf holds the header: send it, then the body, if there is one
 * @req: is on no list
 */
void send_reply(struct tux_req *req)
{
	req->deadline = jiffies + tux_knobs.output_timeout * HZ;
	add_tux_atom(req, post_header);
	add_tux_atom(req, send_abuf);
	add_req_to_workqueue(req);
}

void send_abuf(struct tux_req *req, int cachemiss)
{
	struct tux_abuf *abuf = &req->abuf;
	bool more = req->body_next < req->body_end || !req->keep_alive;

	tux_count_stage(req, TUX_STAGE_send_abuf);
	while (abuf->sent < abuf->size) {
		int sent = send_part(req, abuf->page, abuf->offset + abuf->sent,
				     abuf->size - abuf->sent, more);

		if (sent <= 0) {
			send_failed(req, sent, send_abuf);
			return;
		}
		abuf->sent += sent;
	}
	add_req_to_workqueue(req);
}

/* The header is out: its buffer can go, and the body can come. */
void post_header(struct tux_req *req, int cachemiss)
{
	tux_count_stage(req, TUX_STAGE_post_header);
	free_abuf(req);
	if (req->body_next < req->body_end) {
		req->output_started = jiffies;
		add_tux_atom(req, send_body);
	}
	add_req_to_workqueue(req);
}

/* Jiffies until the bandwidth limit allows the next page; 0 for now. */
static unsigned long must_pause(const struct tux_req *req)
{
	u64 sent = req->body_next - req->body_start;
	unsigned int limit = tux_knobs.max_output_bandwidth;
	unsigned long due;

	if (!limit)
		return 0;
	due = req->output_started + (unsigned long)div_u64(sent * HZ, limit);
	return time_after(due, jiffies) ? due - jiffies : 0;
}

/*
 * Is the file shorter than the body that was promised? What is missing reads as zeros, up to the
 * end of a page: the client must not take them for it.
 */
static bool has_shrunk(const struct tux_req *req)
{
	return i_size_read(file_inode(req->file)) < req->body_end;
}

/* Send as much of one page as the socket takes. Return: bytes, or an error. */
static int send_body_page(struct tux_req *req)
{
	unsigned int offset = offset_in_page(req->body_next);
	loff_t left = req->body_end - req->body_next;
	unsigned int size = min_t(loff_t, PAGE_SIZE - offset, left);
	struct page *page;
	int sent;

	if (has_shrunk(req))
		return -EIO;
	page = find_body_page(req);
	if (IS_ERR(page))
		return PTR_ERR(page);
	sent = send_part(req, page, offset, size, left > size || !req->keep_alive);
	put_page(page);
	return sent;
}

/* Send until all is out. Return: 0, or why not; -EIO also if what is out may not be the file's. */
static int send_pages(struct tux_req *req)
{
	while (req->body_next < req->body_end) {
		int sent;

		if (must_pause(req))
			return -EBUSY;
		sent = send_body_page(req);
		if (sent < 0)
			return sent;
		req->body_next += sent;
	}
	return has_shrunk(req) ? -EIO : 0;
}

void send_body(struct tux_req *req, int cachemiss)
{
	int ret;

	tux_count_stage(req, TUX_STAGE_send_body);
	if (cachemiss) {
		read_body_page(req);
		add_tux_atom(req, send_body);
		add_req_to_workqueue(req);
		return;
	}
	ret = req->aborted ? -EIO : send_pages(req);
	if (!ret) {
		add_req_to_workqueue(req);
	} else if (ret == -ENODATA) {
		add_tux_atom(req, send_body);
		queue_cachemiss(req);
	} else if (ret == -EBUSY) {
		add_tux_atom(req, send_body);
		wait_for_event(req, 0, must_pause(req) + 1);
	} else {
		send_failed(req, ret, send_body);
	}
}
