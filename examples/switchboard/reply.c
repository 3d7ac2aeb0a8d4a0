/* SPDX-License-Identifier: MIT */
/* Handlers that make and send a reply, and those that end an exchange and a line. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "switchboard.h"

#define DISCARD_SIZE 1024
#define DISCARD_MAX (256 * 1024)

const char *reason_of(int status)
{
	switch (status) {
	case 200: return "OK";
	case 400: return "Bad Request";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 414: return "URI Too Long";
	case 431: return "Request Header Fields Too Large";
	case 501: return "Not Implemented";
	case 505: return "HTTP Version Not Supported";
	default: return "Service Unavailable";
	}
}

static const char *media_type(const struct exchange *exchange)
{
	static const char *const types[][2] = {
		{ ".css", "text/css" }, { ".html", "text/html" }, { ".jpg", "image/jpeg" },
		{ ".js", "text/javascript" }, { ".png", "image/png" }, { ".txt", "text/plain" },
	};
	const char *suffix;

	if (exchange->ops != &file_ops)
		return "text/plain";
	suffix = strrchr(exchange->path, '.');
	for (size_t i = 0; suffix && i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(suffix, types[i][0]) == 0)
			return types[i][1];
	}
	return "application/octet-stream";
}

/* The header of a reply is well below the size of an outbox. */
static void compose_head(const struct exchange *exchange, struct outbox *outbox)
{
	int status = exchange->status ? exchange->status : 200;
	time_t now = time(NULL);
	char *to = outbox->bytes;
	struct tm date;
	char when[32];

	gmtime_r(&now, &date);
	strftime(when, sizeof(when), "%a, %d %b %Y %H:%M:%S GMT", &date);
	to += sprintf(to, "HTTP/1.1 %d %s\r\nServer: switchboard\r\nDate: %s\r\n",
		      status, reason_of(status), when);
	to += sprintf(to, "Content-Type: %s\r\n", media_type(exchange));
	if (status == 405)
		to += sprintf(to, "Allow: GET, HEAD\r\n");
	if (exchange->chunked)
		to += sprintf(to, "Transfer-Encoding: chunked\r\n");
	else if (exchange->length >= 0)
		to += sprintf(to, "Content-Length: %lld\r\n", (long long)exchange->length);
	if (!exchange->keep_alive)
		to += sprintf(to, "Connection: close\r\n");
	else if (exchange->minor_version == 0)
		to += sprintf(to, "Connection: keep-alive\r\n");
	to += sprintf(to, "\r\n");
	outbox->end = (size_t)(to - outbox->bytes);
}

/* After these nobody knows where the next request begins, or whether there is one. */
static bool ends_line(const struct line *line)
{
	int status = line->exchange->status;

	return (status && status != 403 && status != 404) || line->exchange->has_body ||
	       line->board->stopping || line->served >= line->board->max_requests;
}

/* Open what the body is made of; a refusal has one too. */
static int open_body(struct line *line)
{
	struct exchange *exchange = line->exchange;
	const struct body_ops *ops = choose_body(line);
	int status = ops->open(line);

	if (status && ops != &text_ops) {
		exchange->status = status;
		ops = &text_ops;
		status = ops->open(line);
	}
	if (!status)
		exchange->ops = ops;
	return status;
}

static struct outbox *outbox_new(void)
{
	struct outbox *outbox = malloc(sizeof(*outbox));

	if (outbox)
		outbox->start = outbox->end = 0;
	return outbox;
}

static void close_body(struct line *line)
{
	if (line->exchange->ops)
		line->exchange->ops->close(line);
	line->exchange->ops = NULL;
}

void on_request(struct line *line)
{
	struct exchange *exchange = line->exchange;

	line->served++;
	if (open_body(line)) {
		hang_up(line);
		return;
	}
	if (ends_line(line))
		exchange->keep_alive = false;
	line->outbox = outbox_new();
	if (!line->outbox) {
		hang_up(line);
		return;
	}
	compose_head(exchange, line->outbox);
	if (exchange->head_only)
		close_body(line);
	call_soon(line, on_writable);
}

/* The reply is out: on to the next request, or to the end. */
static void end_exchange(struct line *line)
{
	bool keep_alive = line->exchange->keep_alive;

	close_body(line);
	free(line->outbox);
	line->outbox = NULL;
	exchange_put(line->exchange);
	line->exchange = NULL;
	line->phase = NULL;
	if (!keep_alive) {
		shutdown(line->fd, SHUT_WR);
		enter_phase(line, &phase_linger);
	} else if (line->inbox->start < line->inbox->end) {
		call_soon(line, on_header);
	} else {
		free(line->inbox);
		line->inbox = NULL;
		enter_phase(line, &phase_idle);
	}
}

/* Fill an empty outbox.  Returns a length, 0 at the end of the body, or -errno. */
static ssize_t refill(struct line *line)
{
	struct outbox *outbox = line->outbox;
	const struct body_ops *ops = line->exchange->ops;
	ssize_t filled = ops ? ops->fill(line, outbox->bytes, OUTBOX_SIZE) : 0;

	outbox->start = 0;
	outbox->end = filled > 0 ? (size_t)filled : 0;
	return filled;
}

static ssize_t send_some(int fd, struct outbox *outbox)
{
	ssize_t sent;

	do {
		sent = send(fd, outbox->bytes + outbox->start, outbox->end - outbox->start,
			    MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	outbox->start += (size_t)sent;
	return sent;
}

/* One outbox at a time, so that a long body does not keep the other lines waiting. */
void on_writable(struct line *line)
{
	struct outbox *outbox = line->outbox;
	ssize_t result = send_some(line->fd, outbox);

	if (result == -EAGAIN) {
		enter_phase(line, &phase_reply);
		return;
	}
	if (result < 0) {
		hang_up(line);
		return;
	}
	if (outbox->start == outbox->end) {
		result = refill(line);
		if (result < 0) {
			hang_up(line);
			return;
		}
		if (result == 0) {
			end_exchange(line);
			return;
		}
	}
	call_soon(line, on_writable);
}

/* What still comes after the last reply must be read, or a reset could destroy the reply. */
void on_discard(struct line *line)
{
	char discarded[DISCARD_SIZE];
	ssize_t got = recv(line->fd, discarded, sizeof(discarded), 0);

	if (got > 0 && line->discarded < DISCARD_MAX) {
		line->discarded += (unsigned int)got;
		enter_phase(line, &phase_linger);
	} else if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
		enter_phase(line, &phase_linger);
	} else {
		hang_up(line);
	}
}

void hang_up(struct line *line)
{
	cancel_timer(line);
	if (line->exchange) {
		close_body(line);
		exchange_put(line->exchange);
	}
	free(line->outbox);
	free(line->inbox);
	close(line->fd);
	line->board->lines--;
	line_put(line);
}
