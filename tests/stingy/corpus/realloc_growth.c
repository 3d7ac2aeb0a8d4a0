/* SPDX-License-Identifier: MIT */
/* A buffer grows by realloc: its size has no bound, and it stays one object. */
#include "corpus.h"

static void stage_done(struct request *request)
{
	free(request->data);
	request->data = NULL;
}

static void stage_more(struct request *request)
{
	char *grown = realloc(request->data, request->length + 100);

	if (!grown) {
		queue_stage(request, stage_done);
		return;
	}
	request->data = grown;
	if (socket_read(request->fd, grown + request->length, 100) == 100) {
		request->length += 100;
		wait_socket(request, stage_more);
	} else {
		queue_stage(request, stage_done);
	}
}

void stage_start(struct request *request)
{
	request->length = 0;
	request->data = malloc(100);
	if (request->data)
		queue_stage(request, stage_more);
}
