/* SPDX-License-Identifier: MIT */
/* Wrappers that end the server where there is no memory: one allocates, one also releases. */
#include "corpus.h"

void log_error(const char *text);

static void die(const char *why)
{
	log_error(why);
	exit(1);
}

static void *xmalloc(size_t bytes)
{
	void *made = malloc(bytes);

	if (made == NULL)
		die("no memory");
	return made;
}

static void *xrealloc(void *old, size_t bytes)
{
	void *made = realloc(old, bytes);

	if (!made)
		die("no memory");
	return made;
}

static void stage_done(struct request *request)
{
	free(request->data);
	request->data = NULL;
}

static void stage_more(struct request *request)
{
	request->data = xrealloc(request->data, request->length + 100);
	if (socket_read(request->fd, (char *)request->data + request->length, 100) == 100) {
		request->length += 100;
		wait_socket(request, stage_more);
	} else {
		queue_stage(request, stage_done);
	}
}

void stage_start(struct request *request)
{
	request->length = 0;
	request->data = xmalloc(100);
	queue_stage(request, stage_more);
}
