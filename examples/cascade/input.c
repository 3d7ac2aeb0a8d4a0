/* SPDX-License-Identifier: MIT */
/* Stages that read: the header of a request, its syntax, what nobody wants any more. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "cascade.h"

#define DISCARD_SIZE 1024
#define DISCARD_MAX (256 * 1024)

/* The end of the header that ends in text[from..to), or 0: an empty line, with or without CR. */
static size_t find_header_end(const char *text, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		if (text[i] != '\n')
			continue;
		if (i + 1 < to && text[i + 1] == '\n')
			return i + 2;
		if (i + 2 < to && text[i + 1] == '\r' && text[i + 2] == '\n')
			return i + 3;
	}
	return 0;
}

static size_t count_blank(const char *text, size_t length)
{
	size_t count = 0;

	while (count < length && (text[count] == '\r' || text[count] == '\n'))
		count++;
	return count;
}

/*
 * Take input up to the end of the header and not a byte more: what follows stays in the socket for
 * the next request.  Returns 1 when the header is complete, 0 when the connection ended, or -errno.
 */
static int take_header(int fd, struct header_buffer *header)
{
	for (;;) {
		char *tail = header->text + header->length;
		size_t room = HEADER_MAX - header->length;
		size_t from = header->length > 2 ? header->length - 2 : 0;
		size_t blank, end;
		ssize_t got;

		if (room == 0)
			return -EMSGSIZE;
		got = recv(fd, tail, room, MSG_PEEK);
		if (got <= 0)
			return got ? -errno : 0;
		/* Empty lines before a request are allowed, and mean nothing. */
		blank = header->length ? 0 : count_blank(tail, (size_t)got);
		if (blank) {
			recv(fd, tail, blank, 0);
			continue;
		}
		end = find_header_end(header->text, from, header->length + (size_t)got);
		if (end)
			got = (ssize_t)(end - header->length);
		got = recv(fd, tail, (size_t)got, 0);
		if (got <= 0)
			return got ? -errno : 0;
		header->length += (size_t)got;
		header->text[header->length] = '\0';
		if (end && header->length == end)
			return 1;
	}
}

static bool has_line(const struct header_buffer *header)
{
	return memchr(header->text, '\n', header->length) != NULL;
}

/* Nothing more can be read now: wait, without a buffer if nothing has come so far. */
static void await_input(struct conn *conn)
{
	bool idle = conn->header->length == 0;

	if (idle)
		header_release(conn);
	if (idle && conn->server->stopping) {
		push_stage(conn, stage_close);
		make_runnable(conn);
		return;
	}
	push_stage(conn, stage_read);
	wait_for_socket(conn, EPOLLIN, idle ? TIMER_IDLE : TIMER_REQUEST);
}

void stage_read(struct conn *conn)
{
	int result;

	if (!conn->header) {
		conn->header = malloc(sizeof(*conn->header));
		if (!conn->header) {
			push_stage(conn, stage_close);
			make_runnable(conn);
			return;
		}
		conn->header->length = 0;
		memset(&conn->request, 0, sizeof(conn->request));
	}
	result = take_header(conn->fd, conn->header);
	if (result == -EAGAIN || result == -EINTR) {
		await_input(conn);
		return;
	}
	if (result == 1)
		push_stage(conn, stage_parse);
	else if (result == -EMSGSIZE)
		refuse(conn, has_line(conn->header) ? 431 : 414);
	else if (result == 0 && conn->header->length > 0)
		refuse(conn, 400);
	else
		push_stage(conn, stage_close);
	make_runnable(conn);
}

void stage_parse(struct conn *conn)
{
	struct header_buffer *header = conn->header;
	int status = parse_request(&conn->request, header->text, header->length);

	conn->served++;
	if (conn->server->stopping || conn->served >= conn->server->max_requests)
		conn->request.keep_alive = false;
	if (status)
		refuse(conn, status);
	else
		push_stage(conn, stage_lookup);
	make_runnable(conn);
}

/* We have said all: a peer that still sends must not get a reset that destroys our last reply. */
void stage_linger(struct conn *conn)
{
	char discarded[DISCARD_SIZE];
	ssize_t got = recv(conn->fd, discarded, sizeof(discarded), 0);

	if (got > 0 && conn->discarded < DISCARD_MAX) {
		conn->discarded += (unsigned int)got;
		push_stage(conn, stage_linger);
		make_runnable(conn);
	} else if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
		push_stage(conn, stage_linger);
		wait_for_socket(conn, EPOLLIN, TIMER_LINGER);
	} else {
		push_stage(conn, stage_close);
		make_runnable(conn);
	}
}

/* The time of a wait is over: only who has begun to ask gets an answer. */
void stage_timeout(struct conn *conn)
{
	if (conn->header)
		refuse(conn, 408);
	else
		push_stage(conn, stage_close);
	make_runnable(conn);
}
