/* SPDX-License-Identifier: MIT */
/* Stages that make and send replies, and those that end a request and a connection. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cascade.h"

static bool is_final(int status)
{
	return status == 400 || status == 408 || status == 414 || status == 431 ||
	       status == 501 || status == 505;
}

/* The request gets a reply that says why not.  The caller makes the connection runnable. */
void refuse(struct conn *conn, int status)
{
	conn->status = status;
	if (is_final(status))
		conn->request.keep_alive = false;
	push_stage(conn, stage_refuse);
}

static void abort_conn(struct conn *conn)
{
	conn->request.keep_alive = false;
	conn->depth = 0;
	push_stage(conn, stage_close);
	make_runnable(conn);
}

static struct reply *reply_new(void)
{
	struct reply *reply = malloc(sizeof(*reply));

	if (reply)
		reply->length = reply->sent = 0;
	return reply;
}

static bool has_body(const struct conn *conn)
{
	return conn->request.method == METHOD_GET && conn->status == 200 && conn->file->size > 0;
}

void stage_head(struct conn *conn)
{
	header_release(conn);
	conn->reply = reply_new();
	if (!conn->reply)
		goto fail;
	conn->reply->length = compose_head(conn, conn->reply->text, REPLY_MAX);
	if (!conn->reply->length)
		goto fail_reply;
	if (has_body(conn))
		push_stage(conn, stage_send_body);
	else
		file_release(conn);
	push_stage(conn, stage_send_head);
	make_runnable(conn);
	return;

fail_reply:
	reply_release(conn);
fail:
	abort_conn(conn);
}

void stage_refuse(struct conn *conn)
{
	conn->reply = reply_new();
	if (!conn->reply) {
		abort_conn(conn);
		return;
	}
	conn->reply->length = compose_refusal(conn, conn->reply->text, REPLY_MAX);
	if (!conn->reply->length) {	/* a location that does not fit */
		conn->status = 404;
		conn->reply->length = compose_refusal(conn, conn->reply->text, REPLY_MAX);
	}
	if (conn->header)
		header_release(conn);
	push_stage(conn, stage_send_head);
	make_runnable(conn);
}

/* Send @length bytes; -EAGAIN if the socket takes none. */
static ssize_t send_some(int fd, const char *bytes, size_t length, int flags)
{
	ssize_t sent;

	do {
		sent = send(fd, bytes, length, flags | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

void stage_send_head(struct conn *conn)
{
	struct reply *reply = conn->reply;
	bool more = conn->file != NULL;

	while (reply->sent < reply->length) {
		ssize_t sent = send_some(conn->fd, reply->text + reply->sent,
					 reply->length - reply->sent, more ? MSG_MORE : 0);

		if (sent == -EAGAIN) {
			push_stage(conn, stage_send_head);
			wait_for_socket(conn, EPOLLOUT, TIMER_SEND);
			return;
		}
		if (sent < 0) {
			abort_conn(conn);
			return;
		}
		reply->sent += (size_t)sent;
	}
	reply_release(conn);
	make_runnable(conn);
}

/* Read the next part of the body into @chunk; false if the file is shorter than it was. */
static bool fill_chunk(struct chunk *chunk, struct file_state *file)
{
	off_t left = file->size - file->offset;
	size_t want = left < CHUNK_SIZE ? (size_t)left : CHUNK_SIZE;
	ssize_t got = pread(file->fd, chunk->bytes, want, file->offset);

	if (got <= 0)
		return false;
	chunk->start = 0;
	chunk->end = (size_t)got;
	file->offset += got;
	return true;
}

/* One chunk at a time, so that a long body does not keep the other connections waiting. */
void stage_send_body(struct conn *conn)
{
	struct file_state *file = conn->file;
	struct chunk *chunk = conn->chunk;
	ssize_t sent;

	if (!chunk) {
		chunk = malloc(sizeof(*chunk));
		if (!chunk)
			goto fail;
		chunk->start = chunk->end = 0;
		conn->chunk = chunk;
	}
	if (chunk->start == chunk->end && !fill_chunk(chunk, file))
		goto fail;
	sent = send_some(conn->fd, chunk->bytes + chunk->start, chunk->end - chunk->start,
			 file->offset < file->size ? MSG_MORE : 0);
	if (sent == -EAGAIN) {
		push_stage(conn, stage_send_body);
		wait_for_socket(conn, EPOLLOUT, TIMER_SEND);
		return;
	}
	if (sent < 0)
		goto fail;
	chunk->start += (size_t)sent;
	if (chunk->start == chunk->end && file->offset == file->size) {
		chunk_release(conn);
		file_release(conn);
	} else {
		push_stage(conn, stage_send_body);
	}
	make_runnable(conn);
	return;

fail:
	abort_conn(conn);
}

/* Nothing is pending: the reply is out, and the connection is free for the next request. */
void stage_flush(struct conn *conn)
{
	conn->timer = TIMER_NONE;
	if (conn->request.keep_alive) {
		push_stage(conn, stage_read);
	} else {
		shutdown(conn->fd, SHUT_WR);
		push_stage(conn, stage_linger);
	}
	make_runnable(conn);
}

void stage_close(struct conn *conn)
{
	if (conn->header)
		header_release(conn);
	if (conn->reply)
		reply_release(conn);
	if (conn->chunk)
		chunk_release(conn);
	file_release(conn);
	close(conn->fd);
	conn_free(conn);
}
