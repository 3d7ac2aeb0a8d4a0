/* SPDX-License-Identifier: MIT */
/* The file is read in a helper thread, which gives the request back. */
#include "corpus.h"

static void stage_send(struct request *request)
{
	free(request->buffer);
	request->buffer = NULL;
}

static void stage_fill(struct request *request)
{
	request->length = (size_t)socket_read(request->fd, request->buffer, 1024);
	queue_stage(request, stage_send);
}

void stage_start(struct request *request)
{
	request->buffer = malloc(sizeof(*request->buffer));
	if (request->buffer)
		hand_to_helper(request, stage_fill);
}
