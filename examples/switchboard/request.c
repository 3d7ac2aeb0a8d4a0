/* SPDX-License-Identifier: MIT */
/* Handlers that read a request's header, line by line as it comes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "switchboard.h"

/* Read what there is room for.  Returns a length, 0 at the end of the connection, or -errno. */
static ssize_t read_some(int fd, struct inbox *inbox)
{
	ssize_t got;

	if (inbox->start > 0) {
		memmove(inbox->bytes, inbox->bytes + inbox->start, inbox->end - inbox->start);
		inbox->end -= inbox->start;
		inbox->start = 0;
	}
	do {
		got = recv(fd, inbox->bytes + inbox->end, INBOX_SIZE - inbox->end, 0);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	inbox->end += (size_t)got;
	return got;
}

static struct exchange *exchange_open(void)
{
	struct exchange *exchange = exchange_get();

	if (exchange)
		memset(exchange, 0, offsetof(struct exchange, path) + 1);
	return exchange;
}

void on_first_bytes(struct line *line)
{
	struct inbox *inbox = malloc(sizeof(*inbox));
	ssize_t got;

	if (!inbox)
		goto fail;
	inbox->start = inbox->end = 0;
	got = read_some(line->fd, inbox);
	if (got == -EAGAIN) {
		free(inbox);
		enter_phase(line, &phase_idle);
		return;
	}
	if (got <= 0)
		goto fail_inbox;
	line->inbox = inbox;
	call_soon(line, on_header);
	return;

fail_inbox:
	free(inbox);
fail:
	hang_up(line);
}

/* The next line of the header, without its end and followed by NUL; NULL: not yet complete. */
static char *take_line(struct inbox *inbox)
{
	char *text = inbox->bytes + inbox->start;
	char *end = memchr(text, '\n', inbox->end - inbox->start);

	if (!end)
		return NULL;
	inbox->start = (size_t)(end + 1 - inbox->bytes);
	if (memchr(text, '\0', (size_t)(end - text)))
		*text = '\1';		/* no line of a header begins like this: refused below */
	if (end > text && end[-1] == '\r')
		end--;
	*end = '\0';
	return text;
}

/* One line of the header.  True if it was the last, or the request is refused. */
static bool take_header_line(struct exchange *exchange, char *text)
{
	if (!exchange->path[0]) {
		if (!*text)
			return false;	/* empty lines may precede a request */
		exchange->status = parse_request_line(exchange, text);
		return exchange->status != 0;
	}
	if (*text) {
		bool too_many = ++exchange->fields > FIELDS_MAX;

		exchange->status = too_many ? 431 : parse_field(exchange, text);
		return exchange->status != 0;
	}
	if (exchange->minor_version > 0 && !exchange->has_host)
		exchange->status = 400;
	return true;
}

static int refusal_of_full(const struct exchange *exchange)
{
	return exchange->path[0] ? 431 : 414;
}

/* There are bytes in the inbox that nobody has looked at. */
void on_header(struct line *line)
{
	struct inbox *inbox = line->inbox;
	struct exchange *exchange = line->exchange;
	bool complete = false;
	char *text;

	if (!exchange) {
		exchange = line->exchange = exchange_open();
		if (!exchange) {
			hang_up(line);
			return;
		}
	}
	while (!complete && (text = take_line(inbox)))
		complete = take_header_line(exchange, text);
	if (!complete && inbox->end - inbox->start == INBOX_SIZE) {
		exchange->status = refusal_of_full(exchange);
		complete = true;
	}
	if (complete)
		call_soon(line, on_request);
	else
		enter_phase(line, &phase_header);
}

void on_header_bytes(struct line *line)
{
	ssize_t got = read_some(line->fd, line->inbox);

	if (got == -EAGAIN) {
		enter_phase(line, &phase_header);
	} else if (got < 0) {
		hang_up(line);
	} else if (got == 0) {
		line->exchange->status = 400;
		call_soon(line, on_request);
	} else {
		call_soon(line, on_header);
	}
}

void on_header_late(struct line *line)
{
	line->exchange->status = 408;
	call_soon(line, on_request);
}
